"""Go's packages for transparency logs accept ours, and refuse it with one bit changed anywhere."""

import asyncio
import json
import random
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import aiohttp
import pytest
from cosigned import cosign, found_with_voters
from founding import signing_key
from network import GLANCE_S, PATIENCE_S, running_network

from kpledger.api.routes import MSGPACK_TYPE
from kpledger.base.hashing import Digest, hash_leaf
from kpledger.log.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint, sign_checkpoint
from kpledger.log.genesis import parse_genesis
from kpledger.log.merkle import TreeSize, compute_root, prove_consistency, prove_inclusion
from kpledger.log.note import Note, format_note, parse_note
from kpledger.log.policy import format_policy, policy_of
from kpledger.log.receipt import Receipt, format_receipt, parse_receipt
from kpledger.log.tiles import (
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    Tile,
    TiledTree,
    encode_bundle,
    format_tile_path,
)
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent

pytestmark = pytest.mark.slow

GENESIS = found_with_voters(4)
SEALERS = GENESIS.file.voters[1:]
SIZES = (*range(1, 701), 65_535, 65_536, 65_537, 70_000)
SMALL = (1, 5)
"""Of these every bit is flipped; of the others some in every file."""
LARGE = (255, 256, 257, 700, 65_536, 70_000)
FILES_A_KIND, FLIPS_A_FILE = 3, 4


class Log:
    """A log in files, as any web server could give them out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._random = random.Random(13)
        self.entries = [self._random.randbytes(20 + number % 60) for number in range(SIZES[-1])]
        self.entries[3], self.entries[300] = b"", bytes(MAX_ENTRY_BYTES)

    @cached_property
    def _levels(self) -> list[list[Digest]]:
        levels = [[hash_leaf(entry) for entry in self.entries]]
        while len(levels[-1]) >= TILE_WIDTH:
            below = levels[-1]
            ends = range(TILE_WIDTH, len(below) + 1, TILE_WIDTH)
            levels.append([compute_root(below[end - TILE_WIDTH : end]) for end in ends])
        return levels

    def read(self, level: int, start: int, end: int) -> Sequence[Digest]:
        return self._levels[level][start:end]

    def write(self) -> None:
        self._write("policy", format_policy(policy_of(GENESIS)))
        for number in SIZES:
            size = TreeSize(number)
            for tile in tiles_of(size):
                self._write(f"tile/{format_tile_path(tile, is_entries=False)}", self._hashes(tile))
                if tile.level == 0:
                    bundle = encode_bundle(self.entries[tile.start : tile.end])
                    path = format_tile_path(tile, is_entries=True)
                    self._write(f"tile/entries/{path}", bundle)
            tree = TiledTree(self, size)
            checkpoint = self._seal(size, tree)
            self._write(f"checkpoints/{size}", checkpoint)
            self._write(f"proofs/{size}", "".join(self._prove(size, tree)).encode())
            index = self._random.randrange(size)
            proof = prove_inclusion(tree.root_of, index, size)
            receipt = Receipt(index, proof, checkpoint, self.entries[index])
            self._write(f"receipts/{size}", format_receipt(receipt))

    def files_of(self, size: int) -> list[list[str]]:
        """Name all files that have to be as they are for the log to hold at that size, by kind."""
        tiles = list(tiles_of(TreeSize(size)))
        kinds = [[f"{kind}/{size}"] for kind in ("checkpoints", "proofs", "receipts")]
        for level in range(tiles[-1].level + 1):
            paths = [format_tile_path(one, is_entries=False) for one in tiles if one.level == level]
            # The last one is the one that is not full: always among those that are drawn.
            kinds += [[f"tile/{path}" for path in paths[:-1]], [f"tile/{paths[-1]}"]]
        bundles = [format_tile_path(one, is_entries=True) for one in tiles if one.level == 0]
        kinds += [
            [f"tile/entries/{path}" for path in bundles[:-1]],
            [f"tile/entries/{bundles[-1]}"],
        ]
        return kinds

    def _hashes(self, tile: Tile) -> bytes:
        return b"".join(self.read(tile.level, tile.start, tile.end))

    def _seal(self, size: TreeSize, tree: TiledTree) -> bytes:
        checkpoint = Checkpoint(GENESIS.file.origin, size, tree.root_of(0, size))
        lines = [sign_checkpoint(checkpoint, key=signing_key("za-1/consensus"))]
        lines += [cosign(checkpoint, node) for node in SEALERS]
        return format_note(Note(format_checkpoint(checkpoint), tuple(lines)))

    def _prove(self, size: TreeSize, tree: TiledTree) -> Iterator[str]:
        indexes = {0, size - 1, self._random.randrange(size)} if size > 40 else range(size)
        for index in indexes:
            path = prove_inclusion(tree.root_of, index, size)
            yield _line("inclusion", index, path)
        for old in {1, size, max(size - 1, 1), self._random.choice(SIZES[: SIZES.index(size) + 1])}:
            path = prove_consistency(tree.root_of, TreeSize(old), size)
            if (self.folder / f"checkpoints/{old}").is_file():
                yield _line("consistency", old, path)

    def _write(self, path: str, data: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _line(kind: str, number: int, path: Iterable[Digest]) -> str:
    return " ".join([kind, str(number), *(b64encode(digest).decode() for digest in path)]) + "\n"


def tiles_of(size: TreeSize) -> Iterator[Tile]:
    """Name the tiles of a tree, level by level."""
    level = 0
    while hashes := size >> 8 * level:
        full, width = divmod(hashes, TILE_WIDTH)
        yield from (Tile(level, index) for index in range(full))
        if width:
            yield Tile(level, full, width)
        level += 1


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    log = Log(tmp_path_factory.mktemp("log"))
    log.write()
    return log


def _ask(checker: Path, folder: Path, cases: Iterable[str]) -> dict[str, str]:
    """Put cases to the program; one process for all of them."""
    asked = list(cases)
    done = subprocess.run(
        [checker, folder],
        input="".join(f"{case}\n" for case in asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    return dict(zip(asked, done.stdout.splitlines(), strict=True))


def _flips(log: Log, size: int) -> Iterator[str]:
    """Draw bits to flip, in files of each kind and level; of a small log take them all."""
    drawn = random.Random(size)
    for kind in log.files_of(size):
        for path in kind if size in SMALL else drawn.sample(kind, min(len(kind), FILES_A_KIND)):
            bits: Sequence[int] = range(8 * (log.folder / path).stat().st_size)
            if size not in SMALL:
                bits = drawn.sample(bits, FLIPS_A_FILE)
            yield from (f"{size} {path} {bit // 8} {bit % 8}" for bit in bits)


def test_logs_of_all_sizes_are_accepted(checker: Path, log: Log) -> None:
    answers = _ask(checker, log.folder, map(str, SIZES))
    assert {size: answer for size, answer in answers.items() if answer != "ok"} == {}


@pytest.mark.parametrize("size", SMALL)
def test_no_bit_of_a_small_log_can_change(checker: Path, log: Log, size: int) -> None:
    answers = _ask(checker, log.folder, _flips(log, size))
    assert len(answers) > 5000
    assert [case for case, answer in answers.items() if answer == "ok"] == []


@pytest.mark.parametrize("size", LARGE)
def test_no_bit_drawn_from_any_file_of_a_log_can_change(checker: Path, log: Log, size: int) -> None:
    answers = _ask(checker, log.folder, _flips(log, size))
    assert len(answers) >= 20
    assert [case for case, answer in answers.items() if answer == "ok"] == []


async def _fetch(session: aiohttp.ClientSession, url: str) -> bytes:
    """Get something; what has not come to that node yet, or is not sealed, is waited for."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with session.get(url) as response:
                if response.status not in (404, 503):
                    assert response.status == 200, await response.text()
                    return await response.read()
            await asyncio.sleep(GLANCE_S)


async def _record(session: aiohttp.ClientSession, api: str, event: bytes) -> None:
    headers = {"Content-Type": MSGPACK_TYPE}
    async with session.post(f"{api}/v1/events", data=event, headers=headers) as response:
        assert response.status == 201, await response.text()


async def _copy_log(
    session: aiohttp.ClientSession, api: str, folder: Path, event: SignedEvent, *, old: int
) -> int:
    """Write what a node serves as files, as the program wants them; gives the size.

    Args:
        session: asks.
        api: the node.
        folder: where the files go.
        event: one that is on the ledger.
        old: a size that was copied before; 0 if none was.
    """
    receipt = parse_receipt(await _fetch(session, f"{api}/v1/receipts/{event.event_id.hex()}"))
    sealed = await _fetch(session, f"{api}/checkpoint")
    size = parse_checkpoint(parse_note(sealed).text).size
    lines = []
    for index in range(size):
        found = json.loads(await _fetch(session, f"{api}/v1/proofs/inclusion?index={index}"))
        lines.append(_line("inclusion", index, map(Digest, map(bytes.fromhex, found["path"]))))
    if old:
        found = json.loads(await _fetch(session, f"{api}/v1/proofs/consistency?from={old}"))
        lines.append(_line("consistency", old, map(Digest, map(bytes.fromhex, found["path"]))))
    files = {f"checkpoints/{size}": sealed, f"proofs/{size}": "".join(lines).encode()}
    for tile in tiles_of(size):
        for kind, path in (
            ("tile", format_tile_path(tile, is_entries=False)),
            ("tile/entries", format_tile_path(tile, is_entries=True)),
        ):
            files[f"{kind}/{path}"] = await _fetch(session, f"{api}/{kind}/{path}")
    files[f"receipts/{size}"] = format_receipt(replace(receipt, extra=event.encoded))
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return size


async def test_log_of_real_nodes_is_accepted(checker: Path, tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "net", "--voters", "3") as network,
        aiohttp.ClientSession() as session,
    ):
        folder = tmp_path / "log"
        folder.mkdir()
        genesis = parse_genesis(network.seen.genesis.read_bytes())
        (folder / "policy").write_bytes(format_policy(policy_of(genesis)))
        first, *_, last = network.seen.nodes
        old = 0
        for count in (3, 8):
            for event in (notes := [network.note() for _ in range(count)]):
                await _record(session, first.api, event)
            size = await _copy_log(session, last.api, folder, decode_envelope(notes[-1]), old=old)
            assert size == old + count
            answers = await asyncio.to_thread(_ask, checker, folder, [str(size)])
            assert answers == {str(size): "ok"}
            old = size
