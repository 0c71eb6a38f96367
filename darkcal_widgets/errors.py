"""The errors of darkcal: each message names what was found, what was expected and what to do next."""

from .text import visible

__all__ = [
    "DarkcalError",
    "FrameError",
    "Interrupted",
    "NightError",
    "OutputError",
    "ParameterError",
    "RunError",
]


class DarkcalError(Exception):
    """Base of every error that darkcal raises on purpose; file names and header values in its message are made visible."""

    def __init__(self, message: str = "") -> None:
        super().__init__(visible(message))


class ParameterError(DarkcalError, ValueError):
    """A parameter, or a field of a recipe, has a value that cannot be used."""


class FrameError(DarkcalError):
    """One file cannot be read as a frame, or a frame does not fit what is to be done with it."""


class NightError(DarkcalError):
    """A folder does not hold what a night needs."""


class OutputError(DarkcalError):
    """A result cannot be written where it was asked for."""


class RunError(DarkcalError):
    """A run ended with frames that failed, one in each line."""

    def __init__(self, message: str = "") -> None:
        Exception.__init__(self, "\n".join(visible(line) for line in str(message).split("\n")))


class Interrupted(KeyboardInterrupt):
    """A run was stopped by Ctrl-C; the message says what it had done."""
