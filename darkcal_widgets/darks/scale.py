"""A combined dark scaled to another exposure, with the noise it carries."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FrameError, ParameterError
from ..frames.numbers import count_of
from ..frames.words import describe
from .noise import known_gain

if TYPE_CHECKING:
    from astropy.nddata import CCDData

__all__ = ["scale_dark"]


def scale_dark(
    combined_dark: "CCDData",
    exposure: float,
    *,
    gain: float | None = None,
    read_noise: float | None = None,
    combined_bias: "CCDData | None" = None,
) -> "CCDData":
    """Scale a combined dark, from which the bias was subtracted, to another exposure, with the noise it carries.

    Parameters
    ----------
    combined_dark : CCDData
        In ADU, from `combine_darks`; it is not changed.
    exposure : float
        Seconds.
    gain : float, optional
        Electrons per ADU; `None`: as the header says.
    read_noise : float, optional
        Electrons; `None`: as the header says.
    combined_bias : CCDData, optional
        The one that was subtracted; its ``NCOMBINE`` gives the noise that it has left in the dark. `None`: the dark's
        ``DCNBIAS`` does; without it that noise is left out, and the history says so.

    Returns
    -------
    CCDData
        Data ``f D`` with f the ratio of the exposures and D the combined dark, and their standard deviation in ADU

        ``f sqrt(R^2 / N + R^2 / B + max(D, 0) / (g N))``

        for N darks, B bias frames, read noise R in ADU and gain g: the read noise of both averages, and the shot noise of the
        dark's charge (Janesick 2001, Scientific Charge-Coupled Devices, chapter 2). What f multiplies is all noise: scaling up
        scales mainly that.

    Raises
    ------
    FrameError
        The bias is still in the dark, or its header lacks what is needed.
    ParameterError
        The exposure, gain or read noise is not a number above 0.

    Warns
    -----
    UserWarning
        The dark is scaled up.
    """
    header = combined_dark.header
    info = describe(header, combined_dark.shape)
    _check_bias_gone(header)
    seconds = _positive(info.exposure, "the exposure time of the dark (EXPTIME)", FrameError)
    factor = _positive(exposure, "exposure", ParameterError) / seconds
    gain = _positive(known_gain(info, gain), "gain (or GAIN in the header)", ParameterError)
    electrons = info.read_noise if read_noise is None else read_noise
    electrons = _positive(electrons, "read_noise (or RDNOISE in the header)", ParameterError)
    if factor > 1:
        warnings.warn(
            f"the dark of {seconds:g} s is scaled up to {exposure:g} s: its noise grows {factor:.3g}-fold as well.",
            stacklevel=2,
        )
    variance = _dark_variance(combined_dark, gain, electrons / gain, combined_bias)
    from astropy.nddata import CCDData, StdDevUncertainty  # slow to import, and most reports scale nothing

    result = CCDData(
        combined_dark.data * factor,
        unit=combined_dark.unit,
        mask=combined_dark.mask,
        header=header.copy(),
        uncertainty=StdDevUncertainty(factor * np.sqrt(variance)),
    )
    _write_scaling(result.header, seconds, exposure, factor, combined_bias)
    return result


def _check_bias_gone(header):
    history = " ".join(str(line) for line in header.get("HISTORY", []))
    if "BIASFILE" not in header and "combined bias subtracted" not in history:
        raise FrameError(
            "the bias was not subtracted from this dark (no BIASFILE in its header), and the bias does not grow with exposure: "
            "calibrate the darks with the bias subtracted before scaling them."
        )


def _positive(value, name, error):
    if value is None or not np.isfinite(value) or value <= 0:
        raise error(f"{name} is {value!r}; expected a number above 0.")
    return float(value)


def _dark_variance(dark, gain, noise, combined_bias):
    """Return the variance in ADU^2, as `scale_dark` says."""
    darks = count_of(dark.header, "NCOMBINE", 1)
    biases = _bias_count(dark.header, combined_bias) or np.inf
    return noise**2 / darks + noise**2 / biases + np.maximum(dark.data, 0) / (gain * darks)


def _bias_count(header, combined_bias):
    """Return how many frames are in the combined bias that was subtracted; `None`: not known."""
    if combined_bias is None:
        return count_of(header, "DCNBIAS")
    return count_of(combined_bias.header, "NCOMBINE", 1)


def _write_scaling(header, seconds, exposure, factor, combined_bias):
    for keyword in ("EXPTIME", "EXPOSURE"):
        if keyword in header:
            header[keyword] = float(exposure)
    header["DCSCALE"] = (factor, "factor of the dark, exposure over exposure")
    grown = "up: the noise grows with it" if factor > 1 else "down"
    header.add_history(f"darkcal: dark of {seconds:g} s scaled {grown}, to {exposure:g} s")
    if _bias_count(header, combined_bias) is None:
        header.add_history("darkcal: uncertainty without the noise of the combined bias")
