"""Records tell what is left to do, whatever has happened to them, and the folder of a batch is one batch's."""

import errno
import json
import os
from dataclasses import asdict

import pytest
from batches import write_notebook, write_parameters
from nights import small_night

from darkcal_widgets.batch import record
from darkcal_widgets.batch.requests import read_requests
from darkcal_widgets.errors import OutputError


@pytest.fixture
def folder(tmp_path):
    """A night, and a notebook."""
    small_night(tmp_path / "raw", darks=2)
    write_notebook(tmp_path / "run.ipynb")
    return tmp_path


@pytest.mark.parametrize(
    "change", ["raw", "new raw", "notebook", "version", "result", "report", "parameters", "nothing"]
)
def test_a_run_is_current_until_its_sources_change(folder, monkeypatch, change):
    write_parameters(folder / "a.yaml")
    (folder / "OUT").mkdir()
    for name in ("result", "notebook.ipynb", "report.html"):
        (folder / "OUT" / name).touch()

    def made_from():
        (request,) = read_requests([folder / "a.yaml"])
        return record.fingerprint(request)

    earlier = record.Record(
        "a", "a.yaml", "done", fingerprint=made_from(), results=[str(folder / "OUT" / "result")]
    )
    {
        "raw": lambda: os.utime(folder / "raw" / "dark-0.fits", (1, 1)),
        "new raw": lambda: (folder / "raw" / "dark-7.fits").touch(),
        "notebook": lambda: write_notebook(folder / "run.ipynb", "1"),
        "version": lambda: monkeypatch.setattr(record, "__version__", "0"),
        "result": lambda: (folder / "OUT" / "result").unlink(),
        "report": lambda: (folder / "OUT" / "report.html").unlink(),
        "parameters": lambda: write_parameters(folder / "a.yaml", overwrite=True),
        "nothing": lambda: None,
    }[change]()
    assert earlier.is_current(folder / "OUT", made_from()) == (change == "nothing")


def test_without_locks_a_batch_runs_and_says_so(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(record.fcntl, "flock", refuse)
    with record.locked(tmp_path):
        pass
    assert "cannot be locked" in capsys.readouterr().err


GOOD = record.Record("a", "a.yaml", "done", seconds=1.5, results=["x"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "5",
        "[" * 100_000,
        "\xff",
        json.dumps(asdict(GOOD) | {"seconds": "x"}),
        json.dumps(asdict(GOOD) | {"results": [5]}),
        json.dumps(asdict(GOOD) | {"state": None}),
        json.dumps(asdict(GOOD) | {"name": "../b"}),
        json.dumps({"name": "a"}),
        f'{{"written": {"9" * 5000}}}',
        "pipe",
        "folder",
    ],
    ids=lambda text: text[:20],
)
def test_a_damaged_record_is_none(tmp_path, text):
    path = tmp_path / "a" / "run.json"
    path.parent.mkdir()
    GOOD.save(path.parent)
    assert record.read_record(path.parent) == GOOD
    path.unlink()
    if text == "pipe":
        os.mkfifo(path)
    elif text == "folder":
        path.mkdir()
    else:
        path.write_text(text, encoding="latin-1")
    assert record.read_records(tmp_path) == {}


@pytest.mark.parametrize("kind", ["hard link", "pipe"])
def test_the_lock_is_not_a_file_that_may_be_data(tmp_path, kind):
    raw, lock = tmp_path / "raw.fits", tmp_path / ".darkcal-lock"
    raw.write_bytes(b"raw")
    lock.hardlink_to(raw) if kind == "hard link" else os.mkfifo(lock)
    with pytest.raises(OutputError, match="is a link or not a regular file"), record.locked(tmp_path):
        pass
    assert raw.read_bytes() == b"raw"
