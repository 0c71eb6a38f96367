"""Recipe: what is done to each dark, as parameters that were checked. Not how: steps, calibrate."""

import difflib
import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from ..errors import ParameterError
from ..fields import checked, documented, setting
from ..sections import joined, parse_section, resolve_regions, to_fits
from ..units import standard_unit
from .steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sections import Regions

__all__ = ["Recipe", "check_names"]

# What a step of this version writes differs from the same step of version 0.1, so their digests differ, too.
_FORMAT = 2


@documented
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is done to each dark: validated, and not to be changed afterwards (`dataclasses.replace` gives a changed copy).

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ParameterError
        A field has a value of the wrong kind; the message names it.

    Examples
    --------
    >>> Recipe(overscan_columns="2055:", keep_columns=":2048").regions((4128, 2080)).keep
    (slice(0, 4128, None), slice(0, 2048, None))
    """

    overscan_columns: str | None = setting(
        None,
        "columns whose median is subtracted from each row; None: none",
        "2055:",
        "[2056:2080, 1:4128]",
        details="""As a Python slice (``'2055:'``) or a FITS section (``'[2056:2080, 1:4128]'``; one that spans all columns,
        but not all rows, is an overscan of rows).""",
    )
    keep_columns: str | None = setting(
        None,
        "columns that the trim keeps; None: all",
        ":2048",
        "[1:2048, 1:4128]",
        details="In the same notations.",
    )
    subtract_bias: bool = setting(False, "subtract the combined bias", True)
    amplifiers: tuple[tuple[str | None, str], ...] | None = setting(
        None,
        "overscan and image of each amplifier; None: there is one",
        (("2048:2080", "0:1024"), ("2080:2112", "1024:2048")),
        details="""Such as ``[["2048:2080", "0:1024"], ["2080:2112", "1024:2048"]]``, in the same notations; an overscan may be
        `None`. The images are joined.""",
    )
    extensions: tuple[str | int, ...] | None = setting(
        None,
        "of files with several images, those to calibrate; None: all",
        ("SCI",),
        (1, 4),
        details="Names (``EXTNAME``) or numbers.",
    )
    unit: str = setting(
        "adu",
        "unit of frames whose header has no BUNIT",
        "electron",
        details="``'adu'`` or ``'electron'``, or a usual word for them.",
    )
    output_dtype: Literal["float32", "float64"] = setting(
        "float32", 'number type of the results, "float32" or "float64"', "float64"
    )

    def __new__(cls, *_, **values):
        """Make a recipe, if every name is that of a field: the message of a dataclass does not say which one was meant."""
        check_names(values, [one.name for one in fields(cls)])
        return super().__new__(cls)

    def __post_init__(self):
        for one in fields(Recipe):
            object.__setattr__(self, one.name, checked(one, getattr(self, one.name)))
        if self.extensions is not None:
            object.__setattr__(self, "extensions", tuple(map(str, self.extensions)))
        _sections(self.overscan_columns, self.keep_columns, self.amplifiers)
        if self.amplifiers is not None and (self.overscan_columns, self.keep_columns) != (None, None):
            raise ParameterError(
                "amplifiers says what is subtracted and kept; set overscan_columns and keep_columns to None beside it."
            )
        # The one field that is put in its standard form: 'ADU' and 'adu' are the same recipe.
        object.__setattr__(self, "unit", standard_unit(self.unit, "unit"))

    def to_parameters(self) -> dict:
        """Return the recipe as a dictionary, the notebook parameters that describe what is done."""
        return asdict(self)

    def regions(self, shape: tuple[int, int]) -> "Regions":
        """Lay the recipe on a frame of `shape` (rows, columns) that one amplifier has read.

        Returns
        -------
        Regions

        Raises
        ------
        ParameterError
            See `~darkcal_widgets.sections.resolve_regions`; or the recipe is for several amplifiers.
        """
        pieces = self.pieces(shape)
        if len(pieces) > 1:
            raise ParameterError(f"amplifiers names {len(pieces)} parts, each with an overscan of its own.")
        return pieces[0]

    def pieces(self, shape: tuple[int, int]) -> "tuple[Regions, ...]":
        """Lay the recipe on a frame of `shape` (rows, columns): what is subtracted and kept for each amplifier.

        Returns
        -------
        tuple of Regions

        Raises
        ------
        ParameterError
            See `~darkcal_widgets.sections.resolve_regions` and `~darkcal_widgets.sections.joined`.
        """
        return _laid(self.overscan_columns, self.keep_columns, self.amplifiers, tuple(shape))

    def result_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return (rows, columns) of the result of a frame of `shape`."""
        pieces = self.pieces(shape)
        return tuple(max(piece.place[axis] + piece.shape[axis] for piece in pieces) for axis in (0, 1))

    def steps(self, shape: tuple[int, int]) -> tuple:
        """Return the steps, in their order, laid on frames of `shape` (rows, columns)."""
        return tuple(step for kind in STEPS if (step := kind.of(self, shape)) is not None)

    @property
    def summary(self) -> str:
        """What is done, in a few words."""
        return ", ".join(kind.summary(self) for kind in STEPS)

    @property
    def uses_bias(self) -> bool:
        """Whether a combined bias is needed."""
        return self.subtract_bias

    @property
    def of_bias(self) -> "Recipe":
        """The recipe of the combined bias that fits: the same overscan and trim."""
        return replace(self, subtract_bias=False)

    def digest(self, *shapes: tuple[int, int], images: "Sequence[str]" = ()) -> str:
        """Return 16 hexadecimal digits that are equal for recipes which do the same to frames with images of these shapes.

        `images` are the names of the images, where the raw file has several; their order does not count.
        """
        done = [self._done(shape) | {"format": _FORMAT} for shape in shapes]
        if images:
            return _digest(dict(zip(images, done, strict=True)))
        return _digest(done[0] if len(done) == 1 else done)

    def digest_0_1(self, shape: tuple[int, int]) -> str:
        """Return the digest that version 0.1 of darkcal has written for the same settings."""
        return _digest(self._done(shape))

    def _done(self, shape):
        done = {
            "overscan": None,
            "keep": to_fits(tuple(slice(0, size) for size in shape)),
            "subtract_bias": False,
        }
        for step in self.steps(shape):
            done |= step.key()
        return done | {"unit": self.unit, "output_dtype": self.output_dtype}


@lru_cache(maxsize=256)
def _laid(overscan, keep, amplifiers, shape):
    """Lay sections on a frame of a shape, as `Recipe.pieces` does: each frame of a run asks several times."""
    sections = _sections(overscan, keep, amplifiers)
    regions = [resolve_regions(*pair, shape) for pair in sections]
    return tuple(regions) if amplifiers is None else joined(regions)


def _sections(overscan, keep, amplifiers):
    """Return the overscan and the kept part of each amplifier, not yet laid on a frame.

    Raises
    ------
    ParameterError
        A text is not a section; the message names the parameter.
    """
    if amplifiers is None:
        return [(_section(overscan, "overscan_columns"), _section(keep, "keep_columns"))]
    return [tuple(_section(text, "amplifiers") for text in pair) for pair in amplifiers]


def _section(text, parameter):
    return None if text is None else parse_section(text, parameter)


def _digest(done):
    return hashlib.sha256(json.dumps(done, sort_keys=True).encode()).hexdigest()[:16]


def check_names(found, known):
    """Refuse names that do not exist, with the nearest one that does.

    Raises
    ------
    ParameterError
        At least one name of `found` is not in `known`; all of them are listed.
    """
    unknown = [str(name) for name in found if name not in known]
    if unknown:
        raise ParameterError(" ".join(_unknown_name(name, known) for name in unknown))


def _unknown_name(name, known):
    near = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"the parameters are {', '.join(known)}."
    return f"there is no parameter {name!r}; {advice}"
