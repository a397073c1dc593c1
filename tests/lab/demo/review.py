"""Looking at the result: a copy of one node's directory, audited and held against the claims."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kpclient.replay.copied_chain import CopiedChain, StoredBlock
from kpclient.replay.verification import audit_chain
from kpledger.log.audit import AuditReport
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.genesis import Genesis
from kpledger.log.layout import BLOCK_ENTRY, decode_stored_entry
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import (
    CertificateIssued,
    CertificateReplaced,
    CertificateVoided,
    OriginKind,
)
from kpledger.scheme.v1.events.importing import (
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ShipmentSeized,
)
from kpnode.books.place import SOCKET_NAME

IN_TRANSIT: Final = "IN_TRANSIT"
_OUTCOMES: Final = {
    ImportConfirmed.TYPE: "CONFIRMED",
    ImportConfirmedDiscrepant.TYPE: "DISCREPANT",
    ShipmentSeized.TYPE: "SEIZED",
    CertificateVoided.TYPE: "VOIDED",
    CertificateReplaced.TYPE: "REPLACED",
}
_TAKEN_BACK: Final = frozenset({CertificateVoided.TYPE, CertificateReplaced.TYPE})


@dataclass(frozen=True, slots=True)
class Review:
    """What a copy of the ledger holds."""

    report: AuditReport
    places: Mapping[bytes, tuple[int, int]]
    """Height and index of every event, by its id."""
    carat_thousandths_by_origin: Mapping[str, int]
    """Thousandths of a carat of own-origin exports that were not voided."""


def review_copy(genesis: Genesis, directory: Path, copy: Path) -> Review:
    """Copy a node's directory and audit the copy with nothing trusted but the genesis file."""
    # The socket of the books is no file that could be copied; one that was killed leaves it.
    shutil.copytree(directory, copy, ignore=shutil.ignore_patterns(SOCKET_NAME))
    jobs = len(os.sched_getaffinity(0))
    report = audit_chain(genesis, CopiedChain(copy), jobs=jobs)
    places: dict[bytes, tuple[int, int]] = {}
    own: dict[str, tuple[str, int]] = {}
    for height, index, event in _read_events(copy):
        places[event.event_id] = height, index
        if event.header.type in _TAKEN_BACK:
            own.pop(event.header.subject, None)
        match event.body:
            case CertificateIssued(certificate=one) | CertificateReplaced(certificate=one):
                issuer = event.header.author.participant
                if one.origin.kind is OriginKind.SINGLE and one.origin.countries == (issuer,):
                    own[one.number] = issuer, one.carat_thousandths
            case _:
                pass
    totals: dict[str, int] = {}
    for origin, weight in own.values():
        totals[origin] = totals.get(origin, 0) + weight
    return Review(report, places, totals)


def count_outcomes(events: Iterable[SignedEvent]) -> dict[str, int]:
    """Count where certificates stand in the end, by what ended them last."""
    outcomes: dict[str, str] = {}
    for event in events:
        if isinstance(event.body, CertificateReplaced):
            outcomes[event.body.certificate.number] = IN_TRANSIT
        elif event.header.type == CertificateIssued.TYPE:
            outcomes[event.header.subject] = IN_TRANSIT
        outcome = _OUTCOMES.get(event.header.type)
        if outcome is not None:
            outcomes[event.header.subject] = outcome
    return dict(Counter(outcomes.values()))


def _read_events(copy: Path) -> Iterator[tuple[int, int, SignedEvent]]:
    for found in CopiedChain(copy):
        if not isinstance(found, StoredBlock):
            return
        entry = decode_stored_entry(found.stored)
        if entry.kind != BLOCK_ENTRY:
            continue
        block = decode_block(entry.payload)
        first = decode_block_header(block.header).first_event
        for position, encoded in enumerate(block.events):
            yield found.height, first + position, decode_envelope(encoded)
