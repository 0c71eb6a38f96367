"""The errors of darkcal: each message names what was found, what was expected and what to do next."""

__all__ = ["DarkcalError", "FrameError", "NightError", "OutputError", "ParameterError", "RunError"]


class DarkcalError(Exception):
    """Base of every error that darkcal raises on purpose."""


class ParameterError(DarkcalError, ValueError):
    """A parameter, or a field of a recipe, has a value that cannot be used."""


class FrameError(DarkcalError):
    """One file cannot be read as a frame, or a frame does not fit what is to be done with it."""


class NightError(DarkcalError):
    """A folder does not hold what a night needs."""


class OutputError(DarkcalError):
    """A result cannot be written where it was asked for."""


class RunError(DarkcalError):
    """A run ended with frames that failed."""
