from dataclasses import replace
from types import SimpleNamespace

import jsonschema
import pytest

from darkcal_widgets import Parameters, Recipe
from darkcal_widgets.advice.decisions import EXPLAINED_BY, Decision
from darkcal_widgets.errors import ParameterError
from darkcal_widgets.fields import as_lists
from darkcal_widgets.parameters import ADVISABLE

EXAMPLE = {
    "raw_folder": "example-cryo-LFC",
    "dark_folder": "example-cryo-LFC/darks",
    "reduced_folder": "example1-reduced",
    "overscan_columns": "2055:",
    "keep_columns": ":2048",
    "subtract_bias": False,
    "amplifiers": None,
    "extensions": None,
    "combined_bias": None,
    "files": None,
    "image_types": None,
    "unit": "adu",
    "output_dtype": "float32",
    "overwrite": False,
}


def namespace(injected=None, **values):
    cells = ["import this", "raw_folder = 'x'\nobserver = 'me'"]
    return (
        EXAMPLE
        | values
        | {"In": cells + ([] if injected is None else [f"# Parameters\n{injected}\n"]) + ["check"]}
    )


def test_the_names_are_those_of_the_notebooks():
    assert Parameters.names() == list(EXAMPLE)


def test_a_notebooks_variables_become_parameters():
    parameters = Parameters.from_notebook(namespace())
    assert parameters.to_dict() == EXAMPLE
    assert parameters.recipe.overscan_columns == "2055:"


def test_a_misspelt_name_that_papermill_passed_stops_the_run():
    with pytest.raises(
        ParameterError, match="no parameter 'overscan_colums'; did you mean 'overscan_columns'"
    ):
        Parameters.from_notebook(namespace("overscan_colums = '2055:'"))


def test_a_notebooks_own_names_and_number_may_be_passed():
    Parameters.from_notebook(namespace("observer = 'you'\nnotebook = 1\nunit = 'adu'"))


def test_a_parameter_that_is_not_set_is_named():
    values = namespace()
    del values["keep_columns"]
    with pytest.raises(ParameterError, match="'keep_columns' is not set"):
        Parameters.from_notebook(values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("raw_folder", None),
        ("raw_folder", 5),
        ("reduced_folder", ""),
        ("dark_folder", 1),
        ("overscan_columns", "abc"),
        ("keep_columns", 620),
        ("subtract_bias", "yes"),
        ("combined_bias", True),
        ("files", "dark.fits"),
        ("files", []),
        ("files", [1]),
        ("image_types", "dark"),
        ("unit", "bananas"),
        ("output_dtype", "float16"),
        ("overwrite", 1),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_name(name, value):
    with pytest.raises(ParameterError, match=f"^{name} is "):
        Parameters.from_mapping(EXAMPLE | {name: value})


def test_all_mistakes_are_listed_at_once():
    values = {
        "overscan_colums": "2055:",
        "keep_columns": 620,
        "subtract_bias": "yes",
        "raw_folder": "a",
        "mine": 1,
    }
    found = Parameters.problems(values, also=["mine"])
    assert [message.split(";")[0] for message in found] == [
        "there is no parameter 'overscan_colums'",
        "keep_columns is 620 (int)",
        "subtract_bias is 'yes' (str)",
        "the parameter 'reduced_folder' is missing",
    ]
    assert Parameters.problems(EXAMPLE | {"notebook": 1}) == []


def test_parameters_survive_the_way_through_yaml(tmp_path):
    parameters = Parameters.from_mapping(EXAMPLE | {"files": ["a.fits", "b.fits"], "keep_columns": "10:50"})
    parameters.save(tmp_path / "p.yaml", notebook=1)
    assert Parameters.load(tmp_path / "p.yaml") == parameters
    assert (tmp_path / "p.yaml").read_text().startswith("notebook: 1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "overscan_colums: '2055:'",
            r"p\.yaml: there is no parameter 'overscan_colums'; did you mean 'overscan_columns'",
        ),
        ("raw_folder: a", r"p\.yaml: the parameter 'reduced_folder' is missing"),
        ("[1, 2]", r"p\.yaml holds list; expected lines of `name: value`"),
        ("a: [", r"p\.yaml is not YAML"),
        ("a: !!python/object/apply:os.system ['touch pwned']", r"p\.yaml holds the tag"),
    ],
)
def test_a_wrong_file_of_parameters_is_explained(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ParameterError, match=message):
        Parameters.load(tmp_path / "p.yaml")
    assert not (tmp_path / "pwned").exists()


def test_the_lines_of_python_do_what_the_parameters_say(tmp_path, monkeypatch):
    from nights import small_night

    monkeypatch.chdir(tmp_path)
    small_night(tmp_path / "raw")
    parameters = Parameters(
        raw_folder="raw", reduced_folder="out", keep_columns=":24", subtract_bias=True, files=["dark-1.fits"]
    )
    exec(parameters.python_code())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "combined_bias.fits",
        "combined_dark_10.000.fits",
        "dark-1.fits",
    ]


def test_types_of_frames_survive_a_parameter_file(tmp_path):
    types = {"OBJECT=bias*": "bias", "file=d10*.fits": "dark", "": "other"}
    parameters = Parameters.from_mapping(EXAMPLE | {"image_types": types})
    parameters.save(tmp_path / "a.yaml")
    assert Parameters.load(tmp_path / "a.yaml") == parameters
    assert f"image_types={types!r}" in parameters.python_code()
    with pytest.raises(ParameterError, match=r"image_types maps 'x' to 'drak'.*Did you mean 'dark'"):
        Parameters.from_mapping(EXAMPLE | {"image_types": {"x": "drak"}})


def test_a_notebook_of_version_0_1_does_not_set_what_came_later():
    values = namespace()
    del values["amplifiers"], values["extensions"]
    assert Parameters.from_notebook(values).amplifiers is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"amplifiers": "2048:"},
            r"amplifiers is '2048:' \(str\); expected a list such as \[\['2048:2080', '0:1024'\]",
        ),
        ({"amplifiers": [["2048:"]]}, r"amplifiers is \[\['2048:'\]\].*overscan and image of each amplifier"),
        ({"amplifiers": [["x", "0:9"]]}, "amplifiers is 'x', which does not select columns"),
        (
            {"amplifiers": [["9:", "0:9"]], "keep_columns": ":9"},
            "set overscan_columns and keep_columns to None beside it",
        ),
        ({"extensions": "SCI"}, r"extensions is 'SCI' \(str\); expected a list such as \['SCI'\]"),
        ({"extensions": []}, r"extensions is an empty list; expected a list such as \['SCI'\]"),
    ],
)
def test_wrong_amplifiers_and_extensions_are_explained(values, message):
    with pytest.raises(ParameterError, match=message):
        Parameters(raw_folder="a", reduced_folder="b", **values)


def test_amplifier_images_must_fill_a_rectangle():
    recipe = Recipe(amplifiers=[["10:12", "0:5"], ["12:14", "4:10"]])
    with pytest.raises(ParameterError, match=r"\[1:5, 1:8\], \[5:10, 1:8\], do not fill a rectangle"):
        recipe.pieces((8, 14))


# --- The schema ------------------------------------------------------------------------------------------


def test_the_schema_takes_what_parameters_take():
    schema = Parameters.schema()
    assert list(schema["properties"]) == Parameters.names()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(EXAMPLE, schema)
    jsonschema.validate(EXAMPLE | dict.fromkeys(ADVISABLE, "advised"), schema)
    for wrong in ({"unit": "advised", "overwrite": "advised"}, {"overscan_colums": "2055:"}, {"files": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(EXAMPLE | wrong, schema)
        assert Parameters.problems(EXAMPLE | wrong)


def test_defaults_and_examples_of_the_schema_are_good():
    for name, one in Parameters.schema()["properties"].items():
        values = one["examples"] + ([one["default"]] if "default" in one else [])
        for value in values:
            alone = {"raw_folder": "a", "reduced_folder": "b"} | {name: value}
            jsonschema.validate(alone, Parameters.schema())
            assert as_lists(getattr(Parameters(**alone), name)) == (
                [*map(str, value)] if name == "extensions" and value else value
            )


def test_every_meaning_is_the_same_wherever_it_stands():
    schema, comments = Parameters.schema()["properties"], Parameters.comments()
    documented = f"{Recipe.__doc__} {Parameters.__doc__}".replace("`None`:", "None:")
    for name in Parameters.names():
        meaning = comments[name].split(" ", 2)[2]
        assert schema[name]["description"].lower().startswith(meaning.lower())
        assert f"{name} : " in documented
        assert meaning.lower() in " ".join(documented.lower().split())


def test_the_schema_of_a_notebook_has_its_values():
    found = Parameters.schema({"subtract_bias": "advised"})["properties"]
    assert (found["subtract_bias"]["default"], found["overwrite"]["default"]) == ("advised", False)


# --- The word advised --------------------------------------------------------------------------------------

LEFT = {"overscan_columns": "advised", "keep_columns": "advised", "subtract_bias": "advised"}


def decided(unknown=(), **values):
    """Return what stands for an `Advice`: its values, of which some are not known."""
    values = {
        "overscan_columns": "90:",
        "keep_columns": ":80",
        "subtract_bias": True,
        "amplifiers": None,
    } | values
    decisions = {
        name: Decision(name, value, "unknown" if name in unknown else "decided", f"Reason of {name}.")
        for name, value in values.items()
    }
    against = ["keep_columns is ':60', the advice is ':80': Reason."]
    return SimpleNamespace(
        decisions=decisions,
        recipe=Recipe(**values),
        differences=lambda parameters: against if parameters.keep_columns == ":60" else [],
    )


def test_the_word_advised_is_taken_wherever_a_value_is(tmp_path):
    parameters = Parameters.from_mapping(EXAMPLE | LEFT | {"amplifiers": "advised"})
    assert parameters.advised == ("overscan_columns", "keep_columns", "subtract_bias", "amplifiers")
    parameters.save(tmp_path / "p.yaml")
    assert Parameters.load(tmp_path / "p.yaml") == parameters
    assert Parameters.problems(parameters.to_dict()) == []


def test_the_word_advised_is_no_unit_and_no_folder():
    with pytest.raises(ParameterError, match="unit is 'advised'"):
        Parameters.from_mapping(EXAMPLE | {"unit": "advised"})


@pytest.mark.parametrize("name", LEFT)
def test_nothing_is_done_by_the_word(name):
    parameters = Parameters.from_mapping(EXAMPLE | {name: "advised"})
    for use in (
        lambda: parameters.recipe,
        lambda: parameters.steps((9, 99)),
        lambda: parameters.digest((9, 99)),
    ):
        with pytest.raises(ParameterError, match=f"{name} is 'advised', a word for what the night tells"):
            use()


def test_values_of_the_advice_stand_in_place_of_the_word():
    parameters = Parameters.from_mapping(EXAMPLE | LEFT | {"keep_columns": ":70"})
    resolved = parameters.resolved(decided())
    assert resolved.recipe == Recipe(overscan_columns="90:", keep_columns=":70", subtract_bias=True)


def test_each_step_is_told_with_who_has_decided_it_and_why():
    parameters = Parameters.from_mapping(EXAMPLE | LEFT | {"keep_columns": ":60"})
    rows = parameters.reasons(decided(unknown=["subtract_bias"])).as_array().tolist()
    assert rows[:2] == [
        ("overscan_columns", "'90:'", "the night", "Reason of overscan_columns."),
        ("keep_columns", "':60'", "you", "keep_columns is ':60', the advice is ':80': Reason."),
    ]
    assert rows[2][:3] == ("subtract_bias", "True", "nobody yet")
    assert rows[2][3].endswith("Set subtract_bias to True or False.")
    assert rows[3] == ("amplifiers", "None", "you", "")


def test_what_the_night_does_not_decide_has_to_be_set():
    parameters = Parameters.from_mapping(EXAMPLE | LEFT)
    advice = decided(unknown=["subtract_bias", "amplifiers"])
    with pytest.raises(
        ParameterError, match=r"does not decide subtract_bias.*Set subtract_bias to True or False"
    ):
        parameters.resolved(advice)
    advice.decisions["keep_columns"] = replace(advice.decisions["subtract_bias"], parameter="keep_columns")
    with pytest.raises(ParameterError) as refusal:
        parameters.resolved(advice)
    assert str(refusal.value).count("Reason of subtract_bias.") == 1
    advice = decided(unknown=["subtract_bias", "amplifiers"])
    assert replace(parameters, subtract_bias=False).resolved(advice).overscan_columns == "90:"


def test_no_overscan_is_advised_where_amplifiers_are_denied():
    pairs = (("80:85", "0:40"), ("85:90", "40:80"))
    advice = decided(overscan_columns=None, keep_columns=None, amplifiers=pairs)
    parameters = Parameters.from_mapping(EXAMPLE | LEFT)
    with pytest.raises(
        ParameterError, match=r"amplifiers is None, for one amplifier.*Set it to 'advised', too"
    ):
        parameters.resolved(advice)
    assert replace(parameters, amplifiers="advised").resolved(advice).amplifiers == pairs


def test_amplifiers_that_are_set_leave_no_columns_to_the_advice():
    pairs = (("80:85", "0:40"), ("85:90", "40:80"))
    parameters = Parameters.from_mapping(EXAMPLE | LEFT | {"amplifiers": pairs})
    resolved = parameters.resolved(decided(unknown=["overscan_columns"]))
    assert (resolved.overscan_columns, resolved.keep_columns, resolved.amplifiers) == (None, None, pairs)


def test_the_advice_decides_on_what_may_be_left_to_it():
    assert set(ADVISABLE) <= set(EXPLAINED_BY)
