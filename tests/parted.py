"""Two histories of one ledger: its voters' directories were copied, and both went on."""

from collections.abc import Iterable, Sequence

from electing import elect, open_signed_trade
from founding import MemoryLedger, make_certificate, make_event, make_genesis, number_of

from kpledger.base.codec import encode
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import CommittedBlocks
from kpledger.log.heads import VerifiedHeads
from kpledger.log.path import ShownHeader
from kpledger.log.two_histories import Stretch
from kpledger.scheme.v1.events.certificate import CertificateIssued

COMMON = 9
"""Blocks that both histories have."""


def grow(ledger: MemoryLedger, serials: Iterable[int], leader: str = "bw-1") -> MemoryLedger:
    """Issue certificates with these serial numbers, one a block."""
    for serial in serials:
        body = CertificateIssued(certificate=make_certificate(number_of("BW", serial)))
        ledger.record(make_event("BW/gaborone", body), leader=leader)
    return ledger


def begin(blocks: int = COMMON) -> MemoryLedger:
    """Give what both histories begin with."""
    ledger = open_signed_trade()
    return grow(ledger, range(1, blocks - ledger.tip.height + 1))


def go_on(blocks: int) -> MemoryLedger:
    """Give the history in which the leader of term 1 goes on."""
    return grow(begin(), range(100, 100 + blocks))


def go_on_elsewhere(blocks: int, voters: Sequence[str] = ("eu-1", "za-1")) -> MemoryLedger:
    """Give the history in which these voters elect eu-1; its first block opens term 2."""
    ledger = begin()
    ledger.open_term(2, elect("eu-1", term=2, base=ledger.tip.end, voters=voters))
    return grow(ledger, range(200, 199 + blocks), leader="eu-1")


def read_heads(entries: Iterable[bytes], heads: VerifiedHeads | None = None) -> VerifiedHeads:
    """Verify the heads of a chain as stored."""
    heads = heads or VerifiedHeads(make_genesis())
    for height, stored in enumerate(entries, start=1):
        heads.feed(height, stored)
    heads.settle()
    return heads


def stretch(ledger: MemoryLedger, *certificates: CommitCertificate, above: int = COMMON) -> Stretch:
    """Show what a history has above the block where it parts."""
    blocks, shown = CommittedBlocks(make_genesis()), list[ShownHeader]()
    for height, stored in enumerate(ledger.entries, start=1):
        header, _ = blocks.read(height, stored)
        shown.append(ShownHeader(header=encode(header), seal=blocks.seal))
    return Stretch(tuple(shown[above:]), certificates)
