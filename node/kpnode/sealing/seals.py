"""What a node needs to seal checkpoints."""

from dataclasses import dataclass

from kpnode.sealing.cosigner import OwnCosigner
from kpnode.sealing.published import PublishedCheckpoints


@dataclass(frozen=True, slots=True)
class Seals:
    """What a node cosigns, and what is signed."""

    cosigner: OwnCosigner
    published: PublishedCheckpoints
