"""A copied directory is read without changing it; damage is found where it is."""

import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import plyvel
import pytest
from copied import BLOCKS, LAST, find_file, payload, write_genesis, write_node
from leveldb_files import copy_directory, record_ends
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.errors import UsageError
from kpclient.replay.children import MEMORY_BYTES
from kpclient.replay.copied_chain import (
    LARGEST_FILE_BYTES,
    ChainUnavailableError,
    CopiedChain,
    StoredBlock,
    UnreadableBlock,
)
from kpledger.log import layout
from kpledger.log.layout import MAX_STORED_BYTES

CHECKSUM = "Corruption: checksum mismatch"
BLOCK_CHECKSUM = "Corruption: block checksum mismatch"


def with_flipped_byte(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :]


def positions_inside(content: bytes, height: int) -> list[int]:
    """Return some places of a payload in a file: its first bytes, its middle, its last."""
    start = content.index(payload(height)[:20])
    length = min(len(payload(height)), 20_000)
    return sorted({start, start + 1, start + length // 2, start + length - 1})


def snapshot(directory: Path) -> dict[Path, tuple[bytes, int]]:
    """Return content and time of change of every file."""
    return {
        file: (file.read_bytes(), file.stat().st_mtime_ns)
        for file in directory.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("inside", ["", layout.DATABASE_DIRECTORY])
def test_whole_copy_is_read_from_the_first_block_to_the_last(
    tmp_path: Path, inside: str, *, compact: bool
) -> None:
    copy = CopiedChain(write_node(tmp_path / "node", compact=compact) / inside)
    assert list(copy) == BLOCKS
    assert list(copy) == BLOCKS


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("damaged", [False, True])
def test_reading_changes_nothing(tmp_path: Path, *, compact: bool, damaged: bool) -> None:
    node = write_node(tmp_path / "node", compact=compact)
    if damaged:
        for name in ("*.log", "MANIFEST-*"):
            file = find_file(node, name)
            content = file.read_bytes()
            file.write_bytes(with_flipped_byte(content, len(content) // 2) if content else b"")
    before = snapshot(tmp_path)
    with suppress(ChainUnavailableError):
        list(CopiedChain(node))
    assert snapshot(tmp_path) == before


def test_scratch_is_removed_also_when_reading_stops_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    blocks = iter(CopiedChain(write_node(tmp_path / "node")))
    assert next(blocks) == BLOCKS[0]
    assert len(list(scratch.iterdir())) == 1
    del blocks
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("height", [1, 2, 17, 29, 30, 31, 59, 60])
def test_byte_changed_in_a_table_is_returned_as_it_is(tmp_path: Path, height: int) -> None:
    node = write_node(tmp_path / "node", compact=True)
    table = find_file(node, "*.ldb")
    whole = table.read_bytes()
    for position in positions_inside(whole, height):
        table.write_bytes(with_flipped_byte(whole, position))
        changed = with_flipped_byte(
            BLOCKS[height - 1].stored, 10 + position - whole.index(payload(height)[:20])
        )
        expected = list(BLOCKS)
        expected[height - 1] = StoredBlock(height, changed)
        read = iter(CopiedChain(node))
        assert [next(read) for _ in expected] == expected
        # All blocks were read, and there is no trace of another.
        with pytest.raises(ChainUnavailableError, match=BLOCK_CHECKSUM):
            next(read)


@pytest.mark.parametrize("height", [1, 2, 17, 29, 30, 31, 59, 60])
def test_byte_changed_in_the_log_makes_its_block_the_first_bad_one(
    tmp_path: Path, height: int
) -> None:
    node = write_node(tmp_path / "node")
    log = find_file(node, "*.log")
    whole = log.read_bytes()
    for position in positions_inside(whole, height):
        log.write_bytes(with_flipped_byte(whole, position))
        expected = [*BLOCKS[: height - 1], UnreadableBlock(height, CHECKSUM)]
        assert list(CopiedChain(node)) == expected


def test_byte_changed_in_a_batch_of_the_log_makes_its_first_block_the_first_bad_one(
    tmp_path: Path,
) -> None:
    """LevelDB keeps or drops a batch as a whole."""
    node = write_node(tmp_path / "node", batch=4)
    log = find_file(node, "*.log")
    whole = log.read_bytes()
    for height in (1, 4, 23, 24, 57, 60):
        log.write_bytes(with_flipped_byte(whole, whole.index(payload(height)[:20])))
        first = height - (height - 1) % 4
        expected = [*BLOCKS[: first - 1], UnreadableBlock(first, CHECKSUM)]
        assert list(CopiedChain(node)) == expected


def test_log_cut_off_anywhere_is_a_shorter_chain(tmp_path: Path) -> None:
    node = write_node(tmp_path / "node")
    log = find_file(node, "*.log")
    whole = log.read_bytes()
    founded = whole.index(layout.FORMAT_KEY) + len(layout.FORMAT_KEY) + 2
    lengths = []
    for cut in range(founded, len(whole) + 1, len(whole) // 30):
        log.write_bytes(whole[:cut])
        blocks = list(CopiedChain(node))
        assert blocks == BLOCKS[: len(blocks)]
        lengths.append(len(blocks))
    assert lengths[0] == 0
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 15


def test_missing_block_is_reported_with_its_height(tmp_path: Path) -> None:
    node = write_node(tmp_path / "node")
    with plyvel.DB(str(node / layout.DATABASE_DIRECTORY)) as database:
        database.delete(layout.block_key(7))
    why = "it is missing, and later ones are there"
    assert list(CopiedChain(node)) == [*BLOCKS[:6], UnreadableBlock(7, why)]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("MANIFEST-*", "Corruption: no meta-nextfile entry in descriptor"),
        ("CURRENT", "Corruption: CURRENT file does not end with newline"),
        ("*.ldb", "{file} cannot be read: it is empty"),
    ],
)
@pytest.mark.parametrize("kept", [0, 5, 10])
def test_database_that_cannot_be_read_at_all_decides_nothing(
    tmp_path: Path, name: str, why: str, kept: int
) -> None:
    """As a copy is left behind on a full disk; what says how files belong together says no more."""
    node = write_node(tmp_path / "node", compact=True)
    file = find_file(node, name)
    file.write_bytes(file.read_bytes()[:kept])
    why = "ledger cannot be read" if kept and name == "*.ldb" else why.format(file=file)
    assert why in unavailable(node)


def unavailable(node: Path) -> str:
    """Read a copy that cannot be read; gives what is said of it."""
    with pytest.raises(ChainUnavailableError) as caught:
        list(CopiedChain(node))
    return str(caught.value)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give copies of one database at rest, before and after LevelDB wrote its log into a table."""
    place = tmp_path_factory.mktemp("moments")
    node = write_node(place / "node")
    before, after = place / "before", place / "after"
    copy_directory(node / layout.DATABASE_DIRECTORY, before)
    with plyvel.DB(str(node / layout.DATABASE_DIRECTORY)) as database:
        for block in BLOCKS[:9]:
            height = LAST + block.height
            database.put(layout.block_key(height), block.stored)
    copy_directory(node / layout.DATABASE_DIRECTORY, after)
    return before, after


@pytest.mark.parametrize(
    "names",
    [{"*.log"}, {"CURRENT", "MANIFEST-*"}, {"*.log", "*.ldb"}],
    ids=lambda names: " ".join(sorted(names)),
)
@pytest.mark.parametrize("older", [True, False])
def test_files_of_two_moments_decide_nothing(
    tmp_path: Path, moments: tuple[Path, Path], names: set[str], *, older: bool
) -> None:
    """Of all files but the named ones a copy was made at one moment, of those at another."""
    all_names = {"*.log", "CURRENT", "MANIFEST-*", "*.ldb"}
    first, second = moments if older else reversed(moments)
    torn = tmp_path / layout.DATABASE_DIRECTORY
    torn.mkdir()
    for source, patterns in ((first, names), (second, all_names - names)):
        for file in (one for pattern in patterns for one in source.glob(pattern)):
            (torn / file.name).write_bytes(file.read_bytes())
    told = unavailable(tmp_path)
    assert "copy the whole directory again" in told


def test_writes_that_are_missing_before_a_log_decide_nothing(
    tmp_path: Path, moments: tuple[Path, Path]
) -> None:
    """The older log was copied before its last writes came, and the newer one is there as well."""
    before, after = moments
    torn = copy_directory(before, tmp_path / layout.DATABASE_DIRECTORY)
    log = find_file(tmp_path, "*.log")
    log.write_bytes(log.read_bytes()[: record_ends(log.read_bytes())[20]])
    (newer,) = after.glob("*.log")
    (torn / newer.name).write_bytes(newer.read_bytes())
    told = unavailable(tmp_path)
    assert f"are missing before log {newer.stem}" in told
    read = iter(CopiedChain(tmp_path))
    assert [next(read) for _ in range(10)] == BLOCKS[:10]
    with pytest.raises(ChainUnavailableError):
        list(read)


def test_each_moment_by_itself_is_a_whole_copy(moments: tuple[Path, Path]) -> None:
    before, after = moments
    assert list(CopiedChain(before)) == BLOCKS
    assert [one.height for one in CopiedChain(after)] == [*range(1, LAST + 10)]


def test_lost_table_is_no_clean_end(tmp_path: Path) -> None:
    node = write_node(tmp_path / "node", compact=True)
    find_file(node, "*.ldb").unlink()
    assert "Corruption: 1 missing files; e.g.: " in unavailable(node)


@pytest.mark.parametrize("name", ["*.log", "CURRENT", "MANIFEST-*"])
def test_lost_record_is_no_empty_chain(tmp_path: Path, name: str) -> None:
    node = write_node(tmp_path / "node")
    find_file(node, name).unlink()
    assert "copy the whole directory again" in unavailable(node)


def replace_by_link(file: Path) -> None:
    kept = file.with_name("kept")
    file.rename(kept)
    file.symlink_to(kept)


def replace_by_device(file: Path) -> None:
    file.unlink()
    os.mknod(file, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def replace_by_socket(file: Path) -> None:
    file.unlink()
    os.mknod(file, 0o600 | stat.S_IFSOCK)


def replace_by_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def replace_by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def make_huge(file: Path) -> None:
    os.truncate(file, LARGEST_FILE_BYTES + 1)


@pytest.mark.parametrize("name", ["*.ldb", "*.log", "CURRENT", "MANIFEST-*"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (replace_by_link, "it is a link"),
        (replace_by_pipe, "it is a named pipe, not a regular file"),
        (replace_by_directory, "it is a directory, not a regular file"),
        (replace_by_socket, "it is a socket, not a regular file"),
        (replace_by_device, "it is a device, not a regular file"),
        (make_huge, "no node writes more than"),
    ],
)
def test_what_no_node_writes_is_not_opened_and_not_copied(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], said: str
) -> None:
    node = write_node(tmp_path / "node", compact=True)
    file = find_file(node, name)
    try:
        spoil(file)
    except PermissionError:
        pytest.skip("only root makes devices")
    told = unavailable(node)
    assert (str(file) in told, said in told) == (True, True)


def test_many_records_are_not_copied(tmp_path: Path) -> None:
    node = write_node(tmp_path / "node", compact=True)
    for number in range(900, 906):
        file = node / layout.DATABASE_DIRECTORY / f"{number:06}.log"
        file.touch()
        os.truncate(file, LARGEST_FILE_BYTES)
    assert "bytes to copy" in unavailable(node)


def test_manifest_in_another_directory_is_not_read(tmp_path: Path) -> None:
    node = write_node(tmp_path / "node", compact=True)
    find_file(node, "CURRENT").write_bytes(b"../../../../../../../dev/zero\n")
    assert "CURRENT cannot be read: it names a file in another directory" in unavailable(node)


@pytest.mark.parametrize("words", [("audit",), ("list",), ("flags",), ("books", "-o", "b")])
def test_without_leveldb_a_copy_is_not_read_and_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    node = write_node(tmp_path / "node")
    genesis = write_genesis(tmp_path)
    monkeypatch.setitem(sys.modules, "plyvel", None)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*words, "--genesis", str(genesis), "--copy", str(node)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "LevelDB, which is not installed: pip install '.[copy]'" in result.stderr
    assert "libleveldb-dev" in result.stderr


def test_database_that_is_only_a_link_is_refused(tmp_path: Path) -> None:
    write_node(tmp_path / "node")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / layout.DATABASE_DIRECTORY).symlink_to(tmp_path / "node" / layout.DATABASE_DIRECTORY)
    with pytest.raises(ChainUnavailableError, match="is a link"):
        CopiedChain(linked)


def write_large(directory: Path, size: int) -> Path:
    """Write a copy with a block of so many bytes that compress well, in a table."""
    database_directory = directory / layout.DATABASE_DIRECTORY
    database_directory.mkdir(parents=True)
    with plyvel.DB(str(database_directory), create_if_missing=True) as database:
        database.put(layout.FORMAT_KEY, layout.STORE_FORMAT)
        database.put(layout.block_key(1), BLOCKS[0].stored)
        database.put(layout.block_key(2), bytes(size))
        database.compact_range()
    for file in database_directory.glob("*.log"):
        os.truncate(file, 0)
    return directory


def spoil(content: bytes, start: int, end: int) -> bytes:
    return content[:start] + bytes(end - start) + content[end:]


@pytest.mark.parametrize("place", ["state", "index", "checksum"])
def test_damage_behind_the_last_block_accuses_nobody(tmp_path: Path, place: str) -> None:
    """All blocks are there, and nothing says that there was another one."""
    node = write_node(tmp_path / "node", compact=True)
    table = find_file(node, "*.ldb")
    whole = table.read_bytes()
    after = whole.index(payload(LAST)) + len(payload(LAST))
    start = {"state": after + 30, "index": len(whole) - 100, "checksum": len(whole) - 52}[place]
    table.write_bytes(spoil(whole, start, start + 4))
    read = iter(CopiedChain(node))
    assert [next(read) for _ in BLOCKS] == BLOCKS
    with pytest.raises(ChainUnavailableError, match="copy the whole directory again"):
        list(read)


@pytest.mark.parametrize("height", [2, 31, 50])
def test_damage_among_the_blocks_is_found_at_the_first_that_is_lost(
    tmp_path: Path, height: int
) -> None:
    node = write_node(tmp_path / "node", compact=True)
    table = find_file(node, "*.ldb")
    whole = table.read_bytes()
    start = whole.index(payload(height)[:20])
    table.write_bytes(spoil(whole, start, start + 9000))
    *_, last = CopiedChain(node)
    assert isinstance(last, UnreadableBlock)
    assert height - 3 <= last.height <= height + 9  # a table's block holds some of them


def test_block_larger_than_any_is_unreadable(tmp_path: Path) -> None:
    blocks = list(CopiedChain(write_large(tmp_path, MAX_STORED_BYTES + 1)))
    why = f"it has {MAX_STORED_BYTES + 1} bytes, more than any entry"
    assert blocks == [BLOCKS[0], UnreadableBlock(2, why)]


def test_block_that_unfolds_to_more_than_the_memory_ends_the_reader_alone(tmp_path: Path) -> None:
    told = unavailable(write_large(tmp_path, MEMORY_BYTES))
    assert "has ended" in told or "more memory" in told


@pytest.mark.parametrize("compact", [False, True])
def test_changed_byte_anywhere_is_shown(tmp_path: Path, *, compact: bool) -> None:
    """Wherever the byte, a chain that is not as it was written does not look like a whole one."""
    node = write_node(tmp_path / "node", compact=compact)
    for file in sorted((node / layout.DATABASE_DIRECTORY).iterdir()):
        whole = file.read_bytes()
        for position in range(0, len(whole), max(1, len(whole) // 6)):
            file.write_bytes(with_flipped_byte(whole, position))
            try:
                blocks = list(CopiedChain(node))
            except ChainUnavailableError:
                continue  # another file is named than the one that is there
            assert blocks == BLOCKS or is_damage_shown(blocks)
        file.write_bytes(whole)


def is_damage_shown(blocks: list[StoredBlock | UnreadableBlock]) -> bool:
    *stored, last = blocks
    heights = [block.height for block in blocks]
    return (
        isinstance(last, UnreadableBlock)
        and all(isinstance(block, StoredBlock) for block in stored)
        and heights == list(range(1, len(blocks) + 1))
    )


@pytest.mark.parametrize("content", [None, "node.toml", "node.log", "MANIFEST-of-goods"])
def test_directory_without_a_database_is_refused(tmp_path: Path, content: str | None) -> None:
    directory = tmp_path / "node"
    if content is not None:
        directory.mkdir()
        (directory / content).write_text("")
    with pytest.raises(UsageError) as caught:
        CopiedChain(directory)
    assert (caught.value.field, caught.value.problem) == (
        "--copy",
        f"there is no database of a node in {directory / 'ledger'}, nor in {directory} itself",
    )
