"""Small nights for the tests, and the reference: the plain ccdproc loop."""

from pathlib import Path

import ccdproc
import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.stats import mad_std

from darkcal_widgets import Parameters

# Real frames that may be published; their README says where they are from.
REAL_NIGHTS = Path(__file__).with_name("data")


def write_raw(path, data, kind="dark", exposure=10.0, **cards):
    """Write one raw frame as a camera would and return its path; a card None is left out."""
    header = fits.Header()
    for keyword, value in ({"IMAGETYP": kind, "EXPTIME": exposure} | cards).items():
        if value is not None:
            header[keyword.replace("_", "-")] = value
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(np.asarray(data), header=header).writeto(path)
    return path


def random_frame(seed, shape=(20, 30), level=1000, dtype="uint16"):
    """Return noise around a level, of an integer or floating type."""
    return np.random.default_rng(seed).normal(level, 10, shape).astype(dtype)


def right_settings(night, folder):
    """Return settings of the panel that are right for a `small_night`, by name."""
    return Parameters(
        raw_folder=night.raw_folder, reduced_folder=folder, overscan_columns="24:", keep_columns=":22"
    ).to_dict()


def small_night(folder, darks=3, biases=4, shape=(20, 30)):
    """Write darks (columns 24 on are overscan) and bias frames into a folder and return it."""
    for index in range(darks):
        write_raw(
            Path(folder) / f"dark-{index}.fits", random_frame(index, shape, 1200 + index), exposure=10.0
        )
    for index in range(biases):
        write_raw(Path(folder) / f"bias-{index}.fits", random_frame(100 + index, shape), "bias", 0.0)
    return Path(folder)


def reference_example_1(path, overscan=slice(2055, None), keep=slice(None, 2048)):
    """Do example 1 to one file with plain ccdproc."""
    ccd = CCDData.read(path, unit=None if "BUNIT" in fits.getheader(path) else "adu")
    ccd = ccdproc.subtract_overscan(ccd, overscan=ccd[:, overscan], median=True)
    return ccdproc.trim_image(ccd[:, keep]).data


def reference_example_2(path, combined_bias, keep=slice(None, 4096)):
    """Do example 2 to one file with plain ccdproc; the combined bias is a CCDData."""
    ccd = CCDData.read(path, unit=None if "BUNIT" in fits.getheader(path) else "adu")
    ccd = ccdproc.trim_image(ccd[:, keep])
    return ccdproc.subtract_bias(ccd, combined_bias).data


def reference_combination(stack, median=np.ma.median, spread=mad_std):
    """Combine as ccdproc does with the settings that are promised; NaN is masked, and so is the result where all are.

    Where there is NaN, the functions have to be those named 'median' and 'mad_std': the others do not know it.
    """
    return ccdproc.combine(
        [CCDData(frame, unit="adu", mask=np.isnan(frame)) for frame in stack],
        method="average",
        sigma_clip=True,
        sigma_clip_low_thresh=5,
        sigma_clip_high_thresh=5,
        sigma_clip_func=median,
        sigma_clip_dev_func=spread,
        dtype="float32",
    )


def as_double(path):
    """Read a combined bias as ccdproc users do, in double precision."""
    return CCDData(fits.getdata(path).astype(np.float64), unit=u.adu)


def folder_bytes(folder):
    """Return the bytes of every file below a folder, by its name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }
