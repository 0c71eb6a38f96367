"""What is done to each dark, and doing it to one frame."""

from .recipe import Recipe

__all__ = ["Recipe"]
