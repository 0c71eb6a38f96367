"""The panel of both notebooks in a real JupyterLab: seen, dragged, run, cancelled, saved, and equal to papermill's results."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from nights import folder_bytes, small_night, write_raw
from panels import (
    DONE,
    NIGHTS,
    PANEL,
    ROWS,
    SHOWN_LAST,
    calibrate,
    control,
    enter,
    settle,
    write_notebook,
    wrong,
)

from darkcal_widgets import Parameters
from darkcal_widgets.notebooks import shipped_notebooks

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[1] / "node_modules" / "axe-core" / "axe.min.js"
VIOLATIONS = """async (expected) => {
    const {passes, violations} = await axe.run('.darkcal-panel');
    if (!passes.some(({id}) => id === expected)) throw new Error('axe-core has not looked at the panel');
    return violations.flatMap(({id, help, nodes}) => nodes.map(node => `${id}: ${help}: ${node.html}`));
}"""
# Slower frames, so that there is something left to cancel.
SLOW = """
import time, darkcal_widgets.run.night as run_module
quick = run_module.calibrate_file
run_module.calibrate_file = lambda job: (time.sleep(0.5), quick(job))[1]
"""


def papermill(lab, number, tmp_path):
    """Run the notebook by papermill from the saved settings, on the same frames; return its folder of results."""
    name = NIGHTS[number][1]
    (tmp_path / name).symlink_to(lab.folder / name)
    command = [sys.executable, "-m", "papermill", str(shipped_notebooks()[number]), "done.ipynb"]
    command += ["-f", str(lab.folder / "darkcal-settings.yaml"), "--no-progress-bar"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_notebook_1_from_drag_to_the_same_bytes_by_papermill(open_example, tmp_path):
    lab = open_example(1)
    lab.drag(lab.page.locator("canvas.darkcal-profile").nth(1), (0.75, 0.5), (0.95, 0.5))
    settle(lab)
    dragged = lab.value("panel.parameters.overscan_columns")
    assert dragged == control(lab, "overscan_columns").input_value() != "2055:"
    start, stop = (control(lab, f"overscan_columns-{end}").input_value() for end in ("start", "stop"))
    assert f"{start}:{'' if stop == '2080' else stop}" == dragged

    control(lab, "overscan_columns").fill("2040:")
    settle(lab)
    assert "keeps a part of the overscan" in wrong(lab).first.inner_text()
    assert control(lab, "calibrate").is_disabled()
    control(lab, "overscan_columns").fill(f"[2060:2080, 1:{ROWS}]")
    settle(lab)
    assert wrong(lab).count() == 0

    control(lab, "reduced_folder").fill("by-panel")
    control(lab, "reduced_folder").press("Enter")
    settle(lab)
    assert "9 written, 0 unchanged, 0 failed" in calibrate(lab)
    lab.page.locator(f"{PANEL} .darkcal-save > summary").click()
    control(lab, "save").click()
    settle(lab)
    saved = Parameters.load(lab.folder / "darkcal-settings.yaml")
    assert saved.overscan_columns == f"[2060:2080, 1:{ROWS}]"
    assert saved == Parameters(**lab.value("panel.parameters.to_dict()"))

    results = folder_bytes(papermill(lab, 1, tmp_path) / "by-panel")
    mine = folder_bytes(lab.folder / "by-panel")
    assert mine
    assert {name: results[name] for name in mine} == mine
    assert not lab.errors


def test_notebook_2_toggles_the_bias_cancels_and_goes_on(open_example, tmp_path):
    lab = open_example(2)
    settle(lab)
    with_bias = lab.page.locator(f"{PANEL} .darkcal-key-after").inner_text()
    control(lab, "subtract_bias").uncheck()
    settle(lab)
    assert lab.value("panel.recipe.subtract_bias") is False
    assert lab.page.locator(f"{PANEL} .darkcal-key-after").inner_text() != with_bias
    control(lab, "subtract_bias").check()
    control(lab, "reduced_folder").fill("by-panel")
    control(lab, "reduced_folder").press("Enter")
    settle(lab)

    lab.value("0", after=SLOW)
    control(lab, "calibrate").click()
    lab.page.wait_for_function("() => document.querySelector('.darkcal-panel progress').value >= 1")
    assert lab.value("6 * 7") == 42  # the kernel answers meanwhile
    control(lab, "cancel").click()
    lab.page.wait_for_function(DONE)
    assert "cancelled before the end" in lab.page.locator(f"{PANEL} .darkcal-summary").inner_text()
    lab.value("0", after="run_module.calibrate_file = quick")
    assert "0 failed" in calibrate(lab)

    lab.page.locator(f"{PANEL} .darkcal-save > summary").click()
    control(lab, "save").click()
    settle(lab)
    results = folder_bytes(papermill(lab, 2, tmp_path) / "by-panel")
    mine = folder_bytes(lab.folder / "by-panel")
    assert len(mine) == 11  # ten darks and their combined bias
    assert {name: results[name] for name in mine} == mine
    assert not lab.errors


def image_of(seed, halves=(1000, 1022)):
    """Columns 0:40 and 40:80 of the image on two levels, their overscans 80:90 and 90:100 on the same ones."""
    levels = np.repeat(halves, 40).tolist() + np.repeat(halves, 10).tolist()
    return np.random.default_rng(seed).normal(levels, 3, (60, 100)).astype("uint16")


def two_amplifiers(folder):
    for n in range(3):
        write_raw(folder / f"dark-{n}.fits", image_of(n), "dark", 60.0)
        write_raw(folder / f"x-{n}.fits", image_of(n + 10), "")


def three_images(folder):
    folder.mkdir()
    for n in range(3):
        images = [
            fits.ImageHDU(image_of(n, (1000 * k, 1000 * k)), fits.Header(), f"CCD{k}") for k in (1, 2, 3)
        ]
        header = fits.Header({"IMAGETYP": "dark", "EXPTIME": 60.0})
        fits.HDUList([fits.PrimaryHDU(header=header), *images]).writeto(folder / f"dark-{n}.fits")


def violations(lab, expected="color-contrast"):
    """What axe-core finds in the panel; `expected` is a rule that it must have looked at."""
    if not AXE.is_file():
        pytest.skip(f"axe-core is not installed (npm install in {AXE.parents[2]})")
    lab.page.evaluate(AXE.read_text(encoding="utf-8"))
    return lab.page.evaluate(VIOLATIONS, expected)


@pytest.mark.parametrize("dark", [False, True])
def test_no_state_of_the_panel_violates_rules_of_accessibility(open_panel, dark):
    lab = open_panel(two_amplifiers, "overscan_columns='80:', keep_columns=':80'", dark=dark)
    lab.page.locator(f"{PANEL} .darkcal-save > summary").click()
    control(lab, "listed").select_option("all")
    settle(lab)
    assert violations(lab) == []
    enter(lab, "raw_folder", "other")
    assert violations(lab) == []
    enter(lab, "raw_folder", "night")
    control(lab, "several-amplifiers").click()
    settle(lab)
    control(lab, "amplifier-1-image").fill("")
    settle(lab)
    assert control(lab, "calibrate").is_disabled()
    assert violations(lab) == []
    lab.page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
    lab.page.locator(".darkcal-life", has_text="no kernel").wait_for()
    assert violations(lab, "aria-allowed-role") == []  # nothing else is left to be looked at


WIDTH_LEFT = "one => one.scrollWidth - one.clientWidth"


def test_narrow_windows_and_large_letters_do_not_scroll(open_panel):
    lab = open_panel(two_amplifiers, "overscan_columns='80:', keep_columns=':80'")
    control(lab, "calibrate").click()
    lab.page.wait_for_function(DONE)
    enter(lab, "keep_columns", ":70")
    assert control(lab, "calibrate").inner_text() == "Replace 3 results"
    assert violations(lab) == []
    for width in (800, 640):  # 640: a window of 1280 at 200 %
        lab.page.set_viewport_size({"width": width, "height": 900})
        lab.page.wait_for_timeout(300)
        assert lab.page.locator(PANEL).evaluate(WIDTH_LEFT) <= 0


def test_another_cameras_settings_are_questioned_in_the_browser(open_panel):
    lab = open_panel(two_amplifiers, "overscan_columns='90:', keep_columns=':80'")
    enter(lab, "raw_folder", "other")
    assert "was set for the frames of another night" in wrong(lab).first.inner_text()
    assert control(lab, "calibrate").is_disabled()
    control(lab, "as-advised").click()
    settle(lab)
    assert wrong(lab).count() == 0
    assert control(lab, "calibrate").is_enabled()
    assert lab.value("panel.advice.differences(panel.recipe)") == []


def drag_border(lab, canvas):
    """Take hold of the first border of a profile that can be dragged, and drag it to the right."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for x in range(90, int(box["width"]), 4):  # beyond the left edge, which is one, too
        lab.page.mouse.move(box["x"] + x, box["y"] + 80)
        if canvas.evaluate("one => one.style.cursor") == "ew-resize":
            break
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + x + 60, box["y"] + 80, steps=6)
    lab.page.mouse.up()
    settle(lab)


def test_amplifiers_are_typed_and_joined_to_one_image(open_panel):
    lab = open_panel(two_amplifiers, "overscan_columns='80:', keep_columns=':80'")
    control(lab, "several-amplifiers").click()
    settle(lab)
    assert lab.value("panel.amplifiers") == [["80:", ":40"], ["80:", "40:80"]]
    control(lab, "amplifier-0-overscan").fill("80:90")
    control(lab, "amplifier-1-overscan").fill("90:")
    settle(lab)
    assert lab.value("panel.effect['after']['shape']") == [60, 80]
    assert "3 written, 0 unchanged, 0 failed" in calibrate(lab)
    drag_border(lab, lab.page.locator("canvas.darkcal-profile").first)
    first, second = lab.value("panel.amplifiers")
    assert first == ["80:90", f":{second[1].partition(':')[0]}"] != ["80:90", ":40"]
    lab.page.keyboard.press("Control+z")
    settle(lab)
    assert lab.value("panel.amplifiers") == [["80:90", ":40"], ["90:", "40:80"]]
    control(lab, "one-amplifier").click()
    settle(lab)
    assert lab.value("[panel.overscan_columns, panel.keep_columns, panel.amplifiers]") == [
        "80:90",
        ":80",
        None,
    ]
    assert not lab.errors


def test_one_image_is_looked_at_and_some_are_calibrated(open_panel):
    lab = open_panel(three_images, "overscan_columns='90:', keep_columns=':80'")
    control(lab, "extension").select_option("CCD2")
    settle(lab)
    assert "dark-0.fits[CCD2]" in lab.page.locator(f"{PANEL} h3", has_text="effect").inner_text()
    lab.page.locator(f"{PANEL} [data-image=CCD3]").click()
    settle(lab)
    assert lab.value("panel.extensions") == ["CCD1", "CCD2"]
    lab.page.locator(f"{PANEL} [data-image=CCD3]").click()
    settle(lab)
    assert lab.value("panel.extensions") is None
    assert not lab.errors


def test_picking_darks_keeps_what_is_said_of_bias_frames(open_panel):
    lab = open_panel(small_night, "keep_columns=':22', files=('dark-0.fits', 'bias:bias-1.fits')")
    lab.page.locator(f"{PANEL} tbody input").nth(1).click()
    settle(lab)
    assert lab.value("panel.files") == ["dark-0.fits", "dark-1.fits", "bias:bias-1.fits"]
    lab.page.get_by_role("button", name="Pick listed", exact=True).click()
    settle(lab)
    assert lab.value("panel.files") == ["bias:bias-1.fits"]
    lab.page.get_by_role("button", name="Leave out listed").click()
    settle(lab)
    assert lab.value("panel.files") == []
    assert not lab.errors


RED = """() => {
    const canvas = document.querySelector('canvas.darkcal-after');
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let n = 0; n < data.length; n += 4) count += data[n] > 150 && data[n + 1] < 60 && data[n + 2] < 80;
    return count;
}"""


def test_a_hot_pixel_is_ringed_and_a_glow_is_not(open_panel):
    def glowing(folder):
        pixels = image_of(0, (1000, 1000)).astype(float)
        pixels[:, :80] += 2000 * np.exp(-np.arange(80) / 10)
        pixels[30, 60] += 500
        write_raw(folder / "dark-0.fits", pixels.astype("uint16"), "dark", 60.0)

    lab = open_panel(glowing, "overscan_columns='80:', keep_columns=':80'")
    looks_at_the_effect(lab)
    assert lab.page.evaluate(RED) == 0
    control(lab, "mark_hot").check()
    settle(lab)
    assert 10 < lab.page.evaluate(RED) < 200  # one ring
    assert not lab.errors


def test_what_frames_are_is_said_in_the_list(open_panel):
    lab = open_panel(two_amplifiers, "keep_columns=':80'")
    control(lab, "listed").select_option("all")
    settle(lab)
    rows = lab.page.locator(f"{PANEL} tbody tr")
    rows.nth(3).click()
    rows.nth(4).click(modifiers=["Control"])
    rows.nth(5).click(modifiers=["Shift"])
    settle(lab)
    control(lab, "declare").select_option("dark")
    settle(lab)
    assert lab.value("panel.image_types") == {f"file=x-{n}.fits": "dark" for n in range(3)}
    assert "x-0.fits is dark" in control(lab, "said").inner_text()
    assert lab.value("len(panel.night.darks)") == 6
    rows.nth(3).focus()
    lab.page.keyboard.press("Enter")
    lab.page.keyboard.press("Shift+ArrowDown")
    settle(lab)
    control(lab, "declare").select_option("header")
    settle(lab)
    assert lab.value("panel.image_types") == {"file=x-2.fits": "dark"}
    control(lab, "clear-kinds").click()
    settle(lab)
    assert lab.value("panel.image_types") is None
    assert not lab.errors


def test_panel_settings_survive_a_second_run_of_all_cells(open_example):
    lab = open_example(1)
    control(lab, "overscan_columns").fill("2060:")
    control(lab, "overwrite").check()
    settle(lab)
    assert "9 written, 0 unchanged, 0 failed" in calibrate(lab)
    lab.run_all()
    assert "9 calibrated, 3 combined darks" in lab.page.evaluate(SHOWN_LAST)
    assert lab.value("[len(run.unchanged), run.failed, panel.overscan_columns]") == [9, {}, "2060:"]
    lab.bring_into_view(lab.page.locator(PANEL))
    settle(lab)
    assert "press as at the start" in control(lab, "start").inner_text().lower()
    control(lab, "as-at-the-start").click()
    settle(lab)
    assert control(lab, "overscan_columns").input_value() == "2055:"
    assert lab.value("panel.parameters == parameters")
    assert control(lab, "as-at-the-start").is_disabled()
    assert not lab.errors


def test_the_panel_is_operated_by_keys_alone(open_example):
    lab = open_example(1, width=1000, dark=True)
    keys = lab.page.keyboard
    first = lab.page.locator(f"{PANEL} tbody tr").first
    first.focus()
    for key in ("Space", "ArrowDown", "ArrowDown", "Enter"):
        keys.press(key)
        settle(lab)
    assert len(lab.value("panel.files")) == 8
    assert lab.page.locator(f"{PANEL} tr.darkcal-looked").get_attribute("data-row") == lab.page.locator(
        f"{PANEL} tbody tr"
    ).nth(2).get_attribute("data-row")
    lab.page.locator("canvas.darkcal-profile").first.focus()
    keys.press("ArrowLeft")
    settle(lab)
    assert lab.value("panel.parameters.overscan_columns") == "2054:2079"
    keys.press("Shift+ArrowRight")
    settle(lab)
    assert lab.value("panel.parameters.overscan_columns") == "2054:"
    unlabelled = lab.page.evaluate(
        """() => [...document.querySelectorAll('.darkcal-panel :is(input, select, textarea, button, canvas)')]
            .filter(one => !one.title && !one.ariaLabel && !one.labels?.length).map(one => one.outerHTML)"""
    )
    assert unlabelled == []
    width = lab.page.locator(PANEL).evaluate("one => one.scrollWidth - one.clientWidth")
    assert width <= 0


def test_a_panel_survives_a_reload_and_leaves_a_picture(open_example):
    lab = open_example(1)
    control(lab, "overscan_columns").fill("2061:")
    settle(lab)
    pictures = lab.page.locator(
        ".jp-OutputArea-child:has(+ .jp-OutputArea-child + .jp-OutputArea-child .darkcal-panel)"
    )
    assert pictures.count() == 1
    assert not pictures.first.is_visible()
    lab.page.wait_for_timeout(2500)  # until the picture that stays has been drawn again
    lab.command("docmanager:save")
    lab.load()
    lab.page.wait_for_selector(PANEL, state="attached")
    lab.bring_into_view(lab.page.locator(PANEL))
    settle(lab)
    assert control(lab, "overscan_columns").input_value() == "2061:"

    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
    lab.load()
    text = lab.page.locator(".jp-RenderedText", has_text="DarkPanel(")
    text.first.wait_for(state="attached")
    assert "overscan_columns='2061:'" in text.first.text_content()
    assert lab.page.locator(PANEL).count() == 0


IN_A_BOX = [
    "from darkcal_widgets import DarkPanel, Night, Recipe\nfrom ipywidgets import HBox, Text, jslink",
    "panel = DarkPanel(Night('example-cryo-LFC', 'example-cryo-LFC/darks'), Recipe(keep_columns=':2048'), 'out')\n"
    "text = Text()\n"
    "link = jslink((panel, 'overscan_columns'), (text, 'value'))\n"
    "seen = []\n"
    "panel.observe(lambda change: seen.append(change.new), 'overscan_columns')\n"
    "print('before the box')\n"
    "HBox([text, panel])",
]


def test_a_panel_is_linked_and_observed_like_any_widget(open_notebook, example_nights, tmp_path):
    write_notebook(tmp_path / "box.ipynb", *IN_A_BOX)
    lab = open_notebook(tmp_path / "box.ipynb", dark=True)
    (lab.folder / NIGHTS[1][1]).symlink_to(example_nights / NIGHTS[1][1])
    lab.run_all()
    settle(lab)
    text = lab.page.locator(".widget-hbox .widget-text input")
    text.fill("2055:")
    text.press("Tab")
    assert lab.wait_for_value("panel.overscan_columns", "2055:") == "2055:"
    lab.page.wait_for_function(
        "() => document.querySelector('.darkcal-panel .darkcal-key-after').textContent"
    )
    assert control(lab, "overscan_columns").input_value() == "2055:"
    control(lab, "overscan_columns").fill("2060:")
    settle(lab)
    assert text.input_value() == "2060:"
    assert lab.value("seen")[-1] == "2060:"
    lab.value("0", after="panel.overscan_columns = '2070:99'")  # wrong, and seen where it is
    lab.page.wait_for_function("() => document.querySelector('.darkcal-panel fieldset.darkcal-wrong')")
    assert "overscan_columns" in lab.value("panel.problems")
    assert text.input_value() == "2070:99"
    assert lab.page.get_by_text("before the box").last.is_visible()
    assert not lab.errors


READOUT = f"{PANEL} .darkcal-readout"


def looks_at_the_effect(lab):
    """Bring the pictures into view; return the one after."""
    picture = lab.page.locator("canvas.darkcal-after")
    lab.bring_into_view(picture)
    return picture


def test_both_pictures_zoom_and_pan_together_with_values(open_panel):
    lab = open_panel(two_amplifiers, "overscan_columns='80:', keep_columns=':80'")
    picture = looks_at_the_effect(lab)
    assert "every pixel is shown" in lab.page.locator(READOUT).inner_text()
    box = picture.bounding_box()
    lab.page.mouse.dblclick(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    settle(lab)
    top, bottom, left, right = lab.value("panel.window")
    assert 10 < bottom - top < 60
    assert right - left < 100
    lab.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.3 * box["height"])
    place, before, after = re.match(
        r"(Column \d+, row \d+): (\S+) before, (\S+) after", lab.page.locator(READOUT).inner_text()
    ).groups()
    column, row = map(int, re.findall(r"\d+", place))
    raw = lab.value(f"int(panel.night.darks[0].data[{row}, {column}])")
    level = lab.value(f"float(__import__('numpy').median(panel.night.darks[0].data[{row}, 80:]))")
    assert (float(before), float(after)) == (raw, raw - level)
    lab.drag(picture, (0.5, 0.5), (0.3, 0.5))
    lab.page.wait_for_timeout(400)
    settle(lab)
    assert lab.value("panel.window")[2] > left
    lab.page.mouse.move(0, 0)
    lab.value("0", after="panel.window = (10, 30, 20, 60)")
    lab.page.wait_for_function(
        "() => document.querySelector('.darkcal-readout').textContent.startsWith('Rows 10 to 29')"
    )
    assert not lab.errors


def test_the_viewer_is_used_with_keys(open_panel):
    lab = open_panel(two_amplifiers, "overscan_columns='80:', keep_columns=':80'")
    picture = looks_at_the_effect(lab)
    picture.focus()
    lab.page.keyboard.press("+")
    lab.page.keyboard.press("ArrowRight")
    lab.page.wait_for_timeout(400)
    settle(lab)
    assert len(lab.value("panel.window")) == 4
    lab.page.keyboard.press("b")
    assert control(lab, "blink").is_checked()
    lab.page.keyboard.press("0")
    lab.page.wait_for_timeout(400)
    settle(lab)
    assert lab.value("panel.window") == []
    assert not lab.errors


PIXELS = """() => {
    const canvas = document.querySelector('canvas.darkcal-after');
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (const [n, value] of data.entries()) sum = (sum * 31 + value * (1 + (n % 7))) % 1000003;
    return sum;
}"""


def test_stretch_limits_and_marks_change_the_picture(open_panel):
    lab = open_panel(two_amplifiers, "overscan_columns='80:', keep_columns=':80'")
    looks_at_the_effect(lab)
    seen = [lab.page.evaluate(PIXELS)]
    for change in (
        lambda: control(lab, "stretch").select_option("asinh"),
        lambda: control(lab, "limits").select_option("98 %"),
        lambda: control(lab, "overscan_columns").fill("90:"),
    ):
        change()
        settle(lab)
        lab.page.wait_for_timeout(100)
        seen.append(lab.page.evaluate(PIXELS))
    assert len(set(seen)) == len(seen)
    control(lab, "mark_hot").check()
    settle(lab)
    assert violations(lab) == []
    assert lab.value("[panel.stretch, panel.limits, panel.mark_hot]") == ["asinh", "98 %", True]
    assert not lab.errors


def test_the_numbers_beside_the_picture_tell_overscans_apart(open_example):
    lab = open_example(1)
    told = []
    for columns in ("2048:", "2055:", "2079:"):
        control(lab, "overscan_columns").fill(columns)
        settle(lab)
        lines = lab.page.locator(f"{PANEL} .darkcal-numbers tr").all_inner_texts()
        told.append({line.split("\t")[0]: line.split("\t")[-1] for line in lines})
    lit, clean, single = told
    light = "Light in the overscan (flat - bias)"
    assert float(lit[light].split()[0]) > 10 > abs(float(clean[light].split()[0]))
    assert float(single["Noise from row to row"]) > 3 * float(clean["Noise from row to row"])
    assert not lab.errors


def test_lines_take_the_colours_of_another_theme(open_panel):
    lab = open_panel(two_amplifiers, "overscan_columns='80:', keep_columns=':80'")
    chart = lab.page.locator("canvas.darkcal-profile").first
    lab.bring_into_view(chart)
    has_colour = """wanted => {
        const canvas = document.querySelector('canvas.darkcal-profile');
        const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        for (let n = 0; n < data.length; n += 4) {
            if (wanted.every((value, k) => Math.abs(data[n + k] - value) < 12)) return true;
        }
        return false;
    }"""
    on_light, on_dark = [0x00, 0x72, 0xB2], [0x56, 0xB4, 0xE9]
    assert lab.page.evaluate(has_colour, on_light)
    lab.use_theme(dark=True)
    lab.page.wait_for_function(has_colour, arg=on_dark)
    assert not lab.page.evaluate(has_colour, on_light)
