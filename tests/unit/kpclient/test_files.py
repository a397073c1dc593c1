"""Small files that survive a crash, and that nobody else can read."""

from functools import partial
from pathlib import Path

import pytest

from kpclient.errors import UsageError
from kpclient.files import (
    TooOpenError,
    UnreadableError,
    UnwritableError,
    check_destination,
    check_private,
    make_private_directory,
    read_bounded,
    write_durably,
    write_public,
)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_durably(path, b"content", replace=False)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"content", 0o600)
    assert names_in(tmp_path) == ["one"]


def test_a_file_that_exists_is_not_overwritten_unless_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_durably(path, b"old", replace=False)
    with pytest.raises(FileExistsError):
        write_durably(path, b"new", replace=False)
    assert path.read_bytes() == b"old"
    write_durably(path, b"new", replace=True)
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["one"]


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "home" / "keys")
    assert (tmp_path / "home" / "keys").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o704, 0o777])
def test_a_directory_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    with pytest.raises(TooOpenError) as caught:
        make_private_directory(home)
    assert caught.value.path == home
    assert f"(mode {mode:o}); close it with: chmod 700 {home}" in str(caught.value)


def test_a_file_open_to_others_is_refused_with_the_way_to_close_it(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"")
    path.chmod(0o640)
    with pytest.raises(TooOpenError, match=f"chmod 600 {path}"):
        check_private(path)


def test_no_more_is_read_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"12345")
    assert read_bounded(path, max_bytes=5) == b"12345"
    with pytest.raises(UnreadableError, match="more than 4 bytes"):
        read_bounded(path, max_bytes=4)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file") as caught:
        read_bounded(tmp_path / "none", max_bytes=1)
    assert caught.value.path == tmp_path / "none"


def test_where_nothing_can_be_written_the_file_that_was_wanted_is_named(tmp_path: Path) -> None:
    wanted = tmp_path / "none" / "one"
    for write in (partial(write_durably, replace=True), write_public):
        with pytest.raises(UnwritableError) as caught:
            write(wanted, b"")
        assert str(caught.value) == f"{wanted} cannot be written: No such file or directory"


def test_a_directory_may_be_made_with_those_above_it(tmp_path: Path) -> None:
    wanted = tmp_path / "none" / "one"
    check_destination("--csv", wanted, parents=True)
    with pytest.raises(UsageError, match="cannot be written"):
        check_destination("--out", wanted)


def test_a_public_file_is_written_and_nothing_beside_it_is_touched(tmp_path: Path) -> None:
    beside = tmp_path / ".one.new"
    beside.write_bytes(b"kept")
    write_public(tmp_path / "one", b"content")
    assert beside.read_bytes() == b"kept"
    assert (tmp_path / "one").read_bytes() == b"content"
    assert names_in(tmp_path) == [".one.new", "one"]
