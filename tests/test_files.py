import errno
import os
import random
from itertools import permutations
from types import SimpleNamespace

import pytest

from darkcal_widgets.errors import FrameError, OutputError
from darkcal_widgets.files import (
    check_results_folder,
    checksum,
    file_state,
    is_frame_name,
    make_results_folder,
    new_checksum,
    replacing,
    result_name,
    sample_checksum,
)


def checksum_of(content):
    value = new_checksum()
    value.update(content)
    return value.hexdigest()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.fits", "a.fits"),
        ("a.fit.gz", "a.fit"),
        ("a.FTS.BZ2", "a.FTS"),
        ("a.fits.fz", "a.fits"),
        ("a.b.fits", "a.b.fits"),
    ],
)
def test_a_result_drops_the_suffix_of_the_compression(name, expected):
    assert result_name(name) == expected
    assert is_frame_name(name)


@pytest.mark.parametrize("name", ["a.txt", "a.gz", "fits", ".a.fits.part", ".hidden.fits", "a.fits.txt"])
def test_other_files_are_no_frames(name):
    assert not is_frame_name(name)


def test_a_failed_write_leaves_only_what_was_there(tmp_path):
    target = tmp_path / "a.fits"
    target.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), replacing(target) as stream:
        stream.write(b"%d" % (1 / 0))
    assert target.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.fits"]


def test_a_new_file_can_be_read_by_those_whom_the_umask_lets(tmp_path):
    with replacing(tmp_path / "a.fits") as stream:
        stream.write(b"whole")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a.fits").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_folder_that_is_gone_is_named(tmp_path):
    with (
        pytest.raises(OutputError, match=r"gone.*cannot be written: No such file"),
        replacing(tmp_path / "gone" / "a.fits"),
    ):
        pass


def test_the_checksum_is_xxh3_of_64_bits(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert checksum(tmp_path / "a") == "2d06800538d394c2"  # the value that its authors give for no bytes


@pytest.mark.parametrize("size", [0, 65535, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_the_checksum_tells_any_byte_that_changed(tmp_path, size):
    content = bytearray(random.Random(size).randbytes(size))
    (tmp_path / "a").write_bytes(content)
    assert checksum(tmp_path / "a") == checksum_of(bytes(content))
    found = {checksum_of(bytes(content))}
    places = range(0, size, max(1, size // 50))
    for place in places:
        content[place] ^= 1
        found.add(checksum_of(bytes(content)))
    assert len(found) == 1 + len(places)


def test_a_sample_tells_exposures_but_not_every_byte(tmp_path):
    path, pixels = tmp_path / "a.fits", random.Random(1).randbytes(1 << 20)
    sums = []
    for content in (pixels, random.Random(2).randbytes(1 << 20), pixels[:-1], pixels):
        path.write_bytes(content)
        sums.append(sample_checksum(path))
    assert (len(set(sums)), sums[0]) == (3, sums[3])
    path.unlink()
    with pytest.raises(FrameError, match=r"a\.fits cannot be read: No such file"):
        sample_checksum(path)


def test_the_checksum_tells_files_whose_parts_changed_places():
    parts = [random.Random(n).randbytes(65536) for n in range(3)]
    orders = [b"".join(order) for order in permutations(parts)]
    assert len({checksum_of(content) for content in orders}) == 6


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "a.fits").write_bytes(b"raw")
    return folder


def test_the_raw_folder_is_refused_under_any_of_its_names(raw, tmp_path):
    (tmp_path / "link").symlink_to(raw)
    for folder in (raw, tmp_path / "link", raw / ".." / "raw"):
        with pytest.raises(OutputError, match="raw data are never modified"):
            check_results_folder(folder, [raw], [folder / "a.fits"], [raw / "a.fits"])


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_result_that_is_a_link_to_a_raw_frame_is_refused(raw, tmp_path, link):
    out = tmp_path / "out"
    out.mkdir()
    link(raw / "a.fits", out / "a.fits")
    with pytest.raises(OutputError, match="would replace the raw frame"):
        check_results_folder(out, [raw], [out / "a.fits"], [raw / "a.fits"])


def test_a_file_is_no_folder_for_results(raw, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="is a file"):
        check_results_folder(tmp_path / "file", [raw], [], [])


def test_a_folder_inside_the_raw_one_is_fine(raw):
    check_results_folder(raw / "reduced", [raw], [raw / "reduced" / "a.fits"], [raw / "a.fits"])


def leftover(folder, name=".a.fits.0123.darkcal-part"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"half")
    return folder / name


def test_what_a_dead_run_has_left_is_removed(tmp_path):
    part = leftover(tmp_path / "out")
    make_results_folder(tmp_path / "out")
    assert not part.exists()


def test_what_a_live_run_is_writing_is_left_alone(tmp_path):
    with replacing(tmp_path / "a.fits") as stream:
        stream.write(b"whole")
        make_results_folder(tmp_path)
    assert (tmp_path / "a.fits").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a.fits"]


def test_only_temporary_files_are_removed(tmp_path):
    raw = tmp_path / "raw.fits"
    raw.write_bytes(b"raw")
    out = leftover(tmp_path / "out").parent
    (out / ".link.darkcal-part").symlink_to(raw)
    (out / ".dir.darkcal-part").mkdir()
    (out / "notes.darkcal-part").write_bytes(b"mine")
    os.mkfifo(out / ".pipe.darkcal-part")  # to open it would wait for ever
    make_results_folder(out)
    assert raw.read_bytes() == b"raw"
    assert {".dir.darkcal-part", "notes.darkcal-part", ".pipe.darkcal-part"} <= set(os.listdir(out))


def test_a_new_file_replaces_nothing_made_meanwhile(tmp_path):
    target = tmp_path / "a.fits"
    with pytest.raises(FileExistsError), replacing(target, expected=None):
        target.write_bytes(b"early")
    assert target.read_bytes() == b"early"
    assert os.listdir(tmp_path) == ["a.fits"]


def test_without_hard_links_a_new_file_is_made_all_the_same(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    with replacing(tmp_path / "a.fits", expected=None) as stream:
        stream.write(b"whole")
    assert os.listdir(tmp_path) == ["a.fits"]


def test_without_hard_links_another_runs_file_is_not_replaced(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(FileExistsError), replacing(tmp_path / "a.fits", expected=None):
        (tmp_path / "a.fits").write_bytes(b"early")
    assert (tmp_path / "a.fits").read_bytes() == b"early"
    assert os.listdir(tmp_path) == ["a.fits"]


def test_only_the_file_that_is_expected_is_replaced(tmp_path):
    target = tmp_path / "a.fits"
    target.write_bytes(b"before")
    seen = file_state(target)
    with replacing(target, expected=seen) as stream:
        stream.write(b"after")
    assert target.read_bytes() == b"after"
    with pytest.raises(FileExistsError), replacing(target, expected=seen):
        pass
    assert target.read_bytes() == b"after"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EDQUOT, "quota exceeded; remove files of yours"),
        (errno.EROFS, "Read-only file system; choose a folder that you may write to"),
        (errno.EIO, "Input/output error; choose another folder"),
    ],
)
def test_a_disk_error_names_file_cause_and_remedy(tmp_path, code, words):
    (tmp_path / "a.fits").write_bytes(b"before")
    with (
        pytest.raises(OutputError, match=f"a.fits cannot be written: .*{words}"),
        replacing(tmp_path / "a.fits"),
    ):
        raise OSError(code, os.strerror(code))
    assert (tmp_path / "a.fits").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.fits"]


def test_the_longest_name_can_be_written(tmp_path):
    name = "ä" * 125 + ".fits"
    with replacing(tmp_path / name) as stream:
        stream.write(b"whole")
    assert os.listdir(tmp_path) == [name]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"file/out.*cannot be made or read: Not a directory"):
        make_results_folder(tmp_path / "file" / "out")


def test_a_file_that_is_gone_has_no_checksum(tmp_path):
    with pytest.raises(FrameError, match=r"a.fits cannot be read: No such file"):
        checksum(tmp_path / "a.fits")


def test_a_temporary_file_is_never_one_that_is_there(tmp_path, monkeypatch):
    (tmp_path / "raw.fits").write_bytes(b"raw")
    (tmp_path / f".a.fits.{'0' * 16}.darkcal-part").symlink_to(tmp_path / "raw.fits")
    words = iter(["0" * 16, "1" * 16])
    monkeypatch.setattr("darkcal_widgets.files.secrets.token_hex", lambda _: next(words))
    with replacing(tmp_path / "a.fits") as stream:
        stream.write(b"result")
    assert (tmp_path / "raw.fits").read_bytes() == b"raw"
    assert (tmp_path / "a.fits").read_bytes() == b"result"


def test_the_raw_folder_is_known_under_any_name(raw, tmp_path, monkeypatch):
    (tmp_path / "OTHER").mkdir()  # in place of letters of another case, or of a second mount
    monkeypatch.setattr(os.path, "samefile", lambda one, other: {one.name, other.name} == {"OTHER", raw.name})
    with pytest.raises(OutputError, match="raw data are never modified"):
        check_results_folder(tmp_path / "OTHER", [raw], [], [])


def test_files_of_two_disks_may_have_one_number(tmp_path, monkeypatch):
    for name in ("raw.fits", "result.fits"):
        (tmp_path / name).write_bytes(b"x")
    stat = os.stat

    def of_two_disks(path, **options):
        found = stat(path, **options)
        values = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        own = {"st_ino": 7, "st_mtime_ns": 7, "st_dev": len(os.fspath(path))}
        return SimpleNamespace(**values | own)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", of_two_disks)
        check_results_folder(tmp_path, [], [tmp_path / "result.fits"], [tmp_path / "raw.fits"])
        states = {file_state(tmp_path / name) for name in ("raw.fits", "result.fits")}
    assert len(states) == 2
