"""The real nights, fetched by pooch from a server on loopback that answers as a public record does."""

import hashlib
import io
import json
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest
from pooch import downloaders

from darkcal_widgets.download import REAL_NIGHTS, WORKSHOP_NAME, DownloadError, RealNight, download_examples
from darkcal_widgets.errors import DarkcalError, OutputError

CRYO = RealNight("10.5281/zenodo.11", "example-cryo-LFC.tar.bz2", "example-cryo-LFC")
THERMO = RealNight("10.5281/zenodo.22", "example-thermo-electric.tar.bz2", "example-thermo-electric")
CRYO_FILES = {
    "example-cryo-LFC/ccd.001.0.fits": b"bias",
    "example-cryo-LFC/darks/ccd.002.0.fits": b"a dark",
}
THERMO_FILES = {"example-thermo-electric/Dark-001.fit": b"another dark"}


def archive_of(files=(), members=()):
    """A .tar.bz2 of named bytes and of ready-made members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as tar:
        for name, content in dict(files).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in members:
            tar.addfile(member)
    return buffer.getvalue()


class Records:
    """A record server: what it holds, what it was asked for, and how it is made to misbehave."""

    def __init__(self):
        self.archives, self.requests, self.answers = {}, [], {}
        self.missing_bytes = 0

    def publish(self, night, content, promised=None):
        self.archives[f"/files/{night.archive}"] = content
        entry = {
            "key": night.archive,
            "checksum": "md5:" + hashlib.md5(content if promised is None else promised).hexdigest(),
            "links": {"self": f"{self.address}/files/{night.archive}"},
        }
        self.answers[f"/api/records/{night.doi.rpartition('.')[2]}"] = json.dumps({"files": [entry]}).encode()

    def answer(self, path):
        self.requests.append(path)
        return self.archives.get(path, self.answers.get(path))

    def stand_in(self, monkeypatch):
        """Let pooch ask this server for what it would ask doi.org and zenodo.org."""
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(
            downloaders, "doi_to_url", lambda doi, **_: f"https://zenodo.org/records/{doi[15:]}"
        )
        monkeypatch.setattr(downloaders.ZenodoRepository, "base_api_url", f"{self.address}/api/records")


@pytest.fixture
def records(monkeypatch):
    shelf = Records()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = shelf.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"") + shelf.missing_bytes))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        shelf.address = f"http://127.0.0.1:{server.server_port}"
        shelf.stand_in(monkeypatch)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield shelf
        server.shutdown()
        thread.join()


@pytest.fixture
def both(records):
    records.publish(CRYO, archive_of(CRYO_FILES))
    records.publish(THERMO, archive_of(THERMO_FILES))
    return records


def download(folder, *nights, progress=False):
    return download_examples(folder, nights=nights or (CRYO, THERMO), progress=progress)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_default_records_are_those_of_the_examples():
    assert [(night.doi, night.archive) for night in REAL_NIGHTS] == [
        ("10.5281/zenodo.3254683", "example-cryo-LFC.tar.bz2"),
        ("10.5281/zenodo.3245296", "example-thermo-electric.tar.bz2"),
    ]


def test_both_nights_are_fetched_and_unpacked(tmp_path, both):
    nights = download(tmp_path)
    assert nights == [tmp_path / "example-cryo-LFC", tmp_path / "example-thermo-electric"]
    assert contents(tmp_path) == {**CRYO_FILES, **THERMO_FILES}
    assert not (tmp_path / WORKSHOP_NAME).exists()


def test_second_call_does_not_ask_the_server(tmp_path, both):
    download(tmp_path)
    both.requests.clear()
    assert len(download(tmp_path)) == 2
    assert both.requests == []


def test_only_the_missing_night_is_fetched(tmp_path, both):
    download(tmp_path, CRYO)
    both.requests.clear()
    download(tmp_path)
    assert set(both.requests) == {"/api/records/22", f"/files/{THERMO.archive}"}


def test_archive_of_an_interrupted_run_is_not_fetched_again(tmp_path, both):
    workshop = tmp_path / WORKSHOP_NAME
    (workshop / "unpacked/half").mkdir(parents=True)
    (workshop / CRYO.archive).write_bytes(archive_of(CRYO_FILES))
    download(tmp_path, CRYO)
    assert both.requests == ["/api/records/11"]
    assert contents(tmp_path) == CRYO_FILES


def test_a_progress_bar_reaches_the_size_of_the_archive(tmp_path, both, capsys):
    download(tmp_path, CRYO, progress=True)
    assert "100%" in capsys.readouterr().err


def test_archive_without_a_top_folder_becomes_the_night(tmp_path, records):
    records.publish(CRYO, archive_of({"a.fits": b"1", "darks/b.fits": b"2"}))
    download(tmp_path, CRYO)
    assert contents(tmp_path / CRYO.folder) == {"a.fits": b"1", "darks/b.fits": b"2"}


def test_clutter_of_other_systems_is_left_out(tmp_path, records):
    clutter = {"example-cryo-LFC/._ccd.001.0.fits": b"x", "._example-cryo-LFC": b"x"}
    records.publish(CRYO, archive_of({**clutter, **CRYO_FILES}))
    download(tmp_path, CRYO)
    assert {path.name for path in (tmp_path / CRYO.folder).rglob("*.fits")} == {
        "ccd.001.0.fits",
        "ccd.002.0.fits",
    }
    assert contents(tmp_path) == CRYO_FILES


# --- What is there already is never touched ---------------------------------------------------------------


def test_empty_folder_of_the_night_is_filled(tmp_path, both):
    (tmp_path / CRYO.folder).mkdir()
    download(tmp_path, CRYO)
    assert contents(tmp_path) == CRYO_FILES


def test_a_foreign_folder_is_refused_before_any_download(tmp_path, both):
    frame = tmp_path / THERMO.folder / "mine.fits"
    frame.parent.mkdir()
    frame.write_bytes(b"mine")
    with pytest.raises(OutputError, match="example-thermo-electric exists and was not made by this download"):
        download(tmp_path)
    assert both.requests == []
    assert contents(tmp_path) == {"example-thermo-electric/mine.fits": b"mine"}


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_damaged_night_is_named_and_left(tmp_path, both, damage):
    download(tmp_path)
    frame = tmp_path / "example-cryo-LFC/darks/ccd.002.0.fits"
    if damage == "gone":
        frame.unlink()
    else:
        frame.write_bytes(b"a")
    with pytest.raises(
        OutputError, match=r"1 downloaded file\(s\).*darks/ccd\.002\.0\.fits; delete the folder"
    ):
        download(tmp_path)


def test_unreadable_marker_is_named(tmp_path, both):
    download(tmp_path, CRYO)
    (tmp_path / CRYO.folder / ".darkcal-download.json").write_text("{")
    with pytest.raises(OutputError, match=r"\.darkcal-download\.json: cannot be read"):
        download(tmp_path, CRYO)


def test_place_that_is_a_file_is_refused(tmp_path, both):
    (tmp_path / "place").write_text("a file")
    with pytest.raises(OutputError, match="no folder for downloads"):
        download(tmp_path / "place")


# --- Failures leave nothing behind ------------------------------------------------------------------------


def assert_refused(tmp_path, *parts, night=CRYO):
    with pytest.raises(DownloadError) as caught:
        download(tmp_path, night)
    message = str(caught.value)
    positions = [message.find(part) for part in parts]
    assert -1 not in positions, message
    assert all(one < other for one, other in pairwise(positions)), message
    assert list(tmp_path.iterdir()) == []


def test_no_network_says_who_was_asked_and_what_to_do(tmp_path, monkeypatch):
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        nobody = Records()
        nobody.address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        nobody.stand_in(monkeypatch)
        expected = (
            "127.0.0.1",
            "Check the network",
            "doi.org/10.5281/zenodo.11",
            "unpack it as",
            "`darkcal sample`",
        )
        assert_refused(tmp_path, CRYO.archive, *expected)
        with pytest.raises(DownloadError):
            download(tmp_path / "new")
        assert list(tmp_path.iterdir()) == []


def test_first_night_stays_when_the_second_fails(tmp_path, records):
    records.publish(CRYO, archive_of(CRYO_FILES))
    with pytest.raises(DarkcalError, match=THERMO.archive):
        download(tmp_path)
    assert contents(tmp_path) == CRYO_FILES
    assert [path.name for path in tmp_path.iterdir()] == [CRYO.folder]


def test_record_that_is_not_there_is_named(tmp_path, records):
    assert_refused(tmp_path, CRYO.archive, "10.5281/zenodo.11", "`darkcal sample`")


def test_record_that_is_not_json_is_named(tmp_path, records):
    records.answers["/api/records/11"] = b"<html>maintenance</html>"
    assert_refused(tmp_path, CRYO.archive, "10.5281/zenodo.11", "by hand")


@pytest.mark.parametrize(
    "answer", [{"files": []}, {"message": "gone"}, [], {"files": [{"key": CRYO.archive, "links": {}}]}]
)
def test_record_without_the_archive_is_named(tmp_path, records, answer):
    records.answers["/api/records/11"] = json.dumps(answer).encode()
    assert_refused(tmp_path, CRYO.archive, "10.5281/zenodo.11", "by hand")


def test_archive_that_is_not_there_is_named(tmp_path, both):
    del both.archives[f"/files/{CRYO.archive}"]
    assert_refused(tmp_path, CRYO.archive, "404")


def test_corrupt_download_is_refused(tmp_path, records):
    records.publish(CRYO, archive_of(CRYO_FILES)[:-5], promised=archive_of(CRYO_FILES))
    assert_refused(tmp_path, CRYO.archive, "10.5281/zenodo.11", "expected md5:", "Try again")


@pytest.mark.parametrize("content", [b"not an archive", archive_of(CRYO_FILES)[:60]])
def test_archive_that_cannot_be_unpacked_is_named(tmp_path, records, content):
    records.publish(CRYO, content)
    assert_refused(tmp_path, CRYO.archive, "cannot be unpacked")


def test_connection_that_breaks_off_is_reported(tmp_path, both):
    both.missing_bytes = 10
    assert_refused(tmp_path, CRYO.archive, "cannot be downloaded", "Check the network")


def test_empty_archive_is_named(tmp_path, records):
    records.publish(CRYO, archive_of())
    assert_refused(tmp_path, CRYO.archive, "holds no files")


@pytest.mark.parametrize(
    "name", ["../outside.fits", "/tmp/outside.fits", "a/../../outside.fits", "C:\\outside.fits"]
)
def test_member_outside_the_folder_is_refused(tmp_path, records, name):
    records.publish(CRYO, archive_of({**CRYO_FILES, name: b"evil"}))
    assert_refused(tmp_path, CRYO.archive, repr(name), "outside the folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, records, kind):
    member = tarfile.TarInfo("example-cryo-LFC/link.fits")
    member.type, member.linkname = kind, "ccd.001.0.fits"
    records.publish(CRYO, archive_of(CRYO_FILES, [member]))
    assert_refused(tmp_path, CRYO.archive, "link.fits", "a link or a device")


def test_nothing_is_unpacked_through_a_link(tmp_path, both):
    (tmp_path / "raw" / "unpacked").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / WORKSHOP_NAME).symlink_to(tmp_path / "raw")
    with pytest.raises(OutputError, match="is a link"):
        download(tmp_path / "here")
    assert (tmp_path / "raw" / "unpacked").is_dir()
