"""The panel without a browser: what it is told, what it tells, what it writes."""

import threading
import time

import numpy as np
import pytest
from nights import folder_bytes, random_frame, small_night, write_raw

from darkcal_widgets import DarkPanel, Night, Parameters, Recipe, calibrate_darks
from darkcal_widgets.errors import NightError, OutputError, ParameterError

RECIPE = Recipe(overscan_columns="24:", keep_columns=":22")


@pytest.fixture
def night(tmp_path):
    return Night(small_night(tmp_path / "night"))


@pytest.fixture
def panel(night, tmp_path):
    panel = DarkPanel(night, RECIPE, tmp_path / "out")
    yield panel
    panel.close()


def say(panel, kind, **message):
    """Do what a browser does: send a message."""
    panel._receive(panel._page, {"kind": kind, "n": 1} | message, [])


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def page(panel):
    return panel._page


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
    assert page(panel).state["picked"] == [5]  # four bias frames come first


def test_what_is_set_in_code_is_shown(panel):
    panel.recipe = Recipe(keep_columns=":20", subtract_bias=True)
    panel.files = ["dark-2.fits"]
    state = page(panel).state
    assert state["values"]["keep_columns"] == ":20"
    assert state["values"]["overscan_columns"] is None
    assert state["values"]["subtract_bias"] is True
    assert state["picked"] == [6]
    assert panel.parameters.files == ("dark-2.fits",)


def test_what_is_set_in_the_browser_is_read_in_code(panel):
    say(panel, "set", name="overscan_columns", value=" 25: ")
    say(panel, "set", name="keep_columns", value="")
    say(panel, "set", name="overscan_columns", value="")
    say(panel, "set", name="output_dtype", value="float64")
    assert panel.recipe == Recipe(output_dtype="float64")


def test_a_drag_sets_exact_columns(panel):
    for stop in (28, 29, 30):
        say(panel, "range", name="overscan_columns", axis=1, start=23, stop=stop, live=stop < 30)
    assert panel.parameters.overscan_columns == "23:"
    assert page(panel).state["sections"]["overscan_columns"]["fits"] == "[24:30, 1:20]"


def test_wrong_settings_are_said_and_never_run(panel, tmp_path):
    say(panel, "set", name="overscan_columns", value="24:99")
    assert "outside the frame" in page(panel).state["problems"]["overscan_columns"]
    say(panel, "calibrate")
    assert page(panel).run == {}
    with pytest.raises(ParameterError, match="outside the frame"):
        panel.calibrate()
    assert not (tmp_path / "out").exists()
    assert page(panel).run["lines"][0].startswith("Stopped: overscan_columns")


def test_text_that_is_no_section_is_an_error_where_parameters_are_read(panel):
    say(panel, "set", name="keep_columns", value="all of them")
    with pytest.raises(ParameterError, match="keep_columns is 'all of them'"):
        _ = panel.recipe
    say(panel, "set", name="keep_columns", value=":22")
    assert panel.recipe == RECIPE


def test_picking_all_darks_is_picking_no_names(panel):
    say(panel, "pick", rows=[4, 6])
    assert panel.files == ("dark-0.fits", "dark-2.fits")
    say(panel, "pick", rows=[0, 4, 5, 6])  # a bias frame cannot be picked
    assert panel.files is None
    say(panel, "pick", rows=[])
    assert "no dark is selected" in panel.problems["files"]


def test_calibrate_writes_what_calibrate_darks_writes(panel, night, tmp_path):
    run = panel.calibrate()
    calibrate_darks(night, RECIPE, tmp_path / "reference", progress=False)
    assert len(run.written) == 3
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "reference")
    assert len(panel.calibrate().unchanged) == 3
    assert "3 made with these settings stay" in page(panel).state["notes"]["results"]


def test_calibrate_is_quiet(panel, capsys):
    panel.calibrate()
    assert capsys.readouterr() == ("", "")


def test_the_button_calibrates_and_tells(panel, tmp_path):
    say(panel, "calibrate")
    wait_until(lambda: page(panel).run.get("running") is False)
    run = page(panel).run
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
    say(panel, "calibrate")
    assert begun.wait(10)
    say(panel, "cancel")
    assert page(panel).run["cancelling"]
    go_on.set()
    wait_until(lambda: page(panel).run.get("running") is False)
    assert page(panel).run["stopped"]
    assert page(panel).run["done"] < 3
    say(panel, "calibrate")
    wait_until(lambda: page(panel).run.get("done") == 3 and not page(panel).run["running"])


def test_settings_can_be_changed_while_a_run_uses_the_old_ones(panel, monkeypatch):
    go_on = threading.Event()
    calibrate_file = calibrate_darks.__globals__["calibrate_file"]
    monkeypatch.setitem(
        calibrate_darks.__globals__, "calibrate_file", lambda job: go_on.wait(10) and calibrate_file(job)
    )
    say(panel, "calibrate")
    wait_until(lambda: page(panel).run.get("total") == 3)
    say(panel, "set", name="keep_columns", value=":20")
    assert panel.recipe.keep_columns == ":20"
    go_on.set()
    wait_until(lambda: "3 made with other settings" in page(panel).state["notes"]["results"])


def test_a_disk_that_refuses_leaves_the_panel_usable(panel, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="is a file"):
        panel.calibrate()
    panel.parameters = panel.parameters  # looks again
    assert "is a file" in panel.problems["reduced_folder"]
    say(panel, "set", name="reduced_folder", value=str(tmp_path / "other"))
    assert len(panel.calibrate().written) == 3


def test_a_frame_that_fails_is_named_with_its_reason(panel, tmp_path):
    path = tmp_path / "night" / "dark-1.fits"
    path.write_bytes(path.read_bytes()[:4000])
    run = panel.calibrate()
    assert list(run.failed) == ["dark-1.fits"]
    assert any(line.startswith("failed: dark-1.fits:") for line in page(panel).run["lines"])


def test_settings_are_saved_and_loaded(panel, tmp_path):
    panel.files = ["dark-1.fits"]
    saved = panel.parameters
    say(panel, "view", name="settings_file", value=str(tmp_path / "settings.yaml"))
    say(panel, "save")
    assert Parameters.load(tmp_path / "settings.yaml") == saved
    panel.recipe = Recipe()
    say(panel, "load")
    assert panel.parameters == saved
    assert page(panel).state["notes"]["said"].startswith("Loaded from")


def test_a_settings_file_is_replaced_only_when_asked_twice(panel, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("mine")
    say(panel, "view", name="settings_file", value=str(path))
    say(panel, "save")
    assert path.read_text() == "mine"
    assert "once more" in page(panel).state["notes"]["said"]
    say(panel, "save", replace=True)
    assert Parameters.load(path) == panel.parameters


def test_loading_what_is_no_settings_file_is_said(panel, tmp_path):
    say(panel, "view", name="settings_file", value=str(tmp_path / "nowhere.yaml"))
    say(panel, "load")
    assert "cannot be read" in page(panel).state["notes"]["said"]
    assert panel.recipe == RECIPE


def test_the_commands_do_the_same(panel):
    code = page(panel).state["code"]
    assert "-f darkcal-settings.yaml" in code["papermill"]
    assert code["python"] == panel.parameters.python_code()


def test_another_night_can_be_chosen(panel, tmp_path):
    small_night(tmp_path / "other" / "darks", darks=5)
    say(panel, "set", name="raw_folder", value=str(tmp_path / "nowhere"))
    assert "not there" in panel.problems["raw_folder"]
    with pytest.raises(NightError, match="not there"):
        _ = panel.night
    say(panel, "set", name="raw_folder", value=str(tmp_path / "other" / "darks"))
    assert panel.problems == {}
    assert len(panel.night.darks) == 5
    say(panel, "set", name="dark_folder", value="")
    assert panel.parameters.dark_folder is None


def test_nothing_is_read_before_a_browser_asks(panel, monkeypatch):
    monkeypatch.setattr("darkcal_widgets.panel.preview.Frame", lambda *_: pytest.fail("read a frame"))
    panel.recipe = Recipe()
    assert page(panel).profiles == {}


def test_the_effect_is_shown_live(panel):
    say(panel, "hello")
    before = page(panel).effect["after"]["median"]
    wait_until(lambda: len(page(panel).levels["rows"]) == 3)
    say(panel, "set", name="overscan_columns", value="")
    assert page(panel).effect["after"]["median"] == page(panel).effect["before"]["median"]
    assert abs(before) < 50 < page(panel).effect["after"]["median"]
    say(panel, "set", name="subtract_bias", value=True)
    assert 100 < page(panel).effect["after"]["median"] < 300  # darks of 1200 ADU, bias frames of 1000
    levels = [row["after"] for row in page(panel).levels["rows"]]
    assert levels[0] == page(panel).effect["after"]["median"]


def test_the_levels_shown_are_those_of_the_results(panel):
    say(panel, "hello")
    wait_until(lambda: len(page(panel).levels["rows"]) == 3)
    run = panel.calibrate()
    from darkcal_widgets.frames import Frame

    written = [float(np.median(Frame(path).data[::4, ::4])) for path in run.written]
    assert [row["after"] for row in page(panel).levels["rows"]] == written


def test_the_profile_shows_a_bright_frame_and_a_bias_beside_the_dark(tmp_path):
    folder = small_night(tmp_path / "night")
    write_raw(folder / "flat.fits", random_frame(9, (20, 30), 20000), "flat")
    panel = DarkPanel(Night(folder), RECIPE, tmp_path / "out")
    say(panel, "hello")
    assert [line["kind"] for line in page(panel).profiles["lines"]] == ["picked", "flat", "bias"]
    say(panel, "view", name="axis", value=0)
    assert len(page(panel).profiles["lines"][0]["values"]) == 20 * 4
    panel.close()


def test_a_frame_that_cannot_be_read_is_said_where_its_picture_would_be(panel, tmp_path):
    path = tmp_path / "night" / "dark-0.fits"
    path.write_bytes(path.read_bytes()[:4000])
    say(panel, "hello")
    assert "dark-0.fits" in page(panel).effect["trouble"]
    say(panel, "look", row=5)
    assert page(panel).effect["name"] == "dark-1.fits"


def test_messages_that_make_no_sense_change_nothing(panel):
    before = page(panel).state
    for message in (
        {"kind": "delete"},
        {"kind": "set", "name": "files", "value": ["x"]},
        {"kind": "set", "name": "__class__", "value": 1},
        {"kind": "view", "name": "statistic", "value": "mode"},
        {"kind": "view", "name": "frame", "value": "x"},
        {"kind": "look", "row": 99},
    ):
        panel._receive(panel._page, message, [])
    assert page(panel).state == before


def test_two_panels_do_not_disturb_each_other(panel, night, tmp_path):
    other = DarkPanel(night, RECIPE, tmp_path / "other")
    say(other, "set", name="keep_columns", value=":10")
    other.close()
    assert panel.recipe == RECIPE
    say(panel, "set", name="keep_columns", value=":9")
    assert panel.recipe.keep_columns == ":9"


def test_a_closed_panel_hears_nothing(night, tmp_path):
    panel = DarkPanel(night, RECIPE, tmp_path / "out")
    callbacks = page(panel)._msg_callbacks.callbacks
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
    say(panel, "set", name="raw_folder", value=str(tmp_path / "nowhere"))
    bundle = panel._repr_mimebundle_()
    assert "image/png" not in bundle
    assert "not there" in bundle["text/plain"]


def test_names_are_shown_with_every_character_visible(tmp_path):
    folder = small_night(tmp_path / "night")
    write_raw(folder / "dark-\u202egnp<b>.fits", random_frame(1, (20, 30)), FILTER="<img src=x>")
    panel = DarkPanel(Night(folder), RECIPE, tmp_path / "out")
    row = page(panel).night["frames"][-1]
    assert row["name"] == "dark-\\u202egnp<b>.fits"
    assert row["filter"] == "<img src=x>"  # the page sets it as text
    say(panel, "pick", rows=[7])
    assert panel.files == ("dark-\u202egnp<b>.fits",)
    panel.close()
