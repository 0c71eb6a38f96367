"""Text from headers and file names, made safe to look at. Not the escaping for HTML."""

__all__ = ["ascii_only", "visible"]


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
