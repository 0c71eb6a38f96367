"""What the tests of figures share."""

import io


def drawn(figure):
    """Draw a figure and return its axes."""
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure.axes
