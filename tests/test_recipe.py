import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from darkcal_widgets import Parameters, Recipe
from darkcal_widgets.errors import ParameterError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overscan_columns", "abc"),
        ("overscan_columns", 620),
        ("keep_columns", "[5:1, *]"),
        ("subtract_bias", "yes"),
        ("subtract_bias", 1),
        ("unit", "Jy"),
        ("unit", None),
        ("output_dtype", "int16"),
        ("output_dtype", None),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_name(field, value):
    with pytest.raises(ParameterError, match=f"{field} is {value!r}".replace("[", r"\[").replace("*", r"\*")):
        Recipe(**{field: value})


def test_a_recipe_is_not_changed_afterwards():
    with pytest.raises(FrozenInstanceError):
        Recipe().unit = "electron"


def test_changing_a_copy_validates_again():
    with pytest.raises(ParameterError, match="output_dtype"):
        replace(Recipe(), output_dtype="text")


def test_a_misspelt_field_is_named_with_the_right_one():
    with pytest.raises(
        ParameterError, match="no parameter 'overscan_column'; did you mean 'overscan_columns'"
    ):
        Recipe(overscan_column="2055:")
    with pytest.raises(ParameterError, match="did you mean 'raw_folder'"):
        Parameters(raw_foldr="a", reduced_folder="b")


def test_a_recipe_can_be_pickled():
    recipe = Recipe(amplifiers=(("80:85", "0:40"), ("85:90", "40:80")))
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_parameters_make_the_recipe_again():
    recipe = Recipe(overscan_columns="2055:", keep_columns=":2048", output_dtype="float64")
    assert Recipe(**recipe.to_parameters()) == recipe


@pytest.mark.parametrize("word", ["ADU", "adu", "Counts", "DN", " ct "])
def test_words_for_the_same_unit_make_equal_recipes(word):
    assert Recipe(unit=word) == Recipe(unit="adu")


def test_the_digest_is_of_what_is_done_not_of_how_it_is_written():
    shape = (4128, 2080)
    python = Recipe(overscan_columns="2055:", keep_columns=":2048")
    fits = Recipe(overscan_columns="[2056:2080, 1:4127]", keep_columns="[1:2048, *]")
    assert python.digest(shape) == fits.digest(shape)
    assert python.digest(shape) != replace(python, overscan_columns="2054:").digest(shape)
    assert python.digest(shape) != replace(python, output_dtype="float64").digest(shape)


def test_the_unit_is_part_of_the_digest():
    assert Recipe(unit="adu").digest((20, 30)) != Recipe(unit="electron").digest((20, 30))


def test_images_are_part_of_the_digest_but_their_order_is_not():
    recipe, shapes = Recipe(), [(20, 30), (20, 30)]
    first = recipe.digest(*shapes, images=["A", "B"])
    assert first == recipe.digest(*shapes, images=["B", "A"])
    assert len({first, recipe.digest(*shapes), recipe.digest(*shapes, images=["A", "C"])}) == 3
