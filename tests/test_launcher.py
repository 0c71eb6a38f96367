"""The tiles in JupyterLab's launcher: they name what is installed beside them, in words that jupyter-app-launcher knows."""

import json
import tomllib
from pathlib import Path

import jsonschema
import jupyter_app_launcher
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PLACE = "share/jupyter/jupyter_app_launcher"
TILES = yaml.safe_load((ROOT / "launcher" / "jp_app_launcher_darkcal.yaml").read_text(encoding="utf-8"))


def installed():
    """Return what lies in the launcher's folder after an installation: name there to file here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    found = {}
    for source, target in shared.items():
        path = ROOT / source
        files = path.rglob("*") if path.is_dir() else [path]
        found |= {str(Path(target) / file.relative_to(path)): file for file in files}
    return {str(Path(name).relative_to(PLACE)): file for name, file in found.items()}


@pytest.mark.parametrize("tile", TILES, ids=lambda tile: tile["title"])
def test_a_tile_names_files_that_are_installed(tile):
    for name in (tile["source"], tile["icon"]):
        assert installed()[name].is_file()


@pytest.mark.parametrize("tile", TILES, ids=lambda tile: tile["title"])
def test_a_tile_is_what_the_launcher_takes(tile):
    schema = Path(jupyter_app_launcher.__file__).parent / "schema" / "config.schema.json"
    jsonschema.validate(tile | {"id": "given by the launcher"}, json.loads(schema.read_text()))


def test_the_launcher_finds_the_file_by_its_name():
    assert any(name.startswith("jp_app_launcher") and name.endswith(".yaml") for name in installed())
