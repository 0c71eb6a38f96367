"""The documentation: links lead somewhere, every public name and parameter is described, and its Python runs."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

import darkcal_widgets

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"build", "generated"} & set(path.parts))
PAGES += sorted(ROOT.glob("*.md"))
PUBLIC = [getattr(darkcal_widgets, name) for name in darkcal_widgets.__all__]


def is_error(public):
    return isinstance(public, type) and issubclass(public, BaseException)


def page_id(path):
    return path.relative_to(ROOT).as_posix()


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


def anchors(path):
    return {slug(text) for text in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        if target.startswith("http"):
            continue
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for page in PAGES:
        for entries in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            lines = [line for line in entries.split("\n") if line and not line.startswith(":")]
            listed |= {(page.parent / line).resolve().with_suffix(".md") for line in lines}
    assert {page for page in PAGES if DOCS in page.parents} - listed == {DOCS / "index.md"}


def test_every_public_name_has_a_page():
    listed = re.findall(
        r"^   (\w+)$", (DOCS / "reference" / "python.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == darkcal_widgets.__all__


def described_in(public):
    """Return the names that a docstring describes; of a class, those of the classes that it extends as well."""
    classes = public.__mro__ if isinstance(public, type) else [public]
    own = [
        NumpyDocString(inspect.getdoc(one)) for one in classes if one.__module__.startswith("darkcal_widgets")
    ]
    parts = [part for one in own for part in (*one["Parameters"], *one["Attributes"])]
    return {name.strip() for part in parts for name in part.name.split(",")}


@pytest.mark.parametrize("public", [one for one in PUBLIC if not is_error(one)], ids=lambda one: one.__name__)
def test_every_parameter_is_described(public):
    parameters = inspect.signature(public).parameters.values()
    named = {one.name for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
    assert named <= described_in(public)


def python_of(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if python_of(page)], ids=page_id)
def test_the_python_of_a_page_runs(page, example_nights, tmp_path, monkeypatch):
    for night in example_nights.iterdir():
        (tmp_path / night.name).symlink_to(night)
    monkeypatch.chdir(tmp_path)
    for code in python_of(page):
        exec(compile(ast.parse(code), page_id(page), "exec"), {"__name__": "__main__"})


def test_the_picture_of_the_house_is_current(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import generate

    assert generate.house() == (DOCS / "house.svg").read_text(encoding="utf-8"), "make docs draws it"
