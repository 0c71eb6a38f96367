"""What is done to each dark, and doing it to one frame."""

from .recipe import OUTPUT_DTYPES, Recipe

__all__ = ["OUTPUT_DTYPES", "Recipe"]
