"""Nights of real cameras in small: frames with the header and the layout of each, made of level, noise and light.

Every function writes into a folder and returns it. What is true of the frames is said in its docstring; nothing here is read
from real files.
"""

from pathlib import Path

import numpy as np
from astropy.io import fits
from nights import write_raw


def _noise(seed, shape, level, sigma):
    return np.random.default_rng(seed).normal(level, sigma, shape)


def _write(folder, name, image, kind, exposure, dtype="uint16", **cards):
    values = np.clip(np.rint(image), 0, 65535).astype(dtype)
    write_raw(folder / f"{name}.fits", values, kind, exposure, **cards)


def wht_isis(folder, biases=4, **cards):
    """A slit spectrum over rows 0:410, dark towards both ends; overscan rows 410:420, and a header that leaves out columns.

    The light at the last row of the image is 57 ADU, at the brightest 45,000.
    """
    shape, lit = (420, 96), 410
    cards = {"BIASSEC": "[20:96,412:419]", "TRIMSEC": "[1:96,1:410]"} | cards
    rows = np.arange(lit)
    light = 45000 * np.exp(-0.5 * ((rows - 250) / 60) ** 2) + 20 + 37 * rows / lit
    for index in range(biases):
        level = 2178 + 4 * np.sin(index)
        _write(folder, f"bias-{index}", _noise(index, shape, level, 4), "zero", 0.0, **cards)
    for index in range(2):
        image = _noise(50 + index, shape, 2177, 4)
        image[:lit] += np.random.default_rng(index).poisson(light[:, None], (lit, 96))
        _write(folder, f"flat-{index}", image, "flat", 2.0, **cards)
    return folder


def kast_blue(folder, levels=(944.0, 966.0), lit=True, **cards):
    """Two amplifiers: columns 0:64 and 64:128 on two levels, their overscans 128:144 and 144:160 on the same two; no BIASSEC.

    A slit lights rows 12:60 of 72 with sharp ends, if there is a flat (`lit`); `cards` are in all headers.
    """
    base = np.repeat(levels, 64).tolist() + np.repeat(levels, 16).tolist()
    for index in range(4):
        drift = 1.5 * np.cos(index)
        _write(folder, f"bias-{index}", _noise(index, (72, 160), base, 2.8) + drift, "bias", 0.0, **cards)
    if lit:
        image = _noise(9, (72, 160), base, 2.8)
        image[:, :128] += 270
        image[12:60, :128] += 13000
        cards = {"AMPSROW": 2, "AMPSCOL": 1, "DATASEC": "[1:128,1:72]"} | cards
        _write(folder, "flat-0", image, "flat", 15.0, **cards)
    return folder


def quadrants(folder):
    """Four amplifiers, as NOAO writes them: quadrants, with overscan columns 40:50 and 50:60 between left and right."""
    rows, columns = (slice(0, 36), slice(36, 72)), ((0, 40, 40, 50), (60, 100, 50, 60))
    cards, base = {}, np.zeros((72, 100))
    for number, (y, (left, right, start, stop)) in enumerate((y, x) for y in rows for x in columns):
        name = f"{1 + number // 2}{1 + number % 2}"
        section = f"{y.start + 1}:{y.stop}"
        cards |= {
            f"BSEC{name}": f"[{start + 1}:{stop},{section}]",
            f"TSEC{name}": f"[{left + 1}:{right},{section}]",
        }
        base[y, left:right] = base[y, start:stop] = 1000 + 17 * number
    for index in range(4):
        drift = 2 * np.cos(index)
        _write(folder, f"bias-{index}", _noise(index, base.shape, base, 4) + drift, "bias", 0.0, **cards)
        dark = _noise(20 + index, base.shape, base, 4) + 2 * np.sin(index)
        _write(folder, f"dark-{index}", dark, "dark", 60.0, **cards)
    return folder


def write_images(folder, name, images, kind, exposure, own=None, **cards):
    """Write a file with several images.

    Parameters
    ----------
    folder, name
        The file is ``folder/name.fits``.
    images : dict of str to ndarray
        ``EXTNAME`` to pixels.
    kind, exposure, cards
        In the primary header.
    own : dict, optional
        Cards in the header of each image.
    """
    primary = fits.Header(list(({"IMAGETYP": kind, "EXPTIME": exposure} | cards).items()))
    hdus = [fits.PrimaryHDU(header=primary)]
    for label, image in images.items():
        values = np.clip(np.rint(image), 0, 65535).astype("uint16")
        hdus.append(fits.ImageHDU(values, fits.Header(list((own or {}).items()))))
        hdus[-1].header["EXTNAME"] = label  # as it is, and not in capitals as astropy writes it otherwise
    Path(folder).mkdir(parents=True, exist_ok=True)
    fits.HDUList(hdus).writeto(Path(folder) / f"{name}.fits")


def keck_lris(folder, levels=(900, 950, 1010, 980), odd=None):
    """Four amplifiers in four extensions, 4 bias frames and 3 darks: prescan 0:6, image 6:60 (DATASEC), overscan 60:80, 48 rows.

    The image named `odd` has its overscan where the others have image, and a header that says so.
    """
    for kind, exposure, count in (("bias", 0.0, 4), ("dark", 300.0, 3)):
        for index in range(count):
            images = {
                f"VidInp{number}": _noise(10 * index + number, (48, 80), level + 2 * np.sin(index), 3)
                for number, level in enumerate(levels, 1)
            }
            name = f"{kind}-{index}"
            write_images(folder, name, images, kind, exposure, {"DATASEC": "[7:60,1:48]"})
            if odd:
                with fits.open(folder / f"{name}.fits", mode="update", uint=True) as hdus:
                    hdus[odd].header["DATASEC"] = "[21:80,1:48]"
    return folder


def saao(folder):
    """One science frame: overscan columns 0:16 and 120:128, overscan rows 72:80 that TRIMSEC forgets."""
    image = _noise(1, (80, 128), 214, 3)
    image[:72, 16:120] += 88
    cards = {"BIASSEC": "[   4:  13,   1:  80]", "TRIMSEC": "[  17: 120,   1:  80]"}
    _write(folder, "science", image, "object", 150.0, **cards)
    return folder


SLIT = 6900 * np.exp(-0.5 * ((np.arange(100) - 50) / 9) ** 2)


def overscan_night(
    folder,
    *,
    overscan=20,
    level=1000.0,
    noise=5.0,
    drift=6.0,
    flat=20000.0,
    tail=(0.0, 1.0),
    shift=0.0,
    change=None,
    **cards,
):
    """A night of 6 bias frames, 6 darks of 60 s, 4 flats and 3 science frames; columns 100 on are overscan, 96 rows.

    Parameters
    ----------
    overscan : int
        Columns.
    level, noise, drift : float
        Of the bias, ADU; the level of a frame lies within half of the drift from `level`, and the overscan has it, too.
    flat : float or ndarray
        Light of a flat in each of the 100 columns of the image, ADU; science frames have 1.5 % of it. `SLIT` is dark towards
        the edges.
    tail : tuple of float
        ADU in the first overscan column of a flat, and the number of columns over which that falls to 1/e.
    shift : float
        ADU that the overscan is higher in flats.
    change : callable, optional
        ``change(kind, index, image)`` may change a frame before it is written, and returns cards for its header or `None`.
    cards
        Header cards of all frames.
    """
    rng = np.random.default_rng(17)
    kinds = {"bias": (6, 0.0, 0.0), "dark": (6, 60.0, 0.0), "flat": (4, 5.0, 1.0), "object": (3, 60.0, 0.015)}
    for kind, (count, exposure, part) in kinds.items():
        for index in range(count):
            image = rng.normal(level, noise, (96, 100 + overscan)) + drift * rng.uniform(-0.5, 0.5)
            image[:, :100] += rng.poisson(part * flat, (96, 100))
            image[:, 100:] += part * tail[0] * np.exp(-np.arange(overscan) / tail[1])
            image[:, 100:] += shift * (kind == "flat")
            own = change(kind, index, image) if change else None
            _write(folder, f"{kind}-{index}", image, kind, exposure, **cards, **(own or {}))
    return folder


# --- Layouts of other cameras -----------------------------------------------------------------------------

# ADU/s of dark current in all of them.
RATE = 0.02

# Of each camera: the name of each image (empty: in the primary HDU) and, for each of its amplifiers, the level, the image and the
# overscan; all in rows and columns.
_ROWS = slice(0, 48)


def _columns(start, stop, rows=_ROWS):
    return rows, slice(start, stop)


def layout_night(
    folder,
    shape,
    images,
    own,
    *,
    light=True,
    change=None,
    dtype="uint16",
    types=None,
    darks=3,
    **cards,
):
    """Write 4 bias frames, darks of 60 and 300 s and 2 flats of a camera.

    Parameters
    ----------
    folder : path
    shape : tuple of int
        Of each image.
    images : dict of str to list of (float, tuple of slice, tuple of slice or None)
        Name of each image to level, image area and overscan of each amplifier. A name that is empty: in the primary HDU.
    own : dict of str to dict
        Cards of each image.
    light : bool
        Whether there are flats, with 15,000 ADU (in 8 bits 150) in all of the image areas.
    change : callable, optional
        ``change(pixels, kind, index)`` returns what is written instead.
    types : callable, optional
        ``types(kind, exposure)`` returns the cards that say what a frame is, and how long it lasts, instead of ``IMAGETYP`` and
        ``EXPTIME``.
    """
    plan = [
        ("bias", 0.0, 4),
        ("dark", 60.0, darks),
        ("dark", 300.0, darks),
        *([("flat", 5.0, 2)] if light else []),
    ]
    flat = 150 if dtype == "uint8" else 15000
    rng = np.random.default_rng(6)
    for kind, exposure, count in plan:
        for index in range(count):
            drift = rng.uniform(-4, 4)
            made = {}
            for name, amplifiers in images.items():
                pixels = np.zeros(shape)
                for level, area, overscan in amplifiers:
                    pixels[area] = level + RATE * exposure + flat * (kind == "flat")
                    if overscan is not None:
                        pixels[overscan] = level
                pixels[pixels == 0] = amplifiers[0][0]
                noisy = rng.normal(pixels + drift, 4)
                made[name] = noisy if change is None else change(noisy, kind, index)
            name = f"{kind}-{exposure:g}-{index}"
            if list(made) == [""]:
                values = np.rint(made[""])
                values = values if dtype.startswith("float") else np.clip(values, 0, np.iinfo(dtype).max)
                write_raw(folder / f"{name}.fits", values.astype(dtype), kind, exposure, **cards | own[""])
            else:
                _write_own(folder, name, made, own, kind, exposure, cards)
            if types:
                _retype(folder / f"{name}.fits", types(kind, exposure))
    return folder


def _retype(path, cards):
    """Replace the cards on type and exposure in the primary header."""
    with fits.open(path, mode="update", uint=True, do_not_scale_image_data=True) as hdus:
        for keyword in ("IMAGETYP", "EXPTIME"):
            del hdus[0].header[keyword]
        hdus[0].header.update(cards)


def _write_own(folder, name, images, own, kind, exposure, cards):
    write_images(folder, name, images, kind, exposure, **cards)
    with fits.open(Path(folder) / f"{name}.fits", mode="update", uint=True) as hdus:
        for hdu in hdus[1:]:
            hdu.header.update(own.get(hdu.header["EXTNAME"], {}))


def gmos(folder):
    """Twelve amplifiers in twelve extensions, overscan columns on the right of the odd ones and on the left of the even ones."""
    images, own = {}, {}
    for number in range(1, 13):
        left = number % 2 == 0
        area, overscan = (_columns(16, 60), _columns(0, 16)) if left else (_columns(0, 44), _columns(44, 60))
        images[str(number)] = [(1000 + 11 * number, area, overscan)]
        data, bias = ("[17:60,1:48]", "[1:16,1:48]") if left else ("[1:44,1:48]", "[45:60,1:48]")
        own[str(number)] = {"DATASEC": data, "BIASSEC": bias, "CCDSEC": f"[{number}:99,1:48]", "GAIN": 1.6}
    return layout_night(folder, (48, 60), images, own)


def mosaic(folder):
    """Two amplifiers in one image, with the numbered sections of NOAO's Mosaic; overscans at both ends."""
    images = {"": [(900, _columns(20, 60), _columns(0, 20)), (960, _columns(60, 100), _columns(100, 120))]}
    own = {
        "BIASSEC1": "[1:20,1:48]",
        "DATASEC1": "[21:60,1:48]",
        "BIASSEC2": "[101:120,1:48]",
        "DATASEC2": "[61:100,1:48]",
    }
    return layout_night(folder, (48, 120), images, {"": own}, NAMPS=2)


def hires(folder):
    """Three extensions of one amplifier each, of the same layout."""
    names = ("CCD1", "CCD2", "CCD3")
    images = {name: [(1100 + 40 * n, _columns(0, 70), _columns(70, 90))] for n, name in enumerate(names)}
    return layout_night(folder, (48, 90), images, {name: {"DATASEC": "[1:70,1:48]"} for name in names})


def acs(folder):
    """Two science images, each with its errors and its flags, which are not images of the sky."""
    names = ("SCI", "ERR", "DQ")
    images = {name: [(2000.0 if name == "SCI" else 1.0, _columns(0, 70), _columns(70, 90))] for name in names}
    return layout_night(folder, (48, 90), images, {name: {} for name in names})


def site(folder):
    """Prescan 0:10 and overscan 80:100 about an image of one amplifier; the prescan is 6 ADU higher."""

    def prescan(pixels, kind, index):
        del kind, index
        pixels[:, :10] += 6
        return pixels

    images = {"": [(1200, _columns(10, 80), _columns(80, 100))]}
    own = {"BIASSEC": "[81:100,1:48]", "TRIMSEC": "[11:80,1:48]"}
    return layout_night(folder, (48, 100), images, {"": own}, change=prescan)


def cmos(folder):
    """A colour sensor without overscan: BAYERPAT, a gain on the camera's own scale, colours of which one is brighter."""

    def coloured(pixels, kind, index):
        del index
        if kind == "flat":
            pixels[::2, ::2] += 4000
        return pixels

    own = {"BAYERPAT": "RGGB", "GAIN": 120, "INSTRUME": "ZWO ASI"}
    return layout_night(folder, (48, 90), {"": [(300, _columns(0, 90), None)]}, {"": own}, change=coloured)


def stacked(folder):
    """32-bit sums of eight frames: levels above 65,535."""
    images = {"": [(90000, _columns(0, 70), _columns(70, 90))]}
    return layout_night(folder, (48, 90), images, {"": {}}, dtype="int32")


def one_plane(folder):
    """Three-dimensional images of one plane."""

    def plane(pixels, kind, index):
        del kind, index
        return pixels[None]

    images = {"": [(1000, _columns(0, 70), _columns(70, 90))]}
    return layout_night(folder, (48, 90), images, {"": {"BIASSEC": "[71:90,1:48]"}}, change=plane)


def _lamp(kind):
    return {"bias": "BIAS", "dark": "DARK", "flat": "FLAT,LAMP"}[kind]


def fors(folder):
    """FORS2 at the VLT: prescan and overscan are counted rows, the type is a HIERARCH card, GAIN is missing."""

    def types(kind, exposure):
        return {"EXPTIME": exposure, "HIERARCH ESO DPR TYPE": _lamp(kind), "HIERARCH ESO DPR CATG": "CALIB"}

    def prescan(pixels, kind, index):
        del kind, index
        pixels[:5] = 1004
        return pixels

    counts = {"PRSCX": 0, "PRSCY": 5, "OVSCX": 0, "OVSCY": 8, "X": 1, "Y": 1, "NX": 90, "NY": 47}
    own = {f"HIERARCH ESO DET OUT1 {name}": count for name, count in counts.items()}
    own |= {"HIERARCH ESO DET OUT1 CONAD": 1.43, "HIERARCH ESO DET OUTPUTS": 1, "INSTRUME": "FORS2"}
    image, overscan = (slice(5, 52), slice(0, 90)), (slice(52, 60), slice(0, 90))
    return layout_night(
        folder, (60, 90), {"": [(1000, image, overscan)]}, {"": own}, types=types, change=prescan, light=False
    )


def sdss(folder):
    """A spectrograph of SDSS: four quadrants, their overscans at the ends of the rows, no sections; the type is FLAVOR."""
    images = {
        "": [
            (900 + 60 * (2 * upper + right), (rows, slice(60 * right + 20, 60 * right + 80)), (rows, ends))
            for upper, rows in enumerate((slice(0, 40), slice(40, 80)))
            for right, ends in enumerate((slice(0, 20), slice(140, 160)))
        ]
    }
    return layout_night(
        folder,
        (80, 160),
        images,
        {"": {"CAMERAS": "r1"}},
        types=lambda kind, exposure: {"FLAVOR": kind, "EXPTIME": exposure},
    )


def alfosc(folder):
    """ALFOSC at the NOT: one image in an extension, overscan columns on both sides and rows on top; no sections."""
    image, overscan = (slice(0, 60), slice(10, 90)), (slice(0, 60), slice(90, 100))

    def other_overscans(pixels, kind, index):
        del kind, index
        pixels[:60, :10] = pixels[:60, 90:]
        pixels[60:] = np.resize(pixels[:60, 90:], (8, 100))
        return pixels

    return layout_night(
        folder,
        (68, 100),
        {"im1": [(700, image, overscan)]},
        {"im1": {"DETXBIN": 1, "DETYBIN": 1, "GAIN": 0.16}},
        change=other_overscans,
        types=lambda kind, exposure: {
            "IMAGETYP": _lamp(kind),
            "EXPTIME": exposure,
            "INSTRUME": "ALFOSC_FASU",
        },
    )


def deimos(folder):
    """DEIMOS at Keck: eight images, each with a prescan and an overscan that DATASEC leaves out; the type is OBSTYPE."""
    images, own = {}, {}
    for number in range(1, 9):
        images[f"VidInp{number}"] = [(1000 + 13 * number, _columns(6, 60), _columns(60, 80))]
        own[f"VidInp{number}"] = {
            "DATASEC": "[7:60,1:48]",
            "DETSEC": f"[{54 * number + 1}:{54 * number + 54},1:48]",
        }
    words = {"bias": "Bias", "dark": "Dark", "flat": "DmFlat"}

    def prescan(pixels, kind, index):
        del kind, index
        pixels[:, :6] -= 2
        return pixels

    return layout_night(
        folder,
        (48, 80),
        images,
        own,
        change=prescan,
        types=lambda kind, exposure: {
            "OBSTYPE": words[kind],
            "ELAPTIME": exposure,
            "PRECOL": 6,
            "POSTPIX": 20,
        },
    )


def lris_red(folder):
    """LRIS red at Keck: four images, of which two are read from the other end, so that prescan and overscan change sides."""
    images, own = {}, {}
    for number in range(1, 5):
        turned = number % 2 == 0
        area, overscan = (
            (_columns(20, 74), _columns(0, 20)) if turned else (_columns(6, 60), _columns(60, 80))
        )
        images[f"VidInp{number}"] = [(1100 + 17 * number, area, overscan)]
        own[f"VidInp{number}"] = {"DATASEC": f"[{area[1].start + 1}:{area[1].stop},1:48]"}
    return layout_night(
        folder,
        (48, 80),
        images,
        own,
        types=lambda kind, exposure: {"IMAGETYP": "DARK", "KOAIMTYP": kind, "TTIME": exposure},
    )


def wfc(folder):
    """WFC at the INT: four extensions with BIASSEC and TRIMSEC, the temperature in kelvins, the type in OBSTYPE and IMAGETYP."""
    words = {"bias": "zero", "dark": "dark", "flat": "sky"}
    images = {f"im{n}": [(1500 + 20 * n, _columns(12, 86), _columns(0, 12))] for n in range(1, 5)}
    own = {name: {"BIASSEC": "[3:10,1:48]", "TRIMSEC": "[13:86,1:48]", "GAIN": 2.8} for name in images}
    return layout_night(
        folder,
        (48, 86),
        images,
        own,
        types=lambda kind, exposure: {"IMAGETYP": words[kind], "EXPTIME": exposure, "CCDTEMP": 153.2},
    )


def dslr(folder):
    """A DSLR whose frames a program wrote as FITS: colours, whole seconds in EXPOSURE, ISO as the gain, words of MaxIm."""

    def coloured(pixels, kind, index):
        del index
        if kind == "flat":
            pixels[::2, ::2] *= 0.4
        return pixels

    words = {"bias": "Bias Frame", "dark": "Dark Frame", "flat": "Flat Field"}
    return layout_night(
        folder,
        (48, 90),
        {"": [(2048, _columns(0, 90), None)]},
        {"": {"BAYERPAT": "RGGB", "GAIN": 800, "ISOSPEED": 800}},
        change=coloured,
        types=lambda kind, exposure: {"IMAGETYP": words[kind], "EXPOSURE": exposure},
    )


def webcam(folder):
    """A webcam of 8 bits: no word for the type, milliseconds, and only the names of the files tell what they are."""

    def types(kind, exposure):
        del kind
        return fits.Header([("EXPOSURE", 1000 * exposure, "[ms]")])

    images = {"": [(12, _columns(0, 90), None)]}
    return layout_night(folder, (48, 90), images, {"": {}}, types=types, dtype="uint8")


def side_strips(folder, crossed=False, change=None):
    """Four amplifiers side by side, their overscans in four strips at the right, in the same order or `crossed`; no sections."""
    order = (3, 2, 1, 0) if crossed else (0, 1, 2, 3)
    images = [
        (1000 + 40 * n, _columns(30 * n, 30 * n + 30), _columns(120 + 12 * order[n], 132 + 12 * order[n]))
        for n in range(4)
    ]
    return layout_night(folder, (48, 168), {"": images}, {"": {}}, change=change)


def middle_quadrants(folder):
    """Four quadrants, the overscans of the left and of the right ones between them; no sections."""
    images = [
        (
            1000 + 40 * (2 * upper + right),
            (rows, slice(80 * right, 80 * right + 60)),
            (rows, slice(60 + 10 * right, 70 + 10 * right)),
        )
        for upper, rows in enumerate((slice(0, 30), slice(30, 60)))
        for right in (0, 1)
    ]
    return layout_night(folder, (60, 140), {"": images}, {"": {}})
