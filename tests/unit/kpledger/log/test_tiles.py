"""Tiles are where C2SP puts them, and all that the tree says follows from them."""

from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import given, strategies as st
from naive import trees

from kpledger.base.errors import MalformedError, OversizedError
from kpledger.base.hashing import EMPTY_ROOT, Digest, hash_leaf
from kpledger.log.merkle import TreeOrderError, TreeSize, prove_consistency, prove_inclusion
from kpledger.log.tiles import (
    MAX_ENTRY_BYTES,
    Tile,
    TiledTree,
    encode_bundle,
    format_tile_path,
    parse_tile_path,
)
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES

LARGEST = 70_000
LEAVES = tuple(hash_leaf(b"event-%d" % number) for number in range(LARGEST))


class KeptTiles:
    """The hashes of a tree of some size, each calculated as the specification defines it."""

    levels: ClassVar[dict[int, list[Digest]]] = {0: list(LEAVES)}

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, level: int, start: int, end: int) -> Sequence[Digest]:
        assert 0 <= start <= end <= self.size >> 8 * level, "read beyond what is there"
        for upper in range(1, level + 1):
            if upper not in self.levels:
                below = self.levels[upper - 1]
                self.levels[upper] = [
                    Digest(trees.root(below[first : first + 256]))
                    for first in range(0, len(below) - 255, 256)
                ]
        return self.levels[level][start:end]


def _tree(size: int) -> TiledTree:
    return TiledTree(KeptTiles(size), TreeSize(size))


@pytest.mark.parametrize(
    ("text", "tile"),
    [
        ("0/005", Tile(0, 5)),
        ("0/x001/000", Tile(0, 1000)),
        ("7/x001/x234/067", Tile(7, 1_234_067)),
        ("0/x001/x234/067.p/8", Tile(0, 1_234_067, 8)),
        ("0/000.p/1", Tile(0, 0, 1)),
        ("63/999.p/255", Tile(63, 999, 255)),
    ],
)
def test_path_is_read_and_written(text: str, tile: Tile) -> None:
    assert parse_tile_path(text, is_entries=False) == tile
    assert format_tile_path(tile, is_entries=False) == text


def test_path_of_a_bundle_has_no_level() -> None:
    tile = Tile(0, 1_234_067, 8)
    assert parse_tile_path("x001/x234/067.p/8", is_entries=True) == tile
    assert format_tile_path(tile, is_entries=True) == "x001/x234/067.p/8"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0/",
        "0/5",
        "0/0005",
        "0/X001/000",
        "0/001/000",
        "0/x001",
        "0/x000/001",
        "0/x001/x000",
        "00/000",
        "64/000",
        "-1/000",
        "0/000.p/0",
        "0/000.p/01",
        "0/000.p/256",
        "0/000.p/999",
        "0/000.p/",
        "0/000.p",
        "0/000/",
        "0/000\n",
        " 0/000",
        "0/000?x",
        "0/\u0660\u0660\u0660",
        "000",
        "8/0/000",
        "0/../000",
        "0/" + "x999/" * 7 + "999",
        "data/000",
    ],
)
def test_other_paths_are_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="tile path is malformed"):
        parse_tile_path(text, is_entries=False)


@pytest.mark.parametrize("text", ["0/000", "entries/000", "x000/000", "5"])
def test_other_paths_of_bundles_are_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="tile path is malformed"):
        parse_tile_path(text, is_entries=True)


@given(st.integers(0, 63), st.integers(0, 10**20), st.integers(1, 256), st.booleans())
def test_every_path_reads_back(level: int, index: int, width: int, is_entries: bool) -> None:  # noqa: FBT001
    tile = Tile(0 if is_entries else level, index, width)
    assert (
        parse_tile_path(format_tile_path(tile, is_entries=is_entries), is_entries=is_entries)
        == tile
    )


def test_tiles_of_the_specifications_example() -> None:
    """A tree of 70,000: 273 full and one of 112, one full and one of 17, one of 1."""
    size = TreeSize(70_000)
    for level, full, width in ((0, 273, 112), (1, 1, 17), (2, 0, 1)):
        assert all(Tile(level, index).is_within(size) for index in range(full))
        assert not Tile(level, full).is_within(size)
        assert all(Tile(level, full, some).is_within(size) for some in range(1, width + 1))
        assert not Tile(level, full, width + 1).is_within(size)
    assert not Tile(3, 0, 1).is_within(size)
    assert not Tile(63, 0, 1).is_within(size)


@pytest.mark.parametrize("size", [*range(1, 600), 65_535, 65_536, 65_537, 70_000])
def test_root_follows_from_tiles(size: int) -> None:
    assert _tree(size).root_of(0, size) == trees.root(LEAVES[:size])


@given(st.integers(1, 3000).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new))))
def test_proofs_follow_from_tiles(case: tuple[int, int]) -> None:
    old, new = TreeSize(case[0]), TreeSize(case[1])
    root_of, leaves = _tree(new).root_of, LEAVES[:new]
    assert list(prove_inclusion(root_of, old - 1, new)) == trees.path(old - 1, leaves)
    assert list(prove_consistency(root_of, old, new)) == trees.proof(old, leaves)


@pytest.mark.parametrize("old", [1, 65_535, 65_536, 65_537, 69_999])
def test_proofs_follow_from_tiles_of_three_levels(old: int) -> None:
    root_of = _tree(LARGEST).root_of
    size = TreeSize(LARGEST)
    assert list(prove_inclusion(root_of, old, size)) == trees.path(old, LEAVES)
    assert list(prove_consistency(root_of, TreeSize(old), size)) == trees.proof(old, LEAVES)


def test_tree_that_is_larger_still_is_read_where_it_is_kept() -> None:
    """A reader may have more than the tree: a node proves in trees of the past as well."""
    tree = TiledTree(KeptTiles(LARGEST), TreeSize(700))
    assert tree.root_of(0, 700) == trees.root(LEAVES[:700])


def test_empty_tree_needs_no_tile() -> None:
    assert _tree(0).root_of(0, 0) == EMPTY_ROOT


@pytest.mark.parametrize(("start", "end"), [(0, 11), (-1, 5), (5, 4), (1, 3), (2, 6), (4, 9)])
def test_leaves_that_are_no_subtree_are_refused(start: int, end: int) -> None:
    with pytest.raises(TreeOrderError, match=f"leaves {start} to {end} are no subtree"):
        _tree(10).root_of(start, end)


def test_bundle_of_the_worked_example() -> None:
    assert encode_bundle([b"event-0", b"", b"event-1"]).hex() == (
        "00076576656e742d30000000076576656e742d31"
    )


def test_largest_envelope_goes_into_a_bundle_and_nothing_longer_than_that_may() -> None:
    assert MAX_ENVELOPE_BYTES <= MAX_ENTRY_BYTES
    assert encode_bundle([bytes(MAX_ENTRY_BYTES)])[:2] == b"\xff\xff"
    with pytest.raises(OversizedError, match="entry has 65536 bytes, the limit is 65535"):
        encode_bundle([b"", bytes(MAX_ENTRY_BYTES + 1)])
