"""What the browser is given of the panel once: its scripts joined into one, its styles, and the labels of controls. No state."""

import re
from pathlib import Path

from ..drawing import css_colours
from ..recipe.steps import SubtractBias

__all__ = ["FRONT", "LABELS", "script", "styles"]

FRONT = Path(__file__).parent / "front"

# Each before those that import it.
_MODULES = """
    labels elements link sections axes profile picture spreads controls viewing viewer images listed table kinds night drag
    amplifiers head life steps effect calibrate save panel
""".split()

# What the control of each parameter is called. The names of parameters in a message are shown as these.
LABELS = {
    "raw_folder": "Folder of the night",
    "dark_folder": "Darks are in",
    "reduced_folder": "Folder of results",
    "overscan_columns": "Subtract the overscan",
    "keep_columns": "Keep",
    SubtractBias.parameter: "Subtract the bias",
    "amplifiers": "Amplifiers",
    "extensions": "Images to calibrate",
    "combined_bias": "Combined bias",
    "files": "Pick",
    "image_types": "The marked frames are",
    "unit": "Unit",
    "output_dtype": "Type",
    "overwrite": "Overwrite",
}


def script():
    """Join the modules of the browser into the one that anywidget loads; in one scope they need no imports and exports."""
    source = "\n".join((FRONT / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES)
    source = re.sub(r'^import\s[^;]*?from "\./\w+\.js";\n', "", source, flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", source, flags=re.MULTILINE)


def styles():
    """Return the style sheet, with the colours of all figures."""
    on_light, on_dark = css_colours()
    colours = (
        f'.darkcal-panel {{ {on_light} }}\n[data-jp-theme-light="false"] .darkcal-panel {{ {on_dark} }}\n'
    )
    return colours + (FRONT / "panel.css").read_text(encoding="utf-8")
