"""The panel without a browser: what it is told, what it tells, what it writes."""

import gc
import threading
import time
from dataclasses import replace

import pytest
from astropy.io import fits
from ipywidgets import HBox, Text
from nights import folder_bytes, random_frame, small_night, write_raw
from traitlets import TraitError, link

from darkcal_widgets import (
    DarkPanel,
    Night,
    Parameters,
    Recipe,
    calibrate_darks,
    combine_darks,
    simulate_night,
)
from darkcal_widgets.errors import NightError, OutputError, ParameterError
from darkcal_widgets.frames import Frame
from darkcal_widgets.results import levels_of
from darkcal_widgets.statistics import level_of

RECIPE = Recipe(overscan_columns="24:", keep_columns=":22")


@pytest.fixture
def night(tmp_path):
    return Night(small_night(tmp_path / "night"))


@pytest.fixture
def panel(night, tmp_path):
    panel = DarkPanel(night, RECIPE, tmp_path / "out")
    yield panel
    panel.close()


def send(panel, **traits):
    """Do what a browser does with a control: set traits."""
    panel.set_state(traits)


def press(panel, action, **more):
    """Do what a browser does with a button."""
    panel._handle_custom_msg({"action": action, "asked": panel._asked + 1} | more, [])


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_recipe_files_and_parameters_are_those_given(panel, night, tmp_path):
    assert panel.recipe == RECIPE
    assert panel.files is None
    assert panel.parameters == Parameters(
        raw_folder=night.raw_folder, reduced_folder=tmp_path / "out", **RECIPE.to_parameters()
    )
    assert panel.problems == {}


def test_from_parameters_gives_them_back(night, tmp_path):
    parameters = Parameters(
        raw_folder=f"{night.raw_folder}/",
        reduced_folder=tmp_path / "out",
        files=("dark-1.fits",),
        overwrite=True,
    )
    panel = DarkPanel.from_parameters(parameters)
    assert panel.parameters == parameters
    assert panel.chosen["picked"] == [5]  # four bias frames come first


def test_a_panel_that_is_never_made_is_quiet(capsys):
    with pytest.raises(TypeError, match="recipe"):
        DarkPanel(3)
    gc.collect()
    assert capsys.readouterr().err == ""


def test_what_is_set_in_code_is_shown(panel):
    panel.recipe = Recipe(keep_columns=":20", subtract_bias=True)
    panel.files = ["dark-2.fits"]
    state = panel.get_state()
    assert state["keep_columns"] == ":20"
    assert state["overscan_columns"] is None
    assert state["subtract_bias"] is True
    assert state["chosen"]["picked"] == [6]
    assert panel.parameters.files == ("dark-2.fits",)


def test_what_is_set_in_the_browser_is_read_in_code(panel):
    send(panel, overscan_columns=" 25: ")
    send(panel, keep_columns="")
    send(panel, overscan_columns="")
    send(panel, output_dtype="float64")
    assert panel.recipe == Recipe(output_dtype="float64")


def test_a_drag_sets_exact_columns(panel):
    for stop in ("28", "29", ""):
        send(panel, overscan_columns=f"23:{stop}", _dragging="moves" if stop else "")
    assert panel.parameters.overscan_columns == "23:"
    assert panel.selected["overscan_columns"]["fits"] == "[24:30, 1:20]"


def test_wrong_settings_are_said_and_never_run(panel, tmp_path):
    send(panel, overscan_columns="24:99")
    assert "outside the frame" in panel.problems["overscan_columns"]
    press(panel, "calibrate")
    assert panel.progress == {}
    with pytest.raises(ParameterError, match="outside the frame"):
        panel.calibrate()
    assert not (tmp_path / "out").exists()
    assert panel.progress["lines"][0].startswith("Stopped: overscan_columns")


def test_a_text_that_is_not_a_section_is_refused_early(panel):
    send(panel, keep_columns="all of them")
    with pytest.raises(ParameterError, match="keep_columns is 'all of them'"):
        _ = panel.recipe
    send(panel, keep_columns=":22")
    assert panel.recipe == RECIPE


def test_darks_are_picked_by_name_and_no_names_are_all_darks(panel):
    send(panel, files=["dark-0.fits", "dark-2.fits"])
    assert panel.files == ("dark-0.fits", "dark-2.fits")
    assert panel.chosen["picked"] == [4, 6]
    send(panel, files=None)
    assert panel.chosen["picked"] == [4, 5, 6]
    send(panel, files=[])
    assert "no dark is selected" in panel.problems["files"]


def test_calibrate_writes_what_calibrate_darks_writes(panel, night, tmp_path):
    run = panel.calibrate()
    calibrate_darks(night, RECIPE, tmp_path / "reference", progress=False)
    assert len(run.written) == 3
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "reference")
    assert len(panel.calibrate().unchanged) == 3
    assert panel.notes["run"][0] == "Calibrated with these settings: 3 of 3 picked darks."


def test_calibrate_is_quiet(panel, capsys):
    panel.calibrate()
    assert capsys.readouterr() == ("", "")


def test_the_button_calibrates_and_tells(panel, tmp_path):
    press(panel, "calibrate")
    wait_until(lambda: panel.progress.get("running") is False)
    run = panel.progress
    assert (run["done"], run["total"], run["failed"]) == (3, 3, 0)
    assert run["lines"] == ["3 written, 0 unchanged, 0 failed"]
    assert run["results"][0] == {
        "name": "dark-0.fits",
        "path": str(tmp_path / "out" / "dark-0.fits"),
        "state": "written",
    }


def test_cancel_stops_a_run_that_can_be_taken_up_again(panel, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    calibrate_file = calibrate_darks.__globals__["calibrate_file"]

    def held(job):
        begun.set()
        assert go_on.wait(10)
        return calibrate_file(job)

    monkeypatch.setitem(calibrate_darks.__globals__, "calibrate_file", held)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    press(panel, "calibrate")
    assert begun.wait(10)
    press(panel, "cancel")
    assert panel.progress["cancelling"]
    go_on.set()
    wait_until(lambda: panel.progress.get("running") is False)
    assert panel.progress["stopped"]
    assert panel.progress["done"] < 3
    press(panel, "calibrate")
    wait_until(lambda: panel.progress.get("done") == 3 and not panel.progress["running"])


def test_settings_can_be_changed_while_a_run_uses_the_old_ones(panel, monkeypatch):
    go_on = threading.Event()
    calibrate_file = calibrate_darks.__globals__["calibrate_file"]
    monkeypatch.setitem(
        calibrate_darks.__globals__, "calibrate_file", lambda job: go_on.wait(10) and calibrate_file(job)
    )
    press(panel, "calibrate")
    wait_until(lambda: panel.progress.get("total") == 3)
    send(panel, keep_columns=":20")
    assert panel.recipe.keep_columns == ":20"
    go_on.set()
    wait_until(lambda: panel.notes["calibrate"]["label"] == "Replace 3 results")


def test_results_are_replaced_where_the_button_says_so(panel, tmp_path):
    panel.calibrate()
    before = folder_bytes(tmp_path / "out")
    send(panel, keep_columns=":20")
    assert (panel.problems, panel.notes["calibrate"]["replaces"]) == ({}, True)
    with pytest.raises(
        OutputError, match=r"There are 3 results made otherwise in .* press “Replace 3 results” in the panel"
    ):
        panel.calibrate()
    assert folder_bytes(tmp_path / "out") == before
    assert len(panel.progress["lines"]) == 1
    press(panel, "calibrate", replaces=True)
    wait_until(lambda: panel.notes["calibrate"]["label"] == "Calibrate")
    assert panel.overwrite is False
    assert folder_bytes(tmp_path / "out").keys() == before.keys()
    assert all(content != before[name] for name, content in folder_bytes(tmp_path / "out").items())


def test_darks_are_combined_after_they_are_calibrated(panel, night, tmp_path):
    assert "until darks are calibrated" in panel.notes["combine"]["off"]
    with pytest.raises(OutputError, match="calibrate first"):
        panel.combine()
    panel.calibrate()
    assert panel.notes["run"][1:] == ["Combined darks not made yet: combined_dark_10.000.fits."]
    press(panel, "combine")
    wait_until(lambda: "Combined darks up to date: combined_dark_10.000.fits." in panel.notes["run"])
    reference = calibrate_darks(night, RECIPE, tmp_path / "reference", progress=False)
    combine_darks(tmp_path / "reference", files=reference.results)
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "reference")
    assert panel.combine().unchanged == [tmp_path / "out" / "combined_dark_10.000.fits"]


def test_combined_darks_of_other_settings_are_replaced(panel, tmp_path):
    panel.calibrate()
    panel.combine()
    send(panel, files=["dark-0.fits", "dark-1.fits"])
    assert "Combined darks out of date: combined_dark_10.000.fits." in panel.notes["run"]
    assert panel.combine().written  # of the same settings: nothing is lost
    send(panel, files=None, keep_columns=":20")
    panel.calibrate(overwrite=True)
    assert panel.notes["combine"]["label"] == "Replace 1 combined dark"
    with pytest.raises(OutputError, match="was made otherwise: press “Replace 1 combined dark”"):
        panel.combine()
    press(panel, "combine", replaces=True)
    wait_until(lambda: panel.notes["combine"]["label"] == "Combine")
    (tmp_path / "out" / "combined_dark_10.000.fits").unlink()
    write_raw(tmp_path / "out" / "combined_dark_10.000.fits", random_frame(1))
    send(panel, unit="electron")
    send(panel, unit="adu")
    assert "was not written by darkcal; move it away" in panel.notes["combine"]["off"]


def test_a_disk_that_refuses_leaves_the_panel_usable(panel, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="is a file"):
        panel.calibrate()
    panel.parameters = panel.parameters  # looks again
    assert "is a file" in panel.problems["reduced_folder"]
    send(panel, reduced_folder=str(tmp_path / "other"))
    assert len(panel.calibrate().written) == 3


def test_a_frame_that_fails_is_named_with_its_reason(panel, tmp_path):
    path = tmp_path / "night" / "dark-1.fits"
    path.write_bytes(path.read_bytes()[:4000])
    run = panel.calibrate()
    assert list(run.failed) == ["dark-1.fits"]
    assert any(line.startswith("failed: dark-1.fits:") for line in panel.progress["lines"])


def test_settings_are_saved_and_loaded(panel, tmp_path):
    panel.files = ["dark-1.fits"]
    saved = panel.parameters
    send(panel, settings_file=str(tmp_path / "settings.yaml"))
    press(panel, "save")
    assert Parameters.load(tmp_path / "settings.yaml") == saved
    panel.recipe = Recipe()
    press(panel, "load")
    assert panel.parameters == saved
    assert panel.notes["file"].startswith("Loaded from")


def test_a_settings_file_is_replaced_only_when_asked_twice(panel, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("mine")
    send(panel, settings_file=str(path))
    press(panel, "save")
    assert path.read_text() == "mine"
    assert "once more" in panel.notes["file"]
    press(panel, "save")
    assert Parameters.load(path) == panel.parameters


def test_loading_what_is_no_settings_file_is_said(panel, tmp_path):
    send(panel, settings_file=str(tmp_path / "nowhere.yaml"))
    press(panel, "load")
    assert "cannot be read" in panel.notes["file"]
    assert panel.recipe == RECIPE


def test_the_commands_do_the_same(panel):
    code = panel.commands
    assert "-f darkcal-settings.yaml" in code["papermill"]
    assert code["python"] == panel.parameters.python_code()


def test_another_night_can_be_chosen(panel, tmp_path):
    small_night(tmp_path / "other" / "darks", darks=5)
    send(panel, raw_folder=str(tmp_path / "nowhere"))
    assert "not there" in panel.problems["raw_folder"]
    with pytest.raises(NightError, match="not there"):
        _ = panel.night
    send(panel, raw_folder=str(tmp_path / "other" / "darks"))
    assert panel.problems == {}
    assert len(panel.night.darks) == 5
    send(panel, dark_folder="")
    assert panel.parameters.dark_folder is None


def test_nothing_is_read_before_a_browser_asks(panel, monkeypatch):
    monkeypatch.setattr("darkcal_widgets.panel.sketch.Frame", lambda *_: pytest.fail("read a frame"))
    panel.recipe = Recipe()
    assert panel.profiles == {}


def test_the_effect_is_shown_live(panel):
    send(panel, _shown=True)
    before = panel.effect["after"]["level"]
    wait_until(lambda: len(panel.levels.get("rows", ())) == 3)
    send(panel, overscan_columns="")
    assert panel.effect["after"]["level"] == pytest.approx(panel.effect["before"]["level"])
    assert abs(before) < 50 < panel.effect["after"]["level"]
    send(panel, subtract_bias=True)
    assert 100 < panel.effect["after"]["level"] < 300  # darks of 1200 ADU, bias frames of 1000
    wait_until(lambda: panel.levels["rows"][0]["after"] == panel.effect["after"]["level"])


def test_the_levels_shown_are_those_of_the_results(panel):
    send(panel, _shown=True)
    wait_until(lambda: len(panel.levels.get("rows", ())) == 3)
    run = panel.calibrate()
    written = levels_of(Frame(path) for path in run.written)
    assert [row["after"] for row in panel.levels["rows"]] == pytest.approx(written, abs=1e-3)


def test_a_window_of_both_pictures_is_shown(panel):
    send(panel, _shown=True, window=[4, 16, 2, 14])
    for picture in (panel.raw, panel.result):
        assert (picture["rows"], picture["columns"], picture["size"]) == ([4, 16], [2, 14], [12, 12])
    send(panel, window=[])
    assert panel.result["size"] == [20, 30]


def test_a_frame_is_handed_to_another_viewer(panel, monkeypatch, tmp_path):
    handed = []
    monkeypatch.setattr("darkcal_widgets.panel.clicks.hand_over", lambda *given: str(handed.append(given)))
    press(panel, "hand over", viewer="DS9")
    panel.calibrate()
    press(panel, "hand over", viewer="DS9")
    raw, result = tmp_path / "night" / "dark-0.fits", tmp_path / "out" / "dark-0.fits"
    assert handed == [(raw, "DS9"), (result, "DS9")]


def test_the_picture_kept_is_drawn_anew_for_other_settings(panel, monkeypatch):
    drawn = []
    draw = panel._still_figure
    monkeypatch.setattr(panel, "_still_figure", lambda: drawn.append(1) or draw())
    panel._repr_mimebundle_()
    panel.calibrate()
    assert "3 written" in panel._repr_mimebundle_()["text/plain"]
    assert len(drawn) == 1
    panel.overscan_columns = "25:"
    panel._repr_mimebundle_()
    assert len(drawn) == 2


def test_a_viewer_that_is_not_installed_is_said(panel):
    press(panel, "hand over", viewer="no such viewer")
    assert "not installed here" in panel.notes["handed"]


def test_what_was_measured_speaks_against_settings(tmp_path):
    folder = simulate_night(tmp_path / "night", "cryogenic", rows=48)
    panel = DarkPanel(Night(folder, dark_folder=folder / "darks"), Recipe(overscan_columns="2048:"), tmp_path)
    assert panel.notes["remarks"] == {}  # nothing was measured
    send(panel, _shown=True)
    wait_until(lambda: panel.notes["remarks"])
    assert "Light reaches columns 2048:2055" in panel.notes["remarks"]["overscan_columns"]
    press(panel, "as advised")
    assert panel.notes["remarks"] == {}
    panel.close()


def test_the_profile_shows_a_bright_frame_and_a_bias(tmp_path):
    folder = small_night(tmp_path / "night")
    write_raw(folder / "flat.fits", random_frame(9, (20, 30), 20000), "flat")
    panel = DarkPanel(Night(folder), RECIPE, tmp_path / "out")
    send(panel, _shown=True)
    assert [line["kind"] for line in panel.profiles["lines"]] == ["dark", "flat", "bias"]
    send(panel, axis=0)
    assert len(panel.profiles["lines"][0]["values"]) == 20 * 4
    panel.close()


def test_an_unreadable_frame_is_named_in_place_of_its_picture(panel, tmp_path):
    path = tmp_path / "night" / "dark-0.fits"
    path.write_bytes(path.read_bytes()[:4000])
    send(panel, _shown=True)
    assert "dark-0.fits" in panel.effect["trouble"]
    send(panel, frame="dark-1.fits")
    assert panel.effect["name"] == "dark-1.fits"


def test_messages_that_make_no_sense_change_nothing(panel):
    before = panel.get_state()
    panel._handle_custom_msg({"action": "delete"}, [])
    send(
        panel, __class__=1, effect={"trouble": "x"}, problems={"unit": "x"}
    )  # read only for the browser, too
    for traits in ({"statistic": "mode"}, {"axis": 2}, {"subtract_bias": "yes"}, {"files": "x"}):
        with pytest.raises(TraitError):
            send(panel, keep_columns=":9", **traits)
    assert panel.get_state() == before


def test_two_panels_do_not_disturb_each_other(panel, night, tmp_path):
    other = DarkPanel(night, RECIPE, tmp_path / "other")
    send(other, keep_columns=":10")
    other.close()
    assert panel.recipe == RECIPE
    send(panel, keep_columns=":9")
    assert panel.recipe.keep_columns == ":9"


def test_a_closed_panel_hears_nothing(night, tmp_path):
    panel = DarkPanel(night, RECIPE, tmp_path / "out")
    callbacks = panel._msg_callbacks.callbacks
    heard = len(callbacks)
    panel.close()
    assert len(callbacks) == heard - 1
    panel.close()  # once more does no harm


def test_a_saved_notebook_keeps_a_picture_and_the_settings(panel):
    bundle = panel._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/plain", "image/png"}
    assert "overscan_columns='24:'" in bundle["text/plain"]
    assert bundle["image/png"].startswith("iVBOR")


def test_without_frames_to_draw_the_settings_stay_in_text(panel, tmp_path):
    send(panel, raw_folder=str(tmp_path / "nowhere"))
    bundle = panel._repr_mimebundle_()
    assert "image/png" not in bundle
    assert "not there" in bundle["text/plain"]


def test_names_are_shown_with_every_character_visible(tmp_path):
    folder = small_night(tmp_path / "night")
    write_raw(folder / "dark-\u202egnp<b>.fits", random_frame(1, (20, 30)), FILTER="<img src=x>")
    panel = DarkPanel(Night(folder), RECIPE, tmp_path / "out")
    row = panel.listing["frames"][-1]
    assert row["name"] == "dark-\\u202egnp<b>.fits"
    assert row["filter"] == "<img src=x>"  # the page sets it as text
    send(panel, files=[row["name"]])
    assert panel.files == ("dark-\u202egnp<b>.fits",)
    panel.close()


def test_it_is_a_widget_like_any_other(panel):
    box = HBox([panel, Text()])
    link((panel, "overscan_columns"), (box.children[1], "value"))
    seen = []
    panel.observe(lambda change: seen.append((change["old"], change["new"])), "overscan_columns")
    box.children[1].value = "25:"
    assert panel.recipe.overscan_columns == "25:"
    panel.overscan_columns = "26:"
    assert box.children[1].value == "26:"
    send(panel, overscan_columns="27:")
    assert box.children[1].value == "27:"
    assert seen == [("24:", "25:"), ("25:", "26:"), ("26:", "27:")]


@pytest.mark.parametrize("set_trait", [send, lambda panel, **traits: panel._set(traits)])
def test_code_and_browser_set_alike(panel, tmp_path, set_trait):
    set_trait(panel, overscan_columns="24:99", combined_bias="", files=["dark-1.fits"], unit="volt")
    assert (panel.overscan_columns, panel.combined_bias, panel.unit) == ("24:99", None, "volt")
    assert "expected one of adu" in panel.problems["unit"]
    panel.unit = "adu"
    assert "outside the frame" in panel.problems["overscan_columns"]
    small_night(tmp_path / "other")
    set_trait(panel, raw_folder=str(tmp_path / "other"))
    assert panel.files is None  # which darks were picked says nothing of another night


def test_a_path_is_text(panel, tmp_path):
    panel.reduced_folder = tmp_path / "elsewhere"
    assert panel.reduced_folder == str(tmp_path / "elsewhere")


def test_darks_are_looked_for_in_a_subfolder_of_that_name(tmp_path):
    for name in ("one", "two"):
        small_night(tmp_path / name / "darks")
    small_night(tmp_path / "three")
    panel = DarkPanel(Night(tmp_path / "one", tmp_path / "one" / "darks"), RECIPE, tmp_path / "out")
    panel.raw_folder = tmp_path / "two"
    assert panel.dark_folder == str(tmp_path / "two" / "darks")
    panel.raw_folder = tmp_path / "three"
    assert panel.dark_folder is None
    one = Parameters(
        raw_folder=tmp_path / "one", dark_folder=tmp_path / "two" / "darks", reduced_folder="o", files=("x",)
    )
    panel.parameters = one  # as a whole: nothing in it is guessed
    assert panel.parameters == one
    panel.close()


def test_several_changes_at_once_are_followed_up_once(panel, monkeypatch):
    refreshed = []
    refresh = DarkPanel._refresh
    monkeypatch.setattr(DarkPanel, "_refresh", lambda one: (refreshed.append(1), refresh(one)))
    panel.recipe = Recipe(overscan_columns="25:", keep_columns=":20", output_dtype="float64")
    send(panel, overscan_columns="26:", keep_columns=":19", _asked=7)
    assert len(refreshed) == 2
    assert panel._answered == 7


def test_a_drag_leaves_what_can_wait(panel):
    notes = panel.notes
    send(panel, overscan_columns="25:", _dragging="moves", _asked=1)
    assert panel.selected["overscan_columns"]["columns"] == [25, 30]
    assert (panel.notes, panel._answered) == (notes, 1)
    assert "overscan_columns='24:'" in panel.commands["python"]
    send(panel, _dragging="")
    assert "overscan_columns='25:'" in panel.commands["python"]


def test_undo_and_redo_go_over_all_settings(panel, tmp_path):
    small_night(tmp_path / "other")
    send(panel, keep_columns=":20")
    send(panel, files=["dark-1.fits"])
    send(panel, raw_folder=str(tmp_path / "other"))
    assert (panel.files, panel.notes["back"]) == (None, ["raw_folder", "files"])
    press(panel, "undo")
    assert (panel.files, panel.night.raw_folder) == (("dark-1.fits",), tmp_path / "night")
    press(panel, "undo")
    press(panel, "undo")
    assert (panel.recipe, panel.files, panel.notes["back"]) == (RECIPE, None, [])
    assert panel.notes["forward"] == ["keep_columns"]
    press(panel, "undo")  # there is nothing more
    for _ in range(3):
        press(panel, "redo")
    assert panel.night.raw_folder == tmp_path / "other"
    assert panel.notes["forward"] == []


def test_a_drag_is_one_step_however_it_rests(panel):
    for columns, drags in (
        ("25:", "moves"),
        ("25:", "rests"),
        ("26:", "moves"),
        ("27:", "rests"),
        ("27:", ""),
    ):
        send(panel, overscan_columns=columns, _dragging=drags)
    press(panel, "undo")
    assert panel.overscan_columns == "24:"
    send(panel, overscan_columns="25:", _dragging="rests")
    send(panel, overscan_columns="24:", _dragging="")  # ended by Escape
    assert panel.notes["back"] == []


def test_undo_asks_again_what_was_asked(panel, other_camera):
    send(panel, raw_folder=str(other_camera))
    asked = set(panel.problems)
    press(panel, "as advised")
    assert panel.problems == {}
    press(panel, "undo")
    assert set(panel.problems) == asked == {"overscan_columns", "keep_columns"}


def test_other_options_are_traits(night, tmp_path):
    panel = DarkPanel(night, RECIPE, tmp_path / "out", statistic="median", listed="all")
    assert (panel.statistic, panel.listed) == ("median", "all")
    panel.close()


def test_every_parameter_is_a_trait(panel):
    assert set(Parameters.names()) <= set(panel.traits(sync=True))
    two = (("24:27", "0:10"), ("27:30", "10:20"))
    send(panel, amplifiers=[list(pair) for pair in two], overscan_columns=None, keep_columns=None)
    assert panel.recipe == Recipe(amplifiers=two)
    assert panel.problems == {}


def notebook_cell(night, out, earlier=None, **settings):
    """What the notebook's cell does, the first time and again."""
    parameters = Parameters(raw_folder=night.raw_folder, reduced_folder=out, **settings)
    return DarkPanel.from_parameters(parameters, continues=earlier)


def test_a_panel_goes_on_when_the_cells_are_run_again(night, tmp_path):
    panel = notebook_cell(night, tmp_path / "out")
    assert panel.notes["start"] == ""
    send(panel, keep_columns=":20", overwrite=True)
    write_raw(night.raw_folder / "dark-9.fits", random_frame(9), "dark")
    again = notebook_cell(night, tmp_path / "out", panel)
    assert (again.keep_columns, again.overwrite) == (":20", True)
    assert "run again" in again.notes["start"]
    assert "As at the start" in again.notes["start"]
    assert again.notes["changed"] == ["keep_columns", "overwrite"]
    assert len(again.night.darks) == 4  # the night is looked at again
    press(again, "as at the start")
    assert (again.keep_columns, again.overwrite, again.notes["changed"]) == (None, False, [])
    assert notebook_cell(night, tmp_path / "out", again).notes["start"] == ""
    again.close()


def test_a_panel_starts_afresh_when_the_parameters_have_changed(night, tmp_path):
    panel = notebook_cell(night, tmp_path / "out")
    send(panel, keep_columns=":20")
    other = notebook_cell(night, tmp_path / "out", panel, keep_columns=":21")
    assert (other.keep_columns, panel.comm) == (":21", None)
    assert "starts afresh" in other.notes["start"]
    other.close()
    last = notebook_cell(
        night, tmp_path / "out", other, keep_columns=":21"
    )  # one that was closed does not go on
    assert last is not other
    last.close()


def test_settings_follow_the_advice_at_the_press_of_a_button(panel):
    send(panel, keep_columns=":9", overscan_columns="", subtract_bias=True)
    press(panel, "as advised")
    assert panel.advice.differences(panel.recipe) == []
    assert "advice" in panel.notes["start"]


@pytest.fixture
def other_camera(tmp_path):
    """A night of larger frames, of which columns 50 on are overscan and free of light."""
    folder, shape = tmp_path / "larger", (40, 60)
    for index in range(3):
        write_raw(folder / f"dark-{index}.fits", random_frame(index, shape, 1200), INSTRUME="Large")
    return folder


def test_settings_of_another_camera_are_questioned(panel, other_camera, tmp_path):
    send(panel, raw_folder=str(other_camera))
    assert set(panel.problems) == {"overscan_columns", "keep_columns"}
    assert "24: was set for the frames of another night (20 x 30)" in panel.problems["overscan_columns"]
    assert "(Large 40 x 60)" in panel.problems["keep_columns"]
    assert "run" not in panel.notes
    press(panel, "calibrate")
    with pytest.raises(ParameterError, match="was set for the frames of another night"):
        panel.calibrate()
    assert not (tmp_path / "out").exists()
    send(panel, overscan_columns="50:")
    assert set(panel.problems) == {"keep_columns"}  # each is questioned until it is changed
    send(panel, keep_columns=":50")
    assert panel.problems == {}
    assert len(panel.calibrate().written) == 3


def test_questioned_settings_can_be_kept_or_follow_the_advice(panel, other_camera, night):
    send(panel, raw_folder=str(other_camera))
    press(panel, "accept")
    assert panel.problems == {}
    send(panel, raw_folder=str(night.raw_folder))
    assert set(panel.problems) == {"overscan_columns", "keep_columns"}  # now they are of the other one
    press(panel, "as advised")
    assert panel.problems == {}
    assert panel.advice.differences(panel.recipe) == []


def test_settings_of_one_camera_are_not_questioned(panel, other_camera, tmp_path):
    small_night(tmp_path / "same")
    send(panel, raw_folder=str(tmp_path / "same"))
    assert panel.problems == {}
    send(panel, raw_folder=str(tmp_path / "nowhere"))
    send(panel, raw_folder=str(tmp_path / "same"))
    assert panel.problems == {}
    panel.parameters = Parameters(
        raw_folder=other_camera, reduced_folder="out", overscan_columns="50:", keep_columns=":50"
    )
    assert panel.problems == {}
    send(panel, raw_folder=str(tmp_path / "same"))
    assert set(panel.problems) == {"overscan_columns", "keep_columns"}
    send(panel, raw_folder=str(other_camera))  # back again
    assert panel.problems == {}


def test_the_effect_of_questioned_settings_is_shown(panel, other_camera):
    send(panel, _shown=True, raw_folder=str(other_camera))
    assert panel.problems
    assert panel.effect["shape"] == [40, 60]


@pytest.fixture
def two_images(tmp_path):
    """A night of files with two images, B of which is brighter and smaller."""
    for index, kind in enumerate(("dark", "dark", "bias", "bias")):
        header = fits.Header({"IMAGETYP": kind, "EXPTIME": 10.0 if kind == "dark" else 0.0})
        images = [
            fits.ImageHDU(random_frame(index, (20, 30), 1000), name="A"),
            fits.ImageHDU(random_frame(index, (16, 28), 3000), name="B"),
        ]
        path = tmp_path / "two" / f"{kind}-{index}.fits"
        path.parent.mkdir(exist_ok=True)
        fits.HDUList([fits.PrimaryHDU(header=header), *images]).writeto(path)
    return Night(tmp_path / "two")


def test_of_several_images_one_is_looked_at(two_images, tmp_path):
    panel = DarkPanel(two_images, Recipe(overscan_columns="24:", keep_columns=":22"), tmp_path / "out")
    send(panel, _shown=True)
    assert (panel.selected["images"], panel.selected["image"]) == (["A", "B"], "A")
    assert panel.selected["calibrated"] == ["A", "B"]
    assert 900 < panel.effect["before"]["level"] < 1100
    send(panel, extension="B")
    assert (panel.selected["image"], panel.selected["shape"]) == ("B", (16, 28))
    assert panel.selected["overscan_columns"]["columns"] == [24, 28]
    assert 2900 < panel.effect["before"]["level"] < 3100
    assert panel.effect["name"] == "dark-0.fits[B]"
    assert len(panel.profiles["lines"][0]["values"]) == 28 * 4
    wait_until(lambda: len(panel.levels.get("rows", ())) == 2)
    run = panel.calibrate()
    _, result = Frame(run.results[0]).parts
    assert panel.effect["after"]["level"] == pytest.approx(level_of(result.data[::4, ::4])[0], abs=1e-3)
    panel.close()


def test_of_several_images_some_are_calibrated(two_images, tmp_path):
    panel = DarkPanel(two_images, Recipe(), tmp_path / "out")
    send(panel, _shown=True, extensions=["B"], subtract_bias=True)
    assert (panel.selected["calibrated"], panel.selected["image"]) == (["B"], "B")
    assert panel.problems == {}
    assert abs(panel.effect["after"]["level"]) < 30  # the bias of the same image was subtracted
    send(panel, extensions=["C"])
    assert "does not have" in panel.problems["extensions"]
    send(panel, extensions=None, overscan_columns="28:")  # is in A and not in B
    assert "a frame of 28 columns" in panel.problems["overscan_columns"]
    panel.close()


def test_several_amplifiers_are_set_seen_and_joined(panel):
    send(panel, _shown=True)
    press(panel, "several amplifiers")
    assert panel.amplifiers == (("24:", ":11"), ("24:", "11:22"))
    assert (panel.overscan_columns, panel.keep_columns, panel.problems) == (None, None, {})
    send(panel, amplifiers=[["24:27", "0:11"], ["27:30", "11:22"]])
    first, second = panel.selected["amplifiers"]
    assert (first["overscan"]["columns"], second["image"]["columns"]) == ([24, 27], [11, 22])
    assert (panel.effect["shape"], panel.effect["after"]["shape"]) == ([20, 30], [20, 22])
    run = panel.calibrate()
    # The pixels of the sketch, which are every 4th of the raw frame, are all in these columns of the result.
    shown, _ = level_of(Frame(run.results[0]).data[::4, [0, 4, 8, 12, 16, 20]])
    assert panel.effect["after"]["level"] == pytest.approx(shown, abs=1e-3)
    send(panel, amplifiers=[["24:27", "0:11"], ["27:30", "12:22"], [None, ""]])
    assert set(panel.problems) == {"amplifiers"}
    send(panel, amplifiers=[["24:27", "0:11"], ["27:30", "10:22"]])
    assert "rectangle" in panel.problems["amplifiers"]
    press(panel, "one amplifier")
    assert (panel.amplifiers, panel.overscan_columns, panel.keep_columns) == (None, "24:27", ":22")
    assert panel.problems == {}
    assert "image/png" in panel._repr_mimebundle_()


def test_what_frames_are_is_said_of_those_that_are_marked(panel, tmp_path):
    assert panel.chosen["marked"] == [4]  # the frame looked at
    send(panel, marked=["dark-1.fits", "bias-0.fits"])
    assert panel.chosen["marked"] == [0, 5]
    panel._handle_custom_msg({"action": "declare", "kind": "flat", "asked": 1}, [])
    assert panel.image_types == {"file=bias-0.fits": "flat", "file=dark-1.fits": "flat"}
    assert [row["type"] for row in panel.listing["frames"]].count("flat") == 2
    assert panel.chosen["picked"] == [4, 6]
    panel._handle_custom_msg({"action": "declare", "kind": "elephant", "asked": 2}, [])
    send(panel, marked=["bias-0.fits"])
    panel._handle_custom_msg({"action": "declare", "kind": "header", "asked": 3}, [])
    assert panel.image_types == {"file=dark-1.fits": "flat"}
    panel.save(tmp_path / "settings.yaml")
    assert Parameters.load(tmp_path / "settings.yaml").image_types == {"file=dark-1.fits": "flat"}
    send(panel, image_types=None)
    assert panel.chosen["picked"] == [4, 5, 6]


def test_types_by_file_name_do_not_go_to_another_night(panel, tmp_path):
    panel.image_types = {"file=dark-1.fits": "flat", "OBJECT=m31": "science"}
    small_night(tmp_path / "other")
    send(panel, raw_folder=str(tmp_path / "other"))
    assert panel.image_types == {"OBJECT=m31": "science"}
    assert len(panel.night.darks) == 3


def test_a_name_is_not_a_pattern(tmp_path):
    folder = small_night(tmp_path / "night")
    write_raw(folder / "dark-[12].fits", random_frame(1))
    panel = DarkPanel(Night(folder), RECIPE, tmp_path / "out", marked=("dark-[12].fits",))
    panel._handle_custom_msg({"action": "declare", "kind": "other", "asked": 1}, [])
    assert [dark.name for dark in panel.night.darks] == ["dark-0.fits", "dark-1.fits", "dark-2.fits"]
    panel.close()


def test_figures_of_earlier_settings_are_said_to_be_so(panel):
    def is_said():
        return any("of earlier settings" in note for note in panel.notes["run"])

    panel.calibrate()
    assert not is_said()
    send(panel, overscan_columns="25:")
    assert is_said()
    press(panel, "calibrate")
    wait_until(lambda: not panel.progress.get("running"))
    assert is_said()
    panel.calibrate(overwrite=True)
    assert not is_said()


# --- The word advised --------------------------------------------------------------------------------------


@pytest.fixture
def thermo(tmp_path):
    return Night(simulate_night(tmp_path / "thermo", "thermo-electric", rows=48))


def test_advised_typed_or_loaded_is_what_the_night_tells(thermo, tmp_path):
    panel = DarkPanel(thermo, Recipe(overscan_columns="4097:"), tmp_path / "out")
    send(panel, overscan_columns="advised", keep_columns="advised")
    assert (panel.overscan_columns, panel.keep_columns, panel.problems) == (None, ":4096", {})
    parameters = panel.parameters
    replace(parameters, keep_columns="advised", subtract_bias="advised").save(tmp_path / "p.yaml")
    panel.load(tmp_path / "p.yaml")
    assert panel.parameters == replace(parameters, subtract_bias=True)


def test_what_the_advice_cannot_decide_is_asked_before_a_run(night, tmp_path):
    parameters = Parameters(
        raw_folder=night.raw_folder, reduced_folder=tmp_path / "out", subtract_bias="advised"
    )
    panel = DarkPanel.from_parameters(parameters)
    assert "does not decide subtract_bias" in panel.problems["subtract_bias"]
    with pytest.raises(ParameterError, match="Set subtract_bias to True or False"):
        panel.calibrate()
    assert not (tmp_path / "out").exists()
    again = DarkPanel.from_parameters(parameters, continues=panel)
    assert again is panel
    assert "subtract_bias" in panel.problems
    press(panel, "accept")
    assert panel.problems == {}
    assert len(panel.calibrate().written) == 3


def test_a_question_of_the_advice_is_answered_by_another_value(night, tmp_path):
    parameters = Parameters(
        raw_folder=night.raw_folder, reduced_folder=tmp_path / "out", subtract_bias="advised"
    )
    panel = DarkPanel.from_parameters(parameters)
    send(panel, subtract_bias=True)
    assert panel.problems == {}
