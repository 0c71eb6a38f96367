"""Each parameter is a trait, with its type and default."""

from dataclasses import MISSING, fields

import pytest
from traitlets import TraitError

from darkcal_widgets import Parameters
from darkcal_widgets.panel.traits import PanelTraits


def test_every_parameter_is_a_synced_trait_with_its_default():
    traits = PanelTraits()
    assert set(Parameters.names()) <= set(traits.traits(sync=True))
    for field in fields(Parameters):
        if field.default is not MISSING:
            assert getattr(traits, field.name) == field.default


@pytest.mark.parametrize(
    ("name", "value"), [("overwrite", "yes"), ("files", "dark"), ("unit", None), ("image_types", 1)]
)
def test_a_value_of_another_type_is_refused(name, value):
    traits = PanelTraits()
    with pytest.raises(TraitError):
        setattr(traits, name, value)
