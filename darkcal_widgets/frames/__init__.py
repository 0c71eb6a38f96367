"""FITS files as frames: one way to read whatever kind of file, one way to write."""

from .frame import Frame
from .kinds import FRAME_TYPES
from .words import FrameInfo
from .write import Image, write_images

__all__ = ["FRAME_TYPES", "Frame", "FrameInfo", "Image", "write_images"]
