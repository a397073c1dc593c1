"""Checkpoints of two trees for tests, and the evidence (E10) that two of them are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from founding import make_genesis, signing_key, vary

from kpledger.base.hashing import Digest, hash_leaf
from kpledger.log.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    format_checkpoint,
    sign_checkpoint,
)
from kpledger.log.evidence import SplitView
from kpledger.log.merkle import TreeSize, compute_root, prove_consistency
from kpledger.log.note import Note, NoteSignature, format_note

ORIGIN: Final = make_genesis().file.origin
TRUE_LEAVES: Final = tuple(hash_leaf(b"event %d" % one) for one in range(7))
FALSE_LEAVES: Final = (*TRUE_LEAVES[:2], *(hash_leaf(b"other %d" % one) for one in range(5)))
TIME_S: Final = 1_800_000_000


def tree_of(leaves: Sequence[Digest], *, origin: str = ORIGIN) -> Checkpoint:
    """Give the checkpoint of a tree."""
    return Checkpoint(origin, TreeSize(len(leaves)), compute_root(leaves))


def sign_as_log(tree: Checkpoint, voter: str) -> NoteSignature:
    """Sign a checkpoint with a voter's consensus key."""
    return sign_checkpoint(tree, key=signing_key(f"{voter}/consensus"))


def cosign(tree: Checkpoint, node: str, time_s: int = TIME_S) -> NoteSignature:
    """Cosign a checkpoint with a node's cosigning key."""
    key = signing_key(f"{node}/cosigning")
    return cosign_checkpoint(tree, name=f"{ORIGIN}/{node}", key=key, time_s=time_s)


def write_note(tree: Checkpoint, *lines: NoteSignature) -> str:
    """Write a checkpoint with signatures."""
    return format_note(Note(format_checkpoint(tree), lines)).decode()


def prove_extension(leaves: Sequence[Digest], old_size: int) -> tuple[Digest, ...]:
    """Prove that the tree of these leaves extends that of the first of them."""
    return prove_consistency(
        lambda start, end: compute_root(leaves[start:end]),
        TreeSize(old_size),
        TreeSize(len(leaves)),
    )


def split_views() -> Iterator[tuple[str, SplitView]]:
    """Give some that hold, and some for each reason why one does not."""
    small, large = tree_of(FALSE_LEAVES[:5]), tree_of(TRUE_LEAVES)
    root, path = compute_root(TRUE_LEAVES[:5]), prove_extension(TRUE_LEAVES, 5)
    first = write_note(small, cosign(small, "eu-1"))
    second = write_note(large, cosign(large, "eu-1", TIME_S + 1))
    good = SplitView(first=first, second=second, root=root, path=path)
    yield "good-e10-cosigned", good
    logs = (
        write_note(small, sign_as_log(small, "bw-1")),
        write_note(large, sign_as_log(large, "bw-1")),
    )
    yield "good-e10-signed-by-log", vary(good, first=logs[0], second=logs[1])
    earlier = write_note(large, cosign(large, "eu-1", TIME_S - 1))
    yield "good-e10-larger-one-earlier", vary(good, second=earlier)
    both = [
        write_note(tree, sign_as_log(tree, "bw-1"), cosign(tree, "eu-1"), cosign(tree, "za-1"))
        for tree in (small, large)
    ]
    yield "good-e10-of-three", vary(good, first=both[0], second=both[1])
    pair = sorted((tree_of(TRUE_LEAVES[:5]), small), key=lambda one: one.root)
    one, other = (write_note(tree, cosign(tree, "za-1")) for tree in pair)
    same = SplitView(first=one, second=other, root=pair[1].root)
    yield "good-e10-one-size", same
    yield "e10-one-checkpoint", vary(same, second=one)
    yield "e10-wrong-order", SplitView(first=other, second=one, root=pair[0].root)
    yield "e10-path-needless", vary(same, path=path)
    yield "e10-path-missing", vary(good, path=())
    true = tree_of(TRUE_LEAVES[:5])
    yield "e10-one-tree", vary(good, first=write_note(true, cosign(true, "eu-1")))
    yield "e10-root-of-the-first", vary(good, root=small.root)
    yield "e10-path-of-other-tree", vary(good, path=prove_extension(FALSE_LEAVES, 5))
    empty = tree_of(())
    yield "e10-empty-tree", vary(good, first=write_note(empty, cosign(empty, "eu-1")))
    yield from _with_other_lines(good, small, large)
    yield (
        "e10-two-keys-of-one-node",
        vary(same, first=write_note(pair[0], sign_as_log(pair[0], "za-1"))),
    )


def _with_other_lines(
    good: SplitView, small: Checkpoint, large: Checkpoint
) -> Iterator[tuple[str, SplitView]]:
    yield "e10-two-nodes", vary(good, second=write_note(large, cosign(large, "za-1")))
    yield (
        "e10-line-too-many",
        vary(good, first=write_note(small, cosign(small, "eu-1"), cosign(small, "za-1"))),
    )
    yield (
        "e10-line-twice",
        vary(
            good, first=write_note(small, cosign(small, "eu-1"), cosign(small, "eu-1", TIME_S + 1))
        ),
    )
    yield (
        "e10-lines-in-other-order",
        vary(
            good,
            first=write_note(small, cosign(small, "za-1"), cosign(small, "eu-1")),
        ),
    )
    yield (
        "e10-line-of-a-stranger",
        vary(good, first=write_note(small, replace(cosign(small, "eu-1"), name="x"))),
    )
    yield "e10-bad-signature", vary(good, second=write_note(large, cosign(small, "eu-1")))
    elsewhere = tree_of(TRUE_LEAVES, origin="ledger.example/other")
    yield "e10-other-ledger", vary(good, second=write_note(elsewhere, cosign(elsewhere, "eu-1")))
    yield "e10-not-a-note", vary(good, first="x")
