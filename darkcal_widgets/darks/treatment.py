"""What was done to a calibrated dark, as its header says: overscan, trim, bias. Nothing is done here."""

import re
from dataclasses import dataclass

from ..sections import parse_section

__all__ = ["Treatment"]


@dataclass(frozen=True)
class Treatment:
    """The steps that a calibrated dark has had.

    Attributes
    ----------
    overscan : tuple of slice or None
        Rows and columns of the raw frame that were subtracted as overscan; `None`: none.
    keep : tuple of slice
        Rows and columns of the raw frame that were kept.
    bias_file : str
        Name of the combined bias; empty: the bias is still in the dark.
    """

    overscan: tuple | None
    keep: tuple
    bias_file: str

    @classmethod
    def of(cls, header, raw_shape):
        """Read them from the header of a dark that was made from a raw frame of a shape.

        Parameters
        ----------
        header : Header
        raw_shape : tuple of int
            (rows, columns).

        Raises
        ------
        ParameterError
            A section does not fit the raw frame.
        """
        whole = tuple(slice(0, length) for length in raw_shape)
        overscan, keep = (_section(header, card, raw_shape) for card in ("DCOSCAN", "DCTRIM"))
        return cls(overscan, keep or whole, str(header.get("BIASFILE", "")))


def _section(header, card, shape):
    """Return the smallest part that holds all sections of a card: there is one for each amplifier."""
    text = header.get(card) or _from_history(header, card)
    if not text:
        return None
    # Of several amplifiers: "[overscan] from [image]; ...", and "[image] + [image]".
    sections = re.findall(r"(\[[^]]*\])", re.sub(r"from \[[^]]*\]", "", str(text)))
    parts = [parse_section(section, card).resolve(shape) for section in sections]
    if not parts:
        return None
    return tuple(
        slice(min(part[axis].start for part in parts), max(part[axis].stop for part in parts))
        for axis in (0, 1)
    )


def _from_history(header, card):
    """Return the section of a step in the words of the history, for results of version 0.1, which lack the cards."""
    step = {"DCOSCAN": "overscan", "DCTRIM": "trimmed to"}[card]
    for line in header.get("HISTORY", []):
        if found := re.search(rf"darkcal: {step} (\[[^]]*\])", str(line)):
            return found[1]
    return None
