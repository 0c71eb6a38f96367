"""Sample nights whose true values are known."""

from .cameras import CAMERAS, CRYOGENIC, THERMO_ELECTRIC, Camera, Exposure, realistic
from .night import DEFAULT_ROWS, DEFAULT_SEED, EXAMPLE_FOLDERS, simulate_examples, simulate_night
from .truth import MINIMUM_CLEAN, TRUTH_NAME, read_truth

__all__ = [
    "CAMERAS",
    "CRYOGENIC",
    "DEFAULT_ROWS",
    "DEFAULT_SEED",
    "EXAMPLE_FOLDERS",
    "MINIMUM_CLEAN",
    "THERMO_ELECTRIC",
    "TRUTH_NAME",
    "Camera",
    "Exposure",
    "read_truth",
    "realistic",
    "simulate_examples",
    "simulate_night",
]
