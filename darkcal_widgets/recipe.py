"""Recipe: what is done to each dark."""

import difflib
import hashlib
import json
from dataclasses import asdict, dataclass, fields

from .errors import ParameterError
from .sections import parse_section, resolve_regions, to_fits

__all__ = ["OUTPUT_DTYPES", "Recipe", "check_names", "standard_unit"]

OUTPUT_DTYPES = ("float32", "float64")

# The words that cameras and their software write for the two units of a CCD frame, in lower case.
_UNIT_WORDS = {
    "adu": (
        "adu",
        "adus",
        "ad units",
        "dn",
        "dns",
        "ct",
        "cts",
        "count",
        "counts",
        "data number",
        "data numbers",
    ),
    "electron": ("electron", "electrons", "e", "e-", "el"),
}
_STANDARD_UNIT = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}


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
    unit: str = "adu"
    output_dtype: str = "float32"

    def __post_init__(self):
        self._sections()
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
            A name is no field of a recipe, or a value cannot be used.
        """
        check_names(parameters, [field.name for field in fields(cls)])
        return cls(**parameters)

    def to_parameters(self):
        """Return the recipe as a dictionary, the notebook parameters that describe what is done."""
        return asdict(self)

    def regions(self, shape):
        """Lay the recipe on a frame of `shape` (rows, columns).

        Returns
        -------
        Regions

        Raises
        ------
        ParameterError
            See `~darkcal_widgets.sections.resolve_regions`.
        """
        return resolve_regions(*self._sections(), shape)

    def digest(self, shape):
        """Return 16 hexadecimal digits that are equal for recipes which do the same to frames of `shape`."""
        return hashlib.sha256(json.dumps(self._steps(shape), sort_keys=True).encode()).hexdigest()[:16]

    def _steps(self, shape):
        regions = self.regions(shape)
        return {
            "overscan": None if regions.overscan is None else to_fits(regions.overscan),
            "keep": to_fits(regions.keep),
            "subtract_bias": self.subtract_bias,
            "unit": self.unit,
            "output_dtype": self.output_dtype,
        }

    def _sections(self):
        return [
            None if (text := getattr(self, name)) is None else parse_section(text, name)
            for name in ("overscan_columns", "keep_columns")
        ]


def standard_unit(word, parameter):
    """Return ``'adu'`` or ``'electron'`` for a word that cameras write for it, in any letter case.

    Raises
    ------
    ParameterError
        The word is unknown; `parameter` names it in the message.

    Examples
    --------
    >>> standard_unit("Counts", "BUNIT")
    'adu'
    """
    unit = _STANDARD_UNIT.get(word.strip().lower()) if isinstance(word, str) else None
    if unit is None:
        raise ParameterError(f"{parameter} is {word!r}; expected one of {', '.join(_STANDARD_UNIT)}.")
    return unit


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
