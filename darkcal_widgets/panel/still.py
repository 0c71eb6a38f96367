"""The picture that a notebook keeps of the panel, for those who read it without a kernel."""

from ..drawing import new_figure, plain, side_by_side
from ..frames.figures import draw_profiles, zoom_to_overscan

__all__ = ["draw_still"]


def draw_still(profiles, pieces, pictures, settings, unit="adu", title="", kinds=()):
    """Draw what the panel shows: profiles, the frame before and after, settings.

    Parameters
    ----------
    profiles : mapping of str to ndarray
        Label to one value per column.
    pieces : sequence of Regions
        From `Recipe.pieces`; empty: the settings cannot be used.
    pictures : mapping of str to tuple
        Label to an image, thinned or not, and the value in the middle and half the width of its stretch; may be empty.
    settings : sequence of str
        Lines of text.
    unit : str
        Of the values.
    title : str
        Plain text.
    kinds : sequence of str
        Of the profiles, see `draw_profiles`.

    Returns
    -------
    Figure
    """
    figure = new_figure(10, 5.6, title)
    for axes, zoomed in zip(side_by_side(figure, (1, 1), bottom=3.1), (False, True), strict=True):
        draw_profiles(axes, profiles, pieces, unit, kinds)
        _fit(axes, profiles, pieces, zoomed)
    places = side_by_side(figure, (1, 1, 1), bottom=0.1, top=2.4)
    for axes, (label, (image, middle, half)) in zip(places, pictures.items(), strict=False):
        axes.imshow(
            image, origin="lower", cmap="viridis", vmin=middle - half, vmax=middle + half, aspect="auto"
        )
        axes.set_title(plain(label), fontsize=8)
    for axes in places:
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in places[len(pictures) :]:
        axes.axis("off")
    text = "\n".join(map(plain, settings))
    places[-1].text(0, 1, text, va="top", fontsize=7.5, family="monospace", parse_math=False)
    return figure


def _fit(axes, profiles, pieces, zoomed):
    axes.tick_params(labelsize=7)
    axes.xaxis.label.set_size(8)
    axes.yaxis.label.set_size(8)
    if zoomed:
        zoom_to_overscan(axes, profiles, pieces)
    else:
        axes.set_xlim(0, max(len(profile) for profile in profiles.values()))
        axes.legend(fontsize=7, loc="best")
