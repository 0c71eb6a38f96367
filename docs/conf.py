"""How Sphinx builds the documentation; `make docs` calls it. What is written from the code first is in `generate`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate

import darkcal_widgets

generate.write_all()

project = "darkcal"
author = "the darkcal developers"
copyright = "2026, the darkcal developers"
version = release = darkcal_widgets.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "myst_nb", "numpydoc"]
exclude_patterns = ["build", "generated/*.md"]
templates_path = ["_templates"]

# Single backticks in docstrings name Python objects, as numpydoc has it.
default_role = "py:obj"
autodoc_typehints = "none"
numpydoc_show_class_members = False
# A parameter that there is not, a summary that is not a sentence; tests/test_docs.py asks for every parameter.
numpydoc_validation_checks = {"PR02", "PR03", "SS01", "SS03"}

# The notebooks were executed by `darkcal demo`; here they are only shown.
nb_execution_mode = "off"
suppress_warnings = ["mystnb.unknown_mime_type"]  # the record of a run, for programs
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"darkcal {version}"
html_logo = "../launcher/icon.svg"
html_favicon = "../launcher/icon.svg"
html_static_path = ["_static"]
html_css_files = ["darkcal.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("comparison", "changes", "contributing", "conduct")}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "logo": {"text": "darkcal"},
}


def setup(app):
    """Leave out what classes inherit from others than our own, such as all that widgets have."""
    app.connect("autodoc-skip-member", _is_foreign)


def _is_foreign(app, what, name, member, skip, options):
    function = getattr(member, "fget", None) or getattr(member, "func", None) or member
    is_ours = str(getattr(function, "__module__", "")).startswith("darkcal_widgets")
    return None if is_ours else True
