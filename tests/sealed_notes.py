"""Checkpoints that the nodes of :mod:`founding` have signed and cosigned."""

from cosigned import cosign
from founding import make_genesis, signing_key

from kpledger.log.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from kpledger.log.note import Note

ORIGIN = make_genesis().file.origin
NOW_S = 1_790_000_000


def sign(checkpoint: Checkpoint, *nodes: str, by: str = "bw-1", time_s: int = NOW_S) -> Note:
    """Let a voter sign as the log, and nodes cosign."""
    log = sign_checkpoint(checkpoint, key=signing_key(f"{by}/consensus"))
    return Note(
        format_checkpoint(checkpoint), (log, *(cosign(checkpoint, node, time_s) for node in nodes))
    )
