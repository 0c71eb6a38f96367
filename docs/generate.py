"""Pages that the code itself writes: the notebooks with their pictures, the table of parameters, the options of each command.

They go to docs/generated/, which is not kept. The picture of the house is kept, for CONTRIBUTING.md shows it without a build.
"""

import contextlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path

import darkcal_widgets
from darkcal_widgets import Parameters, Recipe
from darkcal_widgets.cli import main

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "generated"
DEMO = ROOT / "docs" / "build" / "demo"

# Pages that lie beside the README, and where they are in the documentation.
FROM_ROOT = {
    "CHANGES.md": "/changes.md",
    "CODE_OF_CONDUCT.md": "/conduct.md",
    "CONTRIBUTING.md": "/contributing.md",
    "SAFETY.md": "/explanation/safety.md",
}


def write_all():
    """Write all of them."""
    OUT.mkdir(parents=True, exist_ok=True)
    for page in OUT.glob("api/*.rst"):
        if page.stem.rpartition(".")[2] not in darkcal_widgets.__all__:
            page.unlink()
    _write("commands.md", commands())
    _write("parameters.md", parameters())
    for name in FROM_ROOT:
        _write(name, with_links((ROOT / name).read_text(encoding="utf-8")))
    (ROOT / "docs" / "house.svg").write_text(house(), encoding="utf-8")
    for notebook in executed():
        _write(notebook.name, json.dumps(without_widgets(json.loads(notebook.read_text(encoding="utf-8")))))


def _write(name, text):
    """Write a page unless it is there already, so that Sphinx reads only what has changed."""
    path = OUT / name
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def with_links(text):
    """Return the text of a page that lies beside the README with its links as seen from the documentation."""
    text = text.replace("](docs/", "](/")
    for name, page in FROM_ROOT.items():
        text = text.replace(f"]({name}", f"]({page}")
    return text


def executed():
    """Return the notebooks with their results, run again where the package is newer."""
    notebooks = sorted((ROOT / "notebooks").glob("[0-9]-*.ipynb"))
    done = [DEMO / notebook.name for notebook in notebooks]
    sources = [*notebooks, *(ROOT / "darkcal_widgets").rglob("*.py")]
    newest = max(path.stat().st_mtime for path in sources)
    if not all(path.exists() and path.stat().st_mtime > newest for path in done):
        subprocess.run([sys.executable, "-m", "darkcal_widgets.cli", "demo", str(DEMO)], check=True)
    return done


def without_widgets(notebook):
    """Return a notebook without its widgets, which need a kernel; the panel has left its picture beside."""
    for cell in notebook["cells"]:
        cell["outputs"] = [output for output in cell.get("outputs", ()) if not _is_widget(output)]
        if cell["cell_type"] != "code":
            del cell["outputs"]
    notebook["metadata"].pop("widgets", None)
    return notebook


def _is_widget(output):
    return "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def commands():
    """Return what each command says of itself with ``--help``."""
    overview = _help()
    names = re.findall(r"^    (\w+)  ", overview, re.MULTILINE)
    parts = [f"## darkcal {name}\n\n```text\n{_help(name)}```\n" for name in names]
    return "\n".join([f"```text\n{overview}```\n", *parts])


def _help(*command):
    """Return the help of a command, in lines of one width on every machine."""
    text, width = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            main([*command, "--help"])
    finally:
        os.environ.pop("COLUMNS") if width is None else os.environ.update(COLUMNS=width)
    return text.getvalue()


def parameters():
    """Return a table of all parameters, in the order of the notebooks: name, default, meaning."""
    meanings = _meanings(Recipe) | _meanings(Parameters)
    defaults = {field.name: field.default for field in fields(Parameters)}
    rows = [f"| `{name}` | {_default(defaults[name])} | {meanings[name]} |" for name in Parameters.names()]
    return "\n".join(["| parameter | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _default(value):
    return "required" if value is MISSING else f"`{value!r}`"


def _meanings(documented):
    """Return the kind and meaning of each attribute in a docstring, as Markdown."""
    attributes = re.split(
        r"\n(?=\w+ : )", inspect.getdoc(documented).partition("Attributes\n----------\n")[2]
    )
    return dict(_meaning(re.split(r"\n\n[A-Z]", text)[0]) for text in attributes)


def _meaning(text):
    head, _, body = text.partition("\n")
    name, _, kind = head.partition(" : ")
    body = re.sub(r"`~[\w.]*?(\w+\.?\w*)`", r"`\1`", " ".join(body.split()))
    return name, f"*{kind}*. {body}".replace("|", "\\|")


def house():
    """Draw the rooms as an SVG: each stands as low as what it imports lets it."""
    floors = _floors()
    width, height = 150, 46
    across = max(map(len, floors)) * width
    drawn = [
        _room(name, (across - len(rooms) * width) / 2 + i * width, (len(floors) - 1 - floor) * height)
        for floor, rooms in enumerate(floors)
        for i, name in enumerate(rooms)
    ]
    size = f'viewBox="0 0 {across} {len(floors) * height}" width="{across}"'
    style = 'font-family="sans-serif" font-size="15" text-anchor="middle"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', *drawn, "</svg>", ""])


def _room(name, x, y):
    box = (
        f'<rect x="{x + 4:g}" y="{y + 4:g}" width="142" height="38" rx="6" fill="#dbe9f4" stroke="#3b6e91"/>'
    )
    return f'{box}<text x="{x + 75:g}" y="{y + 28:g}">{name}</text>'


def _floors():
    """Return the rooms of each floor, the lowest first, from the order of modules that a test keeps and their imports."""
    sys.path.insert(0, str(ROOT / "tests"))
    from test_imports import ORDER, own

    floor, last = {}, {module.partition(".")[0]: module for module in ORDER}
    for room in sorted(last, key=lambda room: ORDER.index(last[room])):
        modules = [module for module in ORDER if module.partition(".")[0] == room]
        below = {name.partition(".")[0] for module in modules for name in own(module)} - {room}
        floor[room] = 1 + max((floor[other] for other in below), default=-1)
    return [[room for room in floor if floor[room] == level] for level in range(max(floor.values()) + 1)]
