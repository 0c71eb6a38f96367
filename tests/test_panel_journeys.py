"""Two people at the panel, from one end to the other: each step leaves what they would expect."""

import numpy as np
import pytest
from nights import write_raw
from panels import PANEL, PATIENCE, SHOWN_LAST, calibrate, control, enter, settle

pytestmark = pytest.mark.browser

LIFE = ".darkcal-life"
NOT_RUNNING = "() => !document.querySelector('.darkcal-panel [data-name=cancel]:enabled')"


def remark(lab, name="overscan_columns"):
    return control(lab, f"{name}-remark").inner_text()


def try_overscan(lab, text):
    """Type an overscan; return the remark on it and what the button says."""
    control(lab, "overscan_columns").fill(text)
    settle(lab)
    return remark(lab), control(lab, "calibrate").inner_text()


def press(lab, name, result):
    """Press a button that works in the background, and wait for what it says at the end."""
    control(lab, name).click()
    lab.page.locator(f"{PANEL} .darkcal-summary", has_text=result).wait_for(timeout=PATIENCE)
    lab.page.wait_for_function(NOT_RUNNING, timeout=PATIENCE)
    settle(lab)


def test_a_student_tries_undoes_calibrates_and_comes_back(open_example):
    lab = open_example(1)
    lab.page.wait_for_function(
        "() => !document.querySelector('[data-name=overscan_columns-remark]').textContent"
    )
    lab.wait_for_value("panel._opened.is_advised", True)
    said, button = try_overscan(lab, "2048:")
    assert "Light reaches columns 2048:2055" in said
    assert button == "Replace 9 results"
    assert "Only 1 column" in try_overscan(lab, "2079:")[0]
    assert try_overscan(lab, "2060:")[0] == ""

    lab.page.wait_for_timeout(1100)  # later than what counts as one step
    control(lab, "keep_columns").fill(":2000")
    settle(lab)
    for expected in ("2060:", "2055:"):  # the three texts were typed as one step
        lab.page.keyboard.press("Control+z")
        settle(lab)
        assert lab.value("panel.overscan_columns") == expected
    assert control(lab, "calibrate").inner_text() == "Calibrate"
    assert "up to date: combined_dark_7.000.fits" in lab.page.locator(PANEL).inner_text()
    lab.page.keyboard.press("Control+Shift+Z")
    settle(lab)
    assert control(lab, "overscan_columns").input_value() == "2060:"
    press(lab, "calibrate", "9 written")
    with pytest.raises(AssertionError, match="press “Replace 3 combined darks” in the panel"):
        lab.run_all()
    lab.bring_into_view(lab.page.locator(PANEL))
    settle(lab)
    assert control(lab, "combine").inner_text() == "Replace 3 combined darks"
    press(lab, "combine", "3 written")

    lab.run_all()
    assert "9 calibrated, 3 combined darks" in lab.page.evaluate(SHOWN_LAST)
    lab.page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
    lab.page.locator(LIFE, has_text="This panel has no kernel").wait_for()
    assert lab.page.evaluate("document.querySelector('.darkcal-panel section').inert")

    lab.wait_until_idle()
    with pytest.raises(
        AssertionError
    ) as error:  # the settings of the cell hold again, and other results are there
        lab.run_all()
    (sentence,) = str(error.value).splitlines()
    assert "There are 9 results made otherwise in example1-reduced (overscan [2061:2080" in sentence
    lab.bring_into_view(lab.page.locator(PANEL))
    settle(lab)
    press(lab, "calibrate", "9 written")
    press(lab, "combine", "3 written")
    lab.run_all()
    assert lab.value("[panel.overscan_columns, len(run.unchanged), len(combined.unchanged)]") == [
        "2055:",
        9,
        3,
    ]
    assert not lab.errors


DEGREES = (-20.0, -15.0, -10.0, -5.0)


def left_overscan(folder):
    """Columns 0:16 are the overscan, which follows the bias; flats show where the image begins."""
    draw = np.random.default_rng(4)

    def write(name, kind, seconds, light, **cards):
        level = draw.normal(1000, 8)
        pixels = draw.normal(level, 3, (48, 120))
        pixels[:, 16:] += light
        write_raw(folder / name, pixels.round().astype("uint16"), kind, seconds, **cards)

    for n in range(6):
        write(f"bias-{n}.fits", "bias", 0.0, 0, CCD_TEMP=-20.0)
    for n in range(4):
        write(f"flat-{n}.fits", "flat", 60.0, 20000, CCD_TEMP=DEGREES[n])
    for n in range(200):
        write(f"dark-{n:03d}.fits", "dark", 60.0, 5, CCD_TEMP=DEGREES[n % 4])


def test_an_observer_of_four_temperatures_never_opens_an_editor(open_panel):
    lab = open_panel(left_overscan, "keep_columns=None")
    control(lab, "as-advised").click()
    settle(lab)
    assert [control(lab, name).input_value() for name in ("overscan_columns", "keep_columns")] == [
        ":16",
        "16:",
    ]
    rows = lab.page.locator(f"{PANEL} tbody tr[data-row]")
    assert rows.count() < 100
    control(lab, "temperature").select_option("-10 °C")
    settle(lab)
    lab.page.get_by_role("button", name="Pick only listed").click()
    settle(lab)
    assert "50 of 200 darks picked" in lab.page.locator(PANEL).inner_text()
    boxes = lab.page.locator(f"{PANEL} tbody input")
    boxes.nth(0).click()
    settle(lab)
    boxes.nth(4).click(modifiers=["Shift"])
    settle(lab)
    assert lab.value("len(panel.files)") == 45
    control(lab, "search").fill("dark-00")
    settle(lab)
    assert rows.count() == 2
    control(lab, "search").fill("")
    lab.page.get_by_role("button", name="Pick only listed").click()
    settle(lab)
    press(lab, "calibrate", "50 written")
    press(lab, "combine", "1 written")

    control(lab, "temperature").select_option("")
    settle(lab)
    lab.page.get_by_role("button", name="Pick listed", exact=True).click()
    settle(lab)
    assert lab.value("panel.files") is None
    press(lab, "calibrate", "150 written, 50 unchanged, 0 failed")
    press(lab, "combine", "4 written")
    names = {path.name for path in (lab.folder / "out").glob("combined_dark_60.000_*.fits")}
    assert names == {f"combined_dark_60.000_{degrees:.0f}C.fits" for degrees in DEGREES}
    enter(lab, "reduced_folder", "elsewhere")
    assert "200 written" in calibrate(lab)
    assert not lab.errors
