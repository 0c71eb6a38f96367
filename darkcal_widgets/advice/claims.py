"""What a header claims of the overscan and of the image area. Nothing is believed here: `edges` tests it."""

from dataclasses import dataclass

from ..errors import ParameterError
from ..sections import parse_section

__all__ = ["Claim", "read_claim"]


@dataclass(frozen=True)
class Claim:
    """What the header says: slices along one axis, and the text; `None` where it says nothing that can be read."""

    overscan: slice | None = None
    axis: int = 1
    keep: tuple | None = None
    texts: tuple = ()
    problems: tuple = ()


def read_claim(header, shape):
    """Read what a header claims of the overscan and of the image area; nothing is believed here.

    Parameters
    ----------
    header : mapping
    shape : tuple of int
        (rows, columns) of the frame.

    Returns
    -------
    Claim
    """
    texts, problems, found = [], [], {}
    for keyword in ("BIASSEC", "TRIMSEC", "DATASEC", "CCDSEC"):
        text = header.get(keyword)
        if text is None or not str(text).strip():
            continue
        texts.append(f"{keyword} = {str(text).strip()!r}")
        try:
            found[keyword] = parse_section(str(text), keyword).resolve(shape)
        except ParameterError as error:
            problems.append(str(error))
    keep = next((found[word] for word in ("TRIMSEC", "DATASEC", "CCDSEC") if word in found), None)
    overscan, axis = None, 1
    if "BIASSEC" in found:
        rows, columns = found["BIASSEC"]
        axis = 0 if columns == slice(0, shape[1]) and rows != slice(0, shape[0]) else 1
        overscan = (rows, columns)[axis]
    return Claim(overscan, axis, keep, tuple(texts), tuple(problems))
