"""Text from headers and file names, made safe to look at. Not the escaping for HTML."""

import re

__all__ = ["ascii_only", "shortened", "visible", "without_repeats"]


def ascii_only(text):
    r"""Return the text as a FITS header can hold it: what is not ASCII is written as an escape.

    Examples
    --------
    >>> ascii_only("dunkel-ä.fits")
    'dunkel-\\xe4.fits'
    """
    return visible(text).encode("ascii", "backslashreplace").decode()


def visible(text):
    r"""Return the text with every character that is not seen, or that reorders what is seen, written as an escape.

    Examples
    --------
    >>> visible("dark\u202e1\n.fits")
    'dark\\u202e1\\n.fits'
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(text)
    )


def without_repeats(texts):
    """Return the texts without the sentences that one before has said.

    Examples
    --------
    >>> without_repeats(["A is open. Nobody knows.", "B is open. Nobody knows. Set it."])
    ['A is open. Nobody knows.', 'B is open. Set it.']
    """
    said, left = set(), []
    for text in texts:
        sentences = re.split(r"(?<=[.?!]) (?=[A-Z])", text)
        left.append(" ".join(sentence for sentence in sentences if sentence not in said))
        said.update(sentences)
    return left


def shortened(text, most=1000):
    """Return a text of at most `most` characters: of a longer one the beginning and the end, and how much is left out between.

    Examples
    --------
    >>> shortened("abcdefghijklmnopqrstuvwxyz" * 2, most=30)
    'abc [... 46 characters ...] xyz'
    """
    if len(text) <= most:
        return text
    kept = max(1, (most - 24) // 2)
    return f"{text[:kept]} [... {len(text) - 2 * kept} characters ...] {text[-kept:]}"
