import pytest
from astropy.io import fits

from darkcal_widgets.frames.numbers import binning_of, celsius, gain_of, number, read_noise_of, seconds


def header_of(cards):
    header = fits.Header()
    header.update(cards)  # values, or values with comments
    return header


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (6, 6.0),
        ("6", 6.0),
        ("3,2E-05", 3.2e-5),
        ("1.5D2", 150.0),
        (".5", 0.5),
        ("30 s", 30.0),
        ("1,234.5", None),
        ("1,2,3", None),
        ("ten", None),
        ("nan", None),
        (float("inf"), None),
        (True, None),
        (None, None),
    ],
)
def test_numbers_are_read_as_cameras_write_them(written, expected):
    assert number(written) == expected


EXPOSURES = {
    "Keck LRIS": ({"TTIME": 300, "ELAPTIME": 300}, 300.0),
    "Keck LRIS bias": ({"TTIME": 0, "ELAPTIME": 0}, 0.0),
    "Keck NIRSPEC": ({"ITIME": 12.5}, 12.5),
    "WHT": ({"EXPOSED": (2.01, "[s] Exposure time")}, 2.01),
    "ZWO": ({"EXPTIME": ("3,2E-05", "Total Exposure Time (s)"), "EXPOINUS": 32}, 3.2e-5),
    "text": ({"EXPTIME": "6"}, 6.0),
    "milliseconds in brackets": ({"EXPOSURE": (250, "[ms] exposure time")}, 0.25),
    "milliseconds in words": ({"EXPTIME": (250.0, "Exposure time in milliseconds")}, 0.25),
    "milliseconds in short": ({"EXPTIME": (250.0, "exposure (ms)")}, 0.25),
    "microseconds": ({"EXPTIME": (32, "Exposure time in us")}, 3.2e-5),
    "minutes": ({"EXPTIME": (2, "[min]")}, 120.0),
    "seconds, to a millisecond": ({"EXPTIME": (2.5, "[s] to one millisecond")}, 2.5),
    "with its unit": ({"EXPTIME": "40 ms"}, 0.04),
    "unit of all times": ({"XPOSURE": 40.0, "TIMEUNIT": "ms"}, 0.04),
    "days are of other times": ({"EXPTIME": 40.0, "TIMEUNIT": "d"}, 40.0),
    "us in English": ({"EXPTIME": (3.0, "given to us by the user")}, 3.0),
    "seconds in HST's words": ({"EXPTIME": (300.0, "exposure duration (seconds)--calculated")}, 300.0),
    "the next one": ({"EXPTIME": "UNKNOWN", "EXPOSURE": 3.0}, 3.0),
    "the first one": ({"EXPTIME": 1.0, "EXPOSURE": 2.0}, 1.0),
    "negative": ({"EXPTIME": -1.0}, None),
    "none": ({}, None),
}


@pytest.mark.parametrize(("cards", "expected"), EXPOSURES.values(), ids=EXPOSURES)
def test_exposures_are_in_seconds(cards, expected):
    assert seconds(header_of(cards)) == (expected if expected is None else pytest.approx(expected))


TEMPERATURES = {
    "SBIG": ({"CCD-TEMP": -10.203, "SET-TEMP": -10.0}, -10.203),
    "only what was asked for": ({"SET-TEMP": -15.0}, -15.0),
    "WHT": ({"CCDTEMP": (161.479, "[K] Cryostat temperature")}, -111.671),
    "SAAO": ({"CCD-TEMP": 180.2}, -92.95),
    "called degrees": ({"CCDTEMP": (163.0, "[deg C]")}, -110.15),
    "Lick Nickel": ({"TEMPDET": -108.8}, -108.8),
    "Shane Kast": ({"TEMPDET": 192.8, "TEMPDETE": 0}, -80.35),
    "Keck LRIS, which makes no sense": ({"TEMPDET": 60.1965065}, None),
    "LCO": ({"CCDSTEMP": -70.0, "CCDATEMP": -70.161}, -70.161),
    "infrared in kelvin": ({"DETTEMP": (77.0, "[K]")}, -196.15),
    "uncooled CMOS": ({"CCD-TEMP": 35.3}, 35.3),
    "text": ({"DET-TEMP": "-99,5"}, -99.5),
    "a mark for nothing": ({"CCD-TEMP": -999.0}, None),
    "a mark for nothing, then another": ({"CCD-TEMP": -999.0, "SET-TEMP": -20.0}, -20.0),
    "none": ({}, None),
}


@pytest.mark.parametrize(("cards", "expected"), TEMPERATURES.values(), ids=TEMPERATURES)
def test_temperatures_are_in_degrees_celsius(cards, expected):
    assert celsius(header_of(cards)) == (expected if expected is None else pytest.approx(expected))


GAINS = {
    "SBIG": ({"EGAIN": 2.06, "E-GAIN": 2.06}, (2.06, "")),
    "SBIG by other software": ({"GAIN": 100, "EGAIN": 1.3}, (1.3, "100")),
    "ZWO": ({"GAIN": (0, "The ratio of output / input"), "OFFSET": 340}, (None, "0")),
    "ASI by N.I.N.A.": (
        {"GAIN": (100, "Sensor gain"), "EGAIN": (0.25, "[e-/ADU] Electrons per A/D unit")},
        (0.25, "100"),
    ),
    "QHY": ({"GAIN": 56.0, "OFFSET": 30}, (None, "56")),
    "a small setting beside its offset": ({"GAIN": 2, "OFFSET": 10}, (None, "2")),
    "Lick": ({"GAIN": (1, "DCS GAIN INDEX")}, (None, "1")),
    "Keck": ({"CCDGAIN": "low"}, (None, "low")),
    "WHT": ({"GAIN": (1.2, "Nominal Photo-electrons per ADU.")}, (1.2, "")),
    "LCO": ({"GAIN": (2.3, "[electrons/count] Pixel gain")}, (2.3, "")),
    "8 bits": ({"GAIN": (120.0, "[e-/ADU]")}, (120.0, "")),
    "the other way round": ({"GAIN": (0.5, "[adu/electron]")}, (2.0, "")),
    "DCT": ({"GAIN": 2.89}, (2.89, "")),
    "Andor, with multiplication": ({"GAIN": (300, "EM gain level")}, (None, "300")),
    "decibel": ({"GAIN": (12.0, "[dB]")}, (None, "12")),
    "text": ({"GAIN": "1,9"}, (1.9, "")),
    "zero": ({"EGAIN": 0.0, "GAIN": -1}, (None, "-1")),
    "none": ({}, (None, "")),
}


@pytest.mark.parametrize(("cards", "expected"), GAINS.values(), ids=GAINS)
def test_a_gain_is_believed_where_it_can_be_electrons_per_adu(cards, expected):
    assert gain_of(header_of(cards)) == expected


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"XBINNING": 1, "YBINNING": 2}, (1, 2)),
        ({"CCDSUM": "2 1"}, (2, 1)),
        ({"BINNING": "2,2"}, (2, 2)),
        ({"CCDSUM": "UNKNOWN"}, None),
        ({}, None),
    ],
)
def test_binning_is_of_columns_and_rows(cards, expected):
    assert binning_of(cards) == expected


def test_a_read_noise_is_above_0():
    assert read_noise_of({"RDNOISE": 0, "READNOIS": "5.0"}) == 5.0
    assert read_noise_of({"RDNOISE": -1}) is None


@pytest.mark.parametrize("value", [0, 0.0, "0", "0.000 s"])
def test_an_exposure_of_no_time_is_one(value):
    assert seconds(header_of({"EXPTIME": value, "EXPOSURE": 7.0})) == 0.0
