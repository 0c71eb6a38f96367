"""Recipe: what is done to each dark, as parameters that were checked. Not how: steps, calibrate."""

import difflib
import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache

from ..errors import ParameterError
from ..sections import joined, parse_section, resolve_regions, to_fits
from ..units import standard_unit
from .steps import STEPS

__all__ = ["OUTPUT_DTYPES", "Recipe", "check_names"]

OUTPUT_DTYPES = ("float32", "float64")

# What a step of this version writes differs from the same step of version 0.1, so their digests differ, too.
_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is done to each dark: validated, and not to be changed afterwards (`dataclasses.replace` gives a changed copy).

    Attributes
    ----------
    overscan_columns : str or None
        Columns whose median is subtracted from each row, as a Python slice (``'2055:'``) or a FITS section
        (``'[2056:2080, 1:4128]'``; one that spans all columns, but not all rows, is an overscan of rows). `None`: none.
    keep_columns : str or None
        The part kept by the trim, in the same notations. `None`: all.
    subtract_bias : bool
        Whether the combined bias is subtracted.
    amplifiers : tuple of tuple of str, or None
        For an image that several amplifiers have read: for each its overscan (or `None`) and its image, in the same notations,
        such as ``[["2048:2080", "0:1024"], ["2080:2112", "1024:2048"]]``. The images are joined. `None`: there is one amplifier.
    extensions : tuple of str, or None
        Of a file with several images, the names (``EXTNAME``) or numbers of those that are calibrated. `None`: all.
    unit : str
        Unit of frames whose header has no ``BUNIT``: ``'adu'`` or ``'electron'``, or a usual word for them.
    output_dtype : str
        ``'float32'`` or ``'float64'``.

    Raises
    ------
    ParameterError
        A field has a value of the wrong kind; the message names it.

    Examples
    --------
    >>> Recipe(overscan_columns="2055:", keep_columns=":2048").regions((4128, 2080)).keep
    (slice(0, 4128, None), slice(0, 2048, None))
    """

    overscan_columns: str | None = None
    keep_columns: str | None = None
    subtract_bias: bool = False
    amplifiers: tuple | None = None
    extensions: tuple | None = None
    unit: str = "adu"
    output_dtype: str = "float32"

    def __post_init__(self):
        object.__setattr__(self, "amplifiers", _checked_amplifiers(self.amplifiers))
        object.__setattr__(self, "extensions", _checked_extensions(self.extensions))
        _sections(self.overscan_columns, self.keep_columns, self.amplifiers)
        if self.amplifiers is not None and (self.overscan_columns, self.keep_columns) != (None, None):
            raise ParameterError(
                "amplifiers says what is subtracted and kept; set overscan_columns and keep_columns to None beside it."
            )
        if not isinstance(self.subtract_bias, bool):
            raise ParameterError(
                f"subtract_bias is {self.subtract_bias!r} ({type(self.subtract_bias).__name__}); expected True or False."
            )
        # The one field that is put in its standard form: 'ADU' and 'adu' are the same recipe.
        object.__setattr__(self, "unit", standard_unit(self.unit, "unit"))
        if self.output_dtype not in OUTPUT_DTYPES:
            raise ParameterError(
                f"output_dtype is {self.output_dtype!r}; expected {' or '.join(map(repr, OUTPUT_DTYPES))}."
            )

    @classmethod
    def from_parameters(cls, parameters):
        """Take a recipe from a mapping of names to values.

        Raises
        ------
        ParameterError
            A name is not a field of a recipe, or a value cannot be used.
        """
        check_names(parameters, [field.name for field in fields(cls)])
        return cls(**parameters)

    def to_parameters(self):
        """Return the recipe as a dictionary, the notebook parameters that describe what is done."""
        return asdict(self)

    def regions(self, shape):
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

    def pieces(self, shape):
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

    def result_shape(self, shape):
        """Return (rows, columns) of the result of a frame of `shape`."""
        pieces = self.pieces(shape)
        return tuple(max(piece.place[axis] + piece.shape[axis] for piece in pieces) for axis in (0, 1))

    def steps(self, shape):
        """Return the steps, in their order, laid on frames of `shape` (rows, columns)."""
        return tuple(step for kind in STEPS if (step := kind.of(self, shape)) is not None)

    @property
    def summary(self):
        """What is done, in a few words."""
        return ", ".join(kind.summary(self) for kind in STEPS)

    @property
    def uses_bias(self):
        """Whether a combined bias is needed."""
        return self.subtract_bias

    @property
    def of_bias(self):
        """The recipe of the combined bias that fits: the same overscan and trim."""
        return replace(self, subtract_bias=False)

    def digest(self, *shapes):
        """Return 16 hexadecimal digits that are equal for recipes which do the same to frames with images of these shapes."""
        done = [self._done(shape) | {"format": _FORMAT} for shape in shapes]
        return _digest(done[0] if len(done) == 1 else done)

    def digest_0_1(self, shape):
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


def _checked_amplifiers(amplifiers):
    """Return pairs of texts as tuples, which can be compared."""
    if amplifiers is None:
        return None
    pairs = amplifiers if isinstance(amplifiers, list | tuple) else ()
    good = [
        pair
        for pair in pairs
        if isinstance(pair, list | tuple)
        and len(pair) == 2
        and isinstance(pair[1], str)
        and isinstance(pair[0], str | None)
    ]
    if not good or len(good) < len(pairs):
        raise ParameterError(
            f"amplifiers is {amplifiers!r}; expected for each amplifier its overscan (or None) and its image, such as "
            "[['2048:2080', '0:1024'], ['2080:2112', '1024:2048']], or None."
        )
    return tuple(map(tuple, good))


def _checked_extensions(extensions):
    if extensions is None:
        return None
    names = extensions if isinstance(extensions, list | tuple) else ()
    if not names or not all(type(name) in (int, str) for name in names):
        raise ParameterError(
            f"extensions is {extensions!r}; expected a list of names or numbers of extensions, or None for all."
        )
    return tuple(map(str, names))


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
