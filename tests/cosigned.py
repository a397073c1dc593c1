"""Checkpoints that voters have cosigned, and receipts of them, without a node."""

from collections.abc import Callable, Iterable, Sequence

from founding import make_genesis_file, signing_key

from kpledger.base.hashing import Digest, hash_leaf
from kpledger.log.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    format_checkpoint,
    sign_checkpoint,
)
from kpledger.log.genesis import Genesis, format_genesis, parse_genesis
from kpledger.log.merkle import TreeSize, compute_root, prove_inclusion
from kpledger.log.note import Note, NoteSignature, format_note
from kpledger.log.receipt import Receipt

SEALED_AT_S = 1_772_452_900


def found_with_voters(count: int) -> Genesis:
    """Give a ledger with as many voters, za-1, za-2 and so on."""
    voters = [f"za-{number}" for number in range(1, count + 1)]
    return parse_genesis(format_genesis(make_genesis_file(nodes=voters, voters=voters)))


def roots_over(entries: Sequence[bytes]) -> Callable[[int, int], Digest]:
    leaves = [hash_leaf(entry) for entry in entries]
    return lambda start, end: compute_root(leaves[start:end])


def checkpoint_over(genesis: Genesis, entries: Sequence[bytes]) -> Checkpoint:
    size = TreeSize(len(entries))
    return Checkpoint(genesis.file.origin, size, roots_over(entries)(0, size))


def cosign(
    checkpoint: Checkpoint, node: str, time_s: int = SEALED_AT_S, *, key: str = ""
) -> NoteSignature:
    name = f"{checkpoint.origin}/{node}"
    signer = signing_key(key or f"{node}/cosigning")
    return cosign_checkpoint(checkpoint, name=name, key=signer, time_s=time_s)


def seal(
    genesis: Genesis,
    entries: Sequence[bytes],
    cosigners: Iterable[str],
    *,
    leader: str = "",
    others: Iterable[NoteSignature] = (),
) -> bytes:
    """Give a checkpoint that a leader has signed and others have cosigned."""
    checkpoint = checkpoint_over(genesis, entries)
    leader = leader or genesis.file.voters[0]
    signatures = [sign_checkpoint(checkpoint, key=signing_key(f"{leader}/consensus"))]
    signatures += [cosign(checkpoint, node) for node in cosigners]
    return format_note(Note(format_checkpoint(checkpoint), (*signatures, *others)))


def receive(entries: Sequence[bytes], index: int, checkpoint: bytes) -> Receipt:
    """Give the receipt of an entry, with the entry in it."""
    path = prove_inclusion(roots_over(entries), index, TreeSize(len(entries)))
    return Receipt(index, path, checkpoint, entries[index])
