"""The cosigner: what it cosigns, what never, and what it knows of that after a start."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from founding import make_genesis, signing_key
from fullness import files_limited_to
from single_engine import World, key_added

from kpledger.base.hashing import EMPTY_ROOT, hash_leaf
from kpledger.log import layout
from kpledger.log.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    format_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from kpledger.log.merkle import TreeSize, compute_root, prove_consistency
from kpledger.log.note import (
    KeyType,
    Note,
    NoteKey,
    NoteSignature,
    format_note,
    identify_signers,
    parse_note,
)
from kpledger.log.policy import policy_of
from kpledger.log.witnessing import AddCheckpoint, WitnessError
from kpnode.errors import SetupError
from kpnode.sealing.cosigner import NotYetError, OwnCosigner
from kpnode.sealing.final_tree import FinalTree

GENESIS = make_genesis()
ORIGIN = GENESIS.file.origin
LOGS = policy_of(GENESIS).logs
NAME = f"{ORIGIN}/bw-1"
KEY = signing_key("bw-1/cosigning")
NOTE_KEY = NoteKey(NAME, KeyType.COSIGNATURE, KEY.public_key)
NOW_S = 1_790_000_000


def signed(checkpoint: Checkpoint, by: str = "eu-1") -> Note:
    line = sign_checkpoint(checkpoint, key=signing_key(f"{by}/consensus"))
    return Note(format_checkpoint(checkpoint), (line,))


class Desk:
    """A cosigner that can be started again, and those who ask it."""

    def __init__(self, world: World, file: Path) -> None:
        self.world, self.file = world, file
        self.tree = FinalTree(world.ledger)
        self.cosigner = self.start()

    def start(self) -> OwnCosigner:
        self.cosigner = OwnCosigner(self.file, name=NAME, key=KEY, logs=LOGS, tree=self.tree)
        return self.cosigner

    def grow(self, number: int) -> None:
        """Make one more event final."""
        world = self.world
        world.engine.step([], [key_added(number)])
        world.hear(world.honest.acknowledge(world.end))
        assert FinalTree(world.ledger).newest() is not None

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.world.ledger.tip.tree.size if size is None else size
        root = self.tree.root_at(TreeSize(size))
        assert root is not None
        return Checkpoint(ORIGIN, TreeSize(size), root)

    def ask(
        self, checkpoint: Checkpoint, now_s: int, *, old: int | None = None, by: str = "eu-1"
    ) -> NoteSignature:
        """Ask as the node of that name does, which knows what was cosigned last, or not."""
        last = self.cosigner.newest.size if old is None else TreeSize(old)
        path = self.tree.prove_consistency(last, checkpoint.size) if last < checkpoint.size else ()
        return self.cosigner.cosign(AddCheckpoint(last, path, signed(checkpoint, by)), now_s)

    @property
    def kept(self) -> Checkpoint:
        return parse_checkpoint(parse_note(self.file.read_bytes()).text)


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    desk = Desk(world, tmp_path / "cosigned")
    # As on a node that has cosigned since its ledger began.
    desk.ask(desk.checkpoint(), NOW_S)
    return desk


def test_what_is_final_is_cosigned_and_kept(desk: Desk) -> None:
    desk.grow(1)
    line = desk.ask(desk.checkpoint(), NOW_S + 10)
    (signer,) = identify_signers(Note(format_checkpoint(desk.checkpoint()), (line,)), [NOTE_KEY])
    assert (signer.key, signer.time_s) == (NOTE_KEY, NOW_S + 10)
    assert desk.kept == desk.checkpoint() == desk.cosigner.newest
    assert desk.start().newest == desk.checkpoint()
    assert desk.cosigner.alarm is None


def test_each_cosignature_is_durable_before_it_is_given(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        done.append("file" if Path(f"/proc/self/fd/{descriptor}").resolve().is_file() else "folder")
        sync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        done.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    desk.grow(1)
    done.clear()
    desk.ask(desk.checkpoint(), NOW_S + 10)
    assert done == ["file", "rename", "folder"]


def test_nothing_is_given_that_could_not_be_kept(desk: Desk) -> None:
    before = desk.cosigner.newest
    desk.grow(1)
    with files_limited_to(1), pytest.raises(NotYetError, match="cannot be written"):
        desk.ask(desk.checkpoint(), NOW_S + 10)
    assert desk.kept == desk.cosigner.newest == before
    desk.ask(desk.checkpoint(), NOW_S + 10)
    assert desk.kept == desk.checkpoint()


def test_what_is_not_final_here_is_not_cosigned(desk: Desk) -> None:
    final = desk.checkpoint()
    event = key_added(1)
    desk.world.engine.step([], [event])  # in the log; nobody has acknowledged it
    top = desk.world.machine.top.tree
    leaves = [*desk.world.ledger.tree.read(0, 0, final.size), hash_leaf(event.encoded)]
    assert compute_root(leaves) == top.root()
    path = prove_consistency(
        lambda start, end: compute_root(leaves[start:end]), final.size, top.size
    )
    asked = AddCheckpoint(final.size, path, signed(Checkpoint(ORIGIN, top.size, top.root())))
    with pytest.raises(NotYetError, match="size 4 is not final at"):
        desk.cosigner.cosign(asked, NOW_S + 10)
    assert desk.kept == desk.cosigner.newest == final
    desk.world.hear(desk.world.honest.acknowledge(desk.world.end))
    desk.cosigner.cosign(asked, NOW_S + 10)
    assert desk.kept.size == top.size


def test_another_tree_is_not_cosigned_although_its_proof_holds(desk: Desk) -> None:
    final = desk.checkpoint()
    desk.grow(1)
    leaves = [*desk.world.ledger.tree.read(0, 0, final.size), hash_leaf(b"another event")]
    size, root = TreeSize(final.size + 1), compute_root(leaves)
    path = prove_consistency(lambda start, end: compute_root(leaves[start:end]), final.size, size)
    with pytest.raises(WitnessError, match="the root at size 4 is") as caught:
        desk.cosigner.cosign(
            AddCheckpoint(final.size, path, signed(Checkpoint(ORIGIN, size, root))), NOW_S + 10
        )
    assert caught.value.status == 422
    assert desk.kept == final


def test_less_than_before_is_not_cosigned(desk: Desk) -> None:
    earlier = desk.checkpoint()
    desk.grow(1)
    desk.ask(desk.checkpoint(), NOW_S + 10)
    for old in (earlier.size, 0):
        with pytest.raises(WitnessError) as caught:
            desk.ask(earlier, NOW_S + 20, old=old)
        assert (caught.value.status, caught.value.size) == (409, 4)
    with pytest.raises(WitnessError) as caught:
        desk.ask(earlier, NOW_S + 20)
    assert caught.value.status == 400
    assert desk.kept == desk.start().newest == desk.checkpoint()


def test_time_does_not_go_back(desk: Desk) -> None:
    desk.grow(1)
    with pytest.raises(NotYetError, match="stands 1 s before the time of its newest cosignature"):
        desk.ask(desk.checkpoint(), NOW_S - 1)
    desk.start()
    with pytest.raises(NotYetError, match="stands 100 s before"):
        desk.ask(desk.checkpoint(), NOW_S - 100)
    desk.ask(desk.checkpoint(), NOW_S)


def test_who_asks_again_at_once_is_given_the_same_and_later_a_newer(desk: Desk) -> None:
    first = desk.ask(desk.checkpoint(), NOW_S + 10)
    inode = desk.file.stat().st_ino
    assert desk.ask(desk.checkpoint(), NOW_S + 12, by="za-1") == first
    assert desk.file.stat().st_ino == inode
    assert desk.ask(desk.checkpoint(), NOW_S + 13) != first


def test_a_checkpoint_that_no_voter_signed_is_refused(desk: Desk) -> None:
    checkpoint, signer = desk.checkpoint(), signing_key("a stranger")
    line = sign_checkpoint(checkpoint, key=signer)
    asked = AddCheckpoint(checkpoint.size, (), Note(format_checkpoint(checkpoint), (line,)))
    with pytest.raises(WitnessError) as caught:
        desk.cosigner.cosign(asked, NOW_S + 10)
    assert caught.value.status == 403


def test_a_new_ledger_begins_without_an_alarm(tmp_path: Path) -> None:
    desk = Desk(World(tmp_path / "another"), tmp_path / "cosigned")
    assert desk.cosigner.newest == Checkpoint(ORIGIN, TreeSize(0), EMPTY_ROOT)
    assert desk.cosigner.alarm is None
    assert desk.start().alarm is None
    desk.world.storage.close()


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-20] ^= 1
    file.write_bytes(data)


def forge(file: Path) -> None:
    """Put what another key has signed in its place."""
    checkpoint = parse_checkpoint(parse_note(file.read_bytes()).text)
    line = cosign_checkpoint(checkpoint, name=NAME, key=signing_key("other"), time_s=NOW_S)
    file.write_bytes(format_note(Note(format_checkpoint(checkpoint), (line,))))


@pytest.mark.parametrize("harm", [remove, cut, flip, forge])
def test_what_is_lost_is_taken_from_what_is_final_and_said(
    desk: Desk, harm: Callable[[Path], None]
) -> None:
    desk.grow(1)
    desk.ask(desk.checkpoint(3), NOW_S + 10)
    harm(desk.file)
    assert desk.start().newest == desk.checkpoint(4)
    assert "goes on from what is final in its ledger" in (desk.cosigner.alarm or "")
    with pytest.raises(WitnessError) as caught:
        desk.ask(desk.checkpoint(3), NOW_S + 20, old=3)
    assert caught.value.status == 409
    desk.ask(desk.checkpoint(4), NOW_S + 20)
    assert desk.start().alarm is None


def test_older_file_that_was_put_back_lets_nothing_less_be_cosigned(desk: Desk) -> None:
    older = desk.file.read_bytes()
    desk.grow(1)
    desk.grow(2)
    desk.ask(desk.checkpoint(5), NOW_S + 10)
    desk.file.write_bytes(older)
    assert desk.start().newest == desk.checkpoint(5)
    with pytest.raises(WitnessError) as caught:
        desk.ask(desk.checkpoint(4), NOW_S + 20, old=3)
    assert (caught.value.status, caught.value.size) == (409, 5)
    desk.ask(desk.checkpoint(5), NOW_S + 20)
    assert desk.kept == desk.checkpoint(5)


def test_where_no_certificate_covers_the_newest_block_nothing_is_final(desk: Desk) -> None:
    assert desk.tree.newest() is not None
    # As after a migration from a version that knew no certificates.
    desk.world.storage._write(deletes=[layout.certificate_key(1)])
    assert desk.tree.newest() is None
    assert desk.tree.root_at(TreeSize(1)) is None


def test_a_file_that_cannot_be_read_is_said_before_anything_is_signed(desk: Desk) -> None:
    desk.file.unlink()
    desk.file.mkdir()
    with pytest.raises(SetupError, match="cannot be read"):
        desk.start()
