import pytest
from astropy.io import fits
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, make_plan, run_plan
from darkcal_widgets.errors import FrameError, ParameterError
from darkcal_widgets.frames import Frame
from darkcal_widgets.panel.outlook import bias_note

RECIPE = Recipe(overscan_columns="24:", keep_columns=":24")
WITH_BIAS = Recipe(keep_columns=":24", subtract_bias=True)


@pytest.fixture
def night(tmp_path):
    return Night(small_night(tmp_path / "raw"))


def test_a_plan_says_what_will_be_done_and_writes_nothing(night, tmp_path):
    (tmp_path / "raw" / "bad.fits").write_bytes(b"no frame")
    plan = make_plan(Night(night.raw_folder), WITH_BIAS, tmp_path / "out")
    assert [job.name for job in plan.jobs] == ["dark-0.fits", "dark-1.fits", "dark-2.fits"]
    assert (plan.bias, plan.builds_bias) == (None, True)
    text = str(plan)
    assert (
        f"3 darks of {night.raw_folder} to {tmp_path / 'out'}: no overscan, keep :24, bias subtracted" in text
    )
    assert "build combined_bias.fits" in text
    assert "left out: " in text
    assert not (tmp_path / "out").exists()


def test_a_plan_can_be_run(night, tmp_path):
    run = run_plan(make_plan(night, WITH_BIAS, tmp_path / "out"), progress=False)
    assert len(run.written) == 3
    again = make_plan(night, WITH_BIAS, tmp_path / "out")
    assert (again.bias.name, again.builds_bias) == ("combined_bias.fits", False)
    assert {found.state for found in again.standings.values()} == {"current"}


def test_results_in_the_way_are_known_beforehand(night, tmp_path):
    calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    (tmp_path / "out" / "dark-0.fits").unlink()
    write_raw(tmp_path / "out" / "dark-0.fits", random_frame(1))
    other = Recipe(keep_columns=":24")
    plan = make_plan(night, other, tmp_path / "out")
    states = [found.state for found in plan.standings.values()]
    assert states == ["foreign", "other", "other"]
    assert len(plan.conflicts) == 3
    assert "dark-0.fits already exists and was not written by darkcal" in plan.conflicts[0]
    assert "dark-1.fits was made with another recipe" in plan.conflicts[1]
    assert len(make_plan(night, other, tmp_path / "out", overwrite=True).conflicts) == 1


def test_results_made_otherwise_are_told_in_a_sentence(night, tmp_path):
    calibrate_darks(night, RECIPE, tmp_path / "out", files=["dark-0.fits", "dark-1.fits"], progress=False)
    plan = make_plan(night, Recipe(keep_columns=":23"), tmp_path / "out")
    assert plan.replaced == ["dark-0.fits", "dark-1.fits"]
    how = "overscan [25:30, 1:20] subtracted, trimmed to [1:24, 1:20]"
    assert plan.said_of_replaced == f"2 results made otherwise in {tmp_path / 'out'} ({how})"
    assert make_plan(night, RECIPE, tmp_path / "out").said_of_replaced == ""


def test_another_combined_bias_is_known_beforehand(night, tmp_path):
    calibrate_darks(night, WITH_BIAS, tmp_path / "out", progress=False)
    with fits.open(tmp_path / "out" / "combined_bias.fits") as bias:
        bias[0].data += 1
        bias.writeto(tmp_path / "other.fits", checksum=True)
    plan = make_plan(night, WITH_BIAS, tmp_path / "out", combined_bias=tmp_path / "other.fits")
    assert len(plan.replaced) == 3
    assert "made with another combined bias" in plan.conflicts[0]


def test_a_result_that_cannot_be_read_is_in_the_way(night, tmp_path):
    calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    (tmp_path / "out" / "dark-1.fits").write_bytes(b"damaged")
    (conflict,) = make_plan(night, RECIPE, tmp_path / "out").conflicts
    assert "dark-1.fits does not begin with SIMPLE" in conflict


def test_names_may_come_from_a_generator(night, tmp_path):
    names = (name for name in ["dark-2.fits", "dark-0.fits"])
    run = calibrate_darks(night, RECIPE, tmp_path / "out", files=names, progress=False)
    assert [path.name for path in run.written] == ["dark-2.fits", "dark-0.fits"]
    with pytest.raises(ParameterError, match="no dark is selected"):
        make_plan(night, RECIPE, tmp_path / "out", files=iter(()))


def test_guesses_and_other_temperatures_are_noted(tmp_path):
    for index, temperature in enumerate((-10.0, -5.0)):
        write_raw(
            tmp_path / "raw" / f"d{index}.fits", random_frame(index), "DARK", 30.0, CCD_TEMP=temperature
        )
        write_raw(tmp_path / "raw" / f"b{index}.fits", random_frame(index), "DARK", 0.0, CCD_TEMP=temperature)
    notes = make_plan(Night(tmp_path / "raw"), Recipe(subtract_bias=True), tmp_path / "out").notes
    assert any(
        "b0.fits, b1.fits: IMAGETYP is 'DARK', the exposure 0 s; used as bias" in note for note in notes
    )
    assert any("taken at" in note and "(2 darks are more than 2 degrees away)" in note for note in notes)
    assert make_plan(Night(tmp_path / "raw"), Recipe(), tmp_path / "out").notes == ()


@pytest.mark.parametrize("is_named", [True, False])
def test_only_the_combined_bias_of_its_own_is_built_again(night, tmp_path, is_named):
    calibrate_darks(night, WITH_BIAS, tmp_path / "out", progress=False)
    master = tmp_path / "out" / ("combined_bias.fits" if is_named else "master.fits")
    (tmp_path / "out" / "combined_bias.fits").rename(master)
    other = Recipe(keep_columns=":20", subtract_bias=True)
    with pytest.raises(FrameError, match="was made with other overscan_columns or keep_columns"):
        make_plan(night, other, tmp_path / "out", overwrite=True, combined_bias=master if is_named else None)


def test_a_frame_that_is_not_a_bias_is_not_subtracted_as_one(night, tmp_path):
    with pytest.raises(FrameError, match=r"dark-0\.fits' is not a bias: its header says 'dark'"):
        make_plan(night, WITH_BIAS, tmp_path / "out", combined_bias=night.darks[0].path)


def test_a_single_bias_given_as_the_combined_one_is_noted(night, tmp_path):
    recipe = Recipe(subtract_bias=True)
    plan = make_plan(night, recipe, tmp_path / "out", combined_bias=night.biases[0].path)
    assert "bias-0.fits does not say that it is the average of many frames" in plan.notes[0]


def test_a_run_on_no_thread_is_refused(night, tmp_path):
    with pytest.raises(ParameterError, match="workers is -1; expected at least 1"):
        calibrate_darks(night, RECIPE, tmp_path / "out", workers=-1, progress=False)


def test_the_combined_bias_is_built_from_the_bias_frames_chosen(night, tmp_path):
    chosen = ["bias:bias-[02]*"]
    plan = make_plan(night, WITH_BIAS, tmp_path / "out", files=chosen)
    assert [frame.name for frame in plan.biases] == ["bias-0.fits", "bias-2.fits"]
    assert "2 bias frames" in bias_note(plan, False)
    run_plan(plan).raise_failures()
    assert Frame(tmp_path / "out" / "combined_bias.fits").header["NCOMBINE"] == 2
    assert not make_plan(night, WITH_BIAS, tmp_path / "out", files=chosen).builds_bias
    with pytest.raises(FrameError, match=r"from other bias frames than files chooses \(2: bias-0.fits"):
        make_plan(night, WITH_BIAS, tmp_path / "out", files=["bias:bias-1*"])
    again = make_plan(night, WITH_BIAS, tmp_path / "out", files=["bias:bias-1*"], overwrite=True)
    assert [frame.name for frame in again.biases] == ["bias-1.fits"]


def namesakes(folder, level):
    """Write a night of another level whose frames have the names, sizes and headers of `small_night`."""
    for index in range(7):
        kind, name = ("dark", f"dark-{index}") if index < 3 else ("bias", f"bias-{index - 3}")
        exposure = 10.0 if kind == "dark" else 0.0
        write_raw(folder / f"{name}.fits", random_frame(500 + index, level=level), kind, exposure)
    return Night(folder)


def test_the_bias_of_another_night_is_not_subtracted(night, tmp_path):
    run_plan(make_plan(night, WITH_BIAS, tmp_path / "out"), progress=False)
    other = namesakes(tmp_path / "other", 1300)
    with pytest.raises(FrameError, match="from bias frames of the same names, but not those of this night"):
        make_plan(other, WITH_BIAS, tmp_path / "out")
    plan = make_plan(other, WITH_BIAS, tmp_path / "out", overwrite=True)
    assert plan.builds_bias
    assert plan.replaced == ["dark-0.fits", "dark-1.fits", "dark-2.fits", "combined_bias.fits"]
    run = run_plan(plan, progress=False)
    assert [abs(fits.getdata(path).mean()) < 10 for path in run.written] == [True] * 3
    named = make_plan(night, WITH_BIAS, tmp_path / "out", combined_bias=tmp_path / "out/combined_bias.fits")
    assert (named.builds_bias, named.bias.name) == (False, "combined_bias.fits")


def test_a_bias_of_frames_that_the_night_lacks_is_refused(night, tmp_path):
    run_plan(make_plan(night, WITH_BIAS, tmp_path / "out"), progress=False)
    (night.raw_folder / "bias-3.fits").rename(night.raw_folder / "bias-9.fits")
    with pytest.raises(FrameError, match=r"from other bias frames than those of this night \(4: bias-0"):
        make_plan(Night(night.raw_folder), WITH_BIAS, tmp_path / "out")


def test_bias_frames_that_were_left_out_stay_left_out(night, tmp_path):
    write_raw(night.raw_folder / "bias-odd.fits", random_frame(1, (9, 9)), "bias", 0.0)
    night = Night(night.raw_folder)
    run_plan(make_plan(night, WITH_BIAS, tmp_path / "out"), progress=False)
    again = run_plan(make_plan(night, WITH_BIAS, tmp_path / "out", overwrite=True), progress=False)
    assert len(again.unchanged) == 3


def test_results_of_a_namesake_night_are_not_current(night, tmp_path):
    run_plan(make_plan(night, RECIPE, tmp_path / "out"), progress=False)
    other = make_plan(namesakes(tmp_path / "other", 1000), RECIPE, tmp_path / "out")
    assert {found.state for found in other.standings.values()} == {"other"}
    assert "from another raw file" in other.conflicts[0]


def test_darks_that_are_reduced_already_are_left_out(tmp_path):
    folder = small_night(tmp_path / "raw")
    (folder / "dark-0.fits").unlink()
    write_raw(folder / "dark-0.fits", random_frame(1), CALSTAT="B")
    plan = make_plan(Night(folder), WITH_BIAS, tmp_path / "out")
    assert [job.name for job in plan.jobs] == ["dark-1.fits", "dark-2.fits"]
    assert "the bias subtracted already (CALSTAT is 'B')" in plan.left_out["dark-0.fits"]
    assert make_plan(Night(folder), RECIPE, tmp_path / "out").left_out == {}


def test_another_pedestal_of_the_bias_is_noted(tmp_path):
    folder = small_night(tmp_path / "raw", darks=0)
    write_raw(folder / "dark.fits", random_frame(1), PEDESTAL=-100)
    run = calibrate_darks(Night(folder), WITH_BIAS, tmp_path / "out", progress=False)
    assert any("PEDESTAL is 0 in bias-0.fits and -100 in darks" in note for note in run.notes)
