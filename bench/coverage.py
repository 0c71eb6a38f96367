"""How often the stated 99 % intervals hold the truth: nights of a small simulator of its own, calibrated, combined and measured.

    python bench/coverage.py [--seeds 100] [--workers 2] [SCENARIO ...]

prints for each scenario and each number what part of the intervals holds the truth and how wide they are, and ends with 1
where it is less than 97 % (or where what is straight is called bent). The simulator is not the package's: it knows row noise,
drift, steps and temperature, and it is small.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks, measure_darks, scale_dark
from darkcal_widgets.darks.noise import Estimate
from darkcal_widgets.frames import Frame

PROMISED = 0.97
GAUSSIAN = 2.5758  # standard deviations that hold 99 % of a Gaussian
DOUBLING = 6.5  # kelvins in which dark current doubles


@dataclass(frozen=True)
class Scenario:
    """A camera and its night: 10 bias frames, then darks.

    Parameters
    ----------
    rate : float
        Dark current, e-/s.
    hot : tuple of float
        Rates of the hot pixels, e-/s; each comes 20 times.
    glow, glow_size : float
        e-/s in the lower left corner, and the pixels in which it falls to 1/e.
    level_jitter, drift : float
        Of the bias level: standard deviation from frame to frame, and from each frame to the next, ADU.
    row_noise : float
        e-, common to a row of a frame.
    step : int
        ADU between two counts.
    kelvins : float
        Standard deviation of the temperature from frame to frame.
    """

    exposures: tuple = (60.0,) * 10
    rate: float = 0.05
    read_noise: float = 10.0
    gain: float = 2.0
    hot: tuple = ()
    glow: float = 0.0
    glow_size: float = 60.0
    level_jitter: float = 0.3
    drift: float = 0.0
    row_noise: float = 0.0
    step: int = 1
    kelvins: float = 0.0
    overscan: bool = False
    subtract_bias: bool = True
    biases: int = 10
    rows: int = 192
    columns: int = 256

    @property
    def recipe(self):
        """What is done to its darks."""
        keep = f":{self.columns}"
        if self.overscan:
            return Recipe(overscan_columns=f"{self.columns}:", keep_columns=keep)
        return Recipe(keep_columns=keep, subtract_bias=self.subtract_bias)


SERIES = (7.0,) * 3 + (70.0,) * 3 + (300.0,) * 3
SCENARIOS = {
    "plain": Scenario(),
    "plain-series": Scenario(exposures=SERIES, overscan=True, rate=0.02),
    "hot-pixels": Scenario(hot=(1.0, 10.0, 100.0)),
    "drift": Scenario(drift=0.5),
    "drift-quiet": Scenario(drift=0.5, level_jitter=0.05),
    "drift-series": Scenario(exposures=SERIES, drift=0.5),
    "drift-bias-kept": Scenario(exposures=SERIES, drift=0.5, subtract_bias=False),
    "row-noise": Scenario(row_noise=5.0),
    "weak-row-noise": Scenario(row_noise=1.0),
    "twelve-bits": Scenario(step=16, read_noise=60.0),
    "coarse-bits": Scenario(step=16, read_noise=20.0),
    "quiet": Scenario(read_noise=1.0),
    "glow": Scenario(
        exposures=SERIES, overscan=True, rate=0.01, glow=30.0, glow_size=30.0, rows=384, columns=512
    ),
    "wide-glow": Scenario(
        exposures=SERIES, overscan=True, rate=0.01, glow=3.0, glow_size=60.0, rows=512, columns=640
    ),
    "temperature": Scenario(
        exposures=SERIES, overscan=True, rate=0.3, kelvins=0.7, hot=tuple(np.geomspace(2, 200, 12))
    ),
    "temperature-one-exposure": Scenario(rate=0.3, kelvins=0.7, hot=tuple(np.geomspace(2, 200, 12))),
}


def simulate(scenario, seed, folder):
    """Write the night and return the rate of each pixel in e-/s."""
    rng = np.random.default_rng([seed, 11])
    shape = (scenario.rows, scenario.columns)
    rates = np.full(shape, scenario.rate)
    y, x = np.indices(shape)
    rates += scenario.glow * np.exp(-np.hypot(x, y) / scenario.glow_size)
    places = rng.choice(scenario.rows * scenario.columns, 20 * len(scenario.hot), replace=False)
    rates.ravel()[places] += np.repeat(scenario.hot, 20)
    pattern = rng.normal(0, 0.4, scenario.columns)
    kinds = [("bias", 0.0)] * scenario.biases + [("dark", seconds) for seconds in scenario.exposures]
    for index, (kind, seconds) in enumerate(kinds):
        adu = expose(scenario, rng, rates, seconds, index) + np.pad(pattern, (0, 20))
        header = fits.Header({"IMAGETYP": kind, "EXPTIME": seconds, "GAIN": scenario.gain})
        header["DATE-OBS"] = f"2024-01-01T{index // 60:02}:{index % 60:02}:00"
        counts = scenario.step * np.rint(np.clip(adu, 0, 65535) / scenario.step)
        fits.PrimaryHDU(counts.astype(np.uint16), header).writeto(folder / f"{kind}-{index:02}.fits")
    return rates


def expose(scenario, rng, rates, seconds, index):
    """Return one frame in ADU, 20 columns of overscan at its right."""
    warmth = 2 ** (rng.normal(0, scenario.kelvins) / DOUBLING)
    electrons = np.pad(rng.poisson(rates * seconds * warmth).astype(float), ((0, 0), (0, 20)))
    electrons += rng.normal(0, scenario.read_noise, electrons.shape)
    electrons += rng.normal(0, scenario.row_noise, (scenario.rows, 1))
    level = 1000 + scenario.drift * index + rng.normal(0, scenario.level_jitter)
    return electrons / scenario.gain + level


def judge(scenario, seed):
    """Return what one night tells: name, whether the truth was held, and the width of the interval, for each number."""
    with tempfile.TemporaryDirectory() as folder:
        raw, out = Path(folder) / "raw", Path(folder) / "out"
        raw.mkdir()
        rates = simulate(scenario, seed, raw)
        night = Night(raw)
        calibrate_darks(night, scenario.recipe, out, progress=False)
        combine_darks(out)
        report = measure_darks(out, night)
        verdicts = [
            held("dark current", report.dark_current, scenario.rate),
            held("mean dark current", report.mean_dark_current, rates.mean()),
            held("read noise", report.read_noise, np.hypot(scenario.read_noise, scenario.row_noise)),
        ]
        if scenario.hot:
            verdicts += hot_verdicts(report.hot, rates, scenario)
            verdicts += [("linear", not report.linear.startswith("no"), np.nan)]
        # The formula leaves out rounding, which matters where the read noise is about a step.
        if (
            scenario.subtract_bias
            and not scenario.overscan
            and scenario.read_noise > 2 * scenario.step * scenario.gain
        ):
            verdicts += [scaled_verdict(out, rates, scenario)]
    return verdicts


def held(name, estimate, truth):
    """Judge one number; one that is not told is not wrong."""
    if estimate is None:
        return (f"{name}: not told", True, np.nan)
    return (name, abs(estimate.value - truth) <= estimate.uncertainty, estimate.uncertainty)


def hot_verdicts(table, rates, scenario):
    """Judge the rates of the hot pixels that were found, by their true rate."""
    factor = table["rate"] / table["excess"] if len(table) else np.ones(0)
    for row, scale in zip(table, factor, strict=True):
        truth = rates[row["y"], row["x"]] - scenario.rate
        reach = GAUSSIAN * row["uncertainty"] * scale
        if truth > 0 and truth < 0.3 * 60000 * scenario.gain / max(scenario.exposures):
            yield held(
                f"hot pixels near {truth:.0f} e-/s" if len(scenario.hot) < 5 else "hot pixels",
                Estimate(row["rate"], reach),
                truth,
            )


def scaled_verdict(out, rates, scenario):
    """Judge the pixels of a dark scaled to a tenth: enough of them lie within their own uncertainty of the truth."""
    seconds = scenario.exposures[-1]
    dark = Frame(out / f"combined_dark_{seconds:.3f}.fits").ccd()
    bias = Frame(out / "combined_bias.fits").ccd()
    scaled = scale_dark(
        dark, seconds / 10, read_noise=np.hypot(scenario.read_noise, scenario.row_noise), combined_bias=bias
    )
    error = scaled.data - rates * seconds / 10 / scenario.gain
    error = (error - np.median(error)) / scaled.uncertainty.array  # the level is judged by the dark current
    return ("noise of the scaled dark", np.mean(np.abs(error) <= GAUSSIAN) > 0.98, float(np.std(error)))


def main():
    """Run the scenarios and print a line for each number."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    failed = []
    print(f"{'scenario':26}{'number':34}{'held':>8}{'of':>7}{'interval':>12}")
    with ProcessPoolExecutor(options.workers) as pool:
        for name in options.scenarios or SCENARIOS:
            verdicts = defaultdict(list)
            for night in pool.map(partial(judge, replace(SCENARIOS[name])), range(options.seeds)):
                for number, right, reach in night:
                    verdicts[number].append((right, reach))
            for number, found in verdicts.items():
                rights, reaches = np.transpose(found)
                print(
                    f"{name:26}{number:34}{rights.mean():8.1%}{len(found):7}{np.median(reaches):12.3g}",
                    flush=True,
                )
                failed += [f"{name}: {number}"] if rights.mean() < PROMISED else []
    print(*(failed or ["all intervals hold what they promise"]), sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
