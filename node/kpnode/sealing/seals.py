"""What a node needs to seal checkpoints."""

from dataclasses import dataclass

from kpledger.base.keys import SigningKey
from kpnode.sealing.cosigner import OwnCosigner
from kpnode.sealing.published import PublishedCheckpoints


@dataclass(frozen=True, slots=True)
class Seals:
    """What a node cosigns, and what is signed."""

    cosigner: OwnCosigner
    published: PublishedCheckpoints
    log_key: SigningKey | None
    """With which the node signs as the log; None if it does not vote."""
