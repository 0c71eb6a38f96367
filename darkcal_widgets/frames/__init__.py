"""FITS files as frames: one way to read whatever kind of file, one way to write."""

from .frame import Frame
from .words import FRAME_TYPES, FrameInfo
from .write import write_bands, write_frame

__all__ = ["FRAME_TYPES", "Frame", "FrameInfo", "write_bands", "write_frame"]
