"""What can be seen of a ledger: how far it had grown, where that was seen, what is proven of it."""

from collections.abc import Mapping

import msgspec

from kpledger.api.answers import PublicStatusAnswer
from kpledger.base.ids import Digest32
from kpledger.base.units import format_time
from kpledger.log.certificates import CommitCertificate


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a ledger had grown."""

    height: int
    head: Digest32
    tree_size: int
    tree_root: Digest32

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"height {self.height} with head {self.head.hex()}"
            f" and {self.tree_size} events under root {self.tree_root.hex()}"
        )


def position_of(shown: PublicStatusAnswer) -> Position:
    """Give the position that a node claims."""
    return Position(
        height=shown.height,
        head=bytes.fromhex(shown.head),
        tree_size=shown.tree_size,
        tree_root=bytes.fromhex(shown.tree_root),
    )


class Sighting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A position that was verified, and where it was had from."""

    position: Position
    node: str = ""
    """URL of a node, or the directory of a copy; empty where an earlier version kept none."""
    seen_at: int = 0
    """Unix milliseconds, by the clock here."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was proven of a ledger."""

    furthest: Sighting | None = None
    others: tuple[Sighting, ...] = ()
    """Those that could not be connected with it, and those that contradict it."""
    is_forked: bool = False
    """Two of them were found not to be on one chain."""
    certificate: CommitCertificate | None = None
    """Of the highest block, of those that were seen."""

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        """All positions, the furthest first."""
        return self.others if self.furthest is None else (self.furthest, *self.others)

    @property
    def heights(self) -> frozenset[int]:
        """The heights at which a chain has to have the head that was seen."""
        certified = () if self.certificate is None else (self.certificate.index,)
        return frozenset((*(one.position.height for one in self.sightings), *certified))


def is_missing(seen: Position, shown: Position, heads: Mapping[int, bytes]) -> bool:
    """Tell whether a position is not on a chain that ends as shown and has these heads."""
    return heads.get(seen.height, seen.head) != seen.head or contradict(seen, shown)


def contradict(one: Position, other: Position) -> bool:
    """Tell whether no ledger can have had both."""
    older, newer = sorted((one, other), key=lambda position: position.height)
    return (
        (older.height == newer.height and older != newer)
        or (older.tree_size == newer.tree_size and older.tree_root != newer.tree_root)
        or older.tree_size > newer.tree_size
    )


def describe_sighting(sighting: Sighting) -> str:
    """Say what was seen, where and when."""
    when = f" on {format_time(sighting.seen_at)}" if sighting.seen_at else ""
    return f"{sighting.node or 'somebody'} showed {sighting.position}{when}"


def describe_final(certificate: CommitCertificate) -> str:
    """Say which block is final by a certificate, and by whom."""
    signers = ", ".join(one.voter for one in certificate.by)
    return f"block {certificate.index} with head {certificate.head.hex()}, final by {signers},"
