"""FITS files as frames: one way to read whatever kind of file, one way to write."""

from .frame import Frame
from .kinds import FRAME_TYPES
from .words import FrameInfo
from .write import write_bands, write_frame

__all__ = ["FRAME_TYPES", "Frame", "FrameInfo", "write_bands", "write_frame"]
