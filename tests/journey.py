"""The journey of a certificate for tests: its statements, each by whoever may make it.

The statements are those of ``statements.SOUND`` on BW000001, issued to EU; :func:`make_step` gives
the next one as an event, :func:`travel` records one after the other.
"""

from collections.abc import Sequence
from types import EllipsisType
from typing import Final

import msgspec
from founding import NOW_MS, MemoryLedger, issue, make_event, open_trade, vary
from statements import CERTIFICATE, NUMBER, SOUND

from kpledger.base.state import read_record
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.decisions import PolicySet, PolicyValues
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CaseRecord, CertificateRecord

OFFICE_OF: Final = {"BW": "BW/gaborone", "EU": "EU/antwerp", "ZA": "ZA/joburg"}

_S = CertificateState

PATHS: Final[dict[CertificateState, tuple[str, ...]]] = {
    _S.ISSUED: (),
    _S.VALIDATED: (),
    _S.IN_TRANSIT: ("export_notified",),
    _S.ARRIVED: ("arrival_recorded",),
    _S.DETAINED: ("shipment_detained",),
    _S.LOST: ("certificate_lost",),
    _S.DIVERTED: ("export_notified", "shipment_diverted"),
    _S.CONFIRMED: ("arrival_recorded", "import_confirmed"),
    _S.CONFIRMED_DISCREPANT: ("import_confirmed_discrepant",),
    _S.RESOLVED: ("import_confirmed_discrepant", "discrepancy_resolved"),
    _S.RETURNED: ("arrival_recorded", "import_refused_returned"),
    _S.RETURN_CLOSED: ("arrival_recorded", "import_refused_returned", "return_received"),
    _S.SEIZED: ("shipment_detained", "shipment_seized"),
    _S.VOIDED: ("certificate_voided",),
    _S.REPLACED: ("certificate_replaced",),
    _S.RETURNED_UNUSED: ("certificate_returned_unused",),
}
"""By which statements a certificate comes into each state; ISSUED and VALIDATED by its issue."""

BY_HOLDER: Final = (
    "shipment_detained",
    "shipment_released",
    "import_refused_returned",
    "shipment_seized",
    "opening_withdrawn",
)
_WITH_THE_GOODS: Final = (_S.ARRIVED, _S.DETAINED)


def find_shipment(ledger: MemoryLedger, subject: str) -> CertificateRecord | CaseRecord | None:
    """Read the record of a certificate or a case, or give None."""
    certificate = read_record(ledger.state, CertificateRecord.key_for(subject), CertificateRecord)
    return certificate or read_record(ledger.state, CaseRecord.key_for(subject), CaseRecord)


def make_step(
    ledger: MemoryLedger,
    name: str,
    body: Body | None = None,
    *,
    author: str | None = None,
    signers: Sequence[str] | None = None,
    subject: str = NUMBER,
    prev: bytes | EllipsisType | None = ...,
    occurred_at: int = NOW_MS,
    nonce: int = 0,
) -> bytes:
    """Give the statement of this type as an event on a certificate or a case as it stands now."""
    said_by, sound = SOUND[name]
    record = find_shipment(ledger, subject)
    holder, head = (None, None) if record is None else (record.holder, record.head)
    if author is None:
        author = OFFICE_OF[holder] if holder and name in BY_HOLDER else said_by
    if signers is None:
        signers = (author, *_cosigners(record, name))
    return make_event(
        author,
        sound if body is None else body,
        signers=signers,
        subject=subject,
        prev=head if isinstance(prev, EllipsisType) else prev,
        occurred_at=occurred_at,
        nonce=nonce,
    )


def _cosigners(record: CertificateRecord | CaseRecord | None, name: str) -> tuple[str, ...]:
    if not isinstance(record, CertificateRecord):
        return ()
    arrived = name == "amendment_endorsed" and record.state in _WITH_THE_GOODS
    agreed = name == "discrepancy_resolved"
    return (OFFICE_OF[record.destination],) if arrived or agreed else ()


def travel(ledger: MemoryLedger, *names: str, subject: str = NUMBER) -> None:
    """Record these statements, one after the other."""
    for name in names:
        ledger.record(make_step(ledger, name, subject=subject, nonce=len(ledger.blocks)))


def start_journey(*names: str, validated: bool = True) -> MemoryLedger:
    """Give a ledger on which BW000001 was issued to EU, and these statements followed."""
    ledger = open_trade()
    certificate = CERTIFICATE if validated else vary(CERTIFICATE, validated_at=None)
    issue(ledger, certificate)
    travel(ledger, *names)
    return ledger


def ledger_in(state: CertificateState) -> MemoryLedger:
    """Give a ledger on which BW000001 stands in a state."""
    return start_journey(*PATHS[state], validated=state is not _S.ISSUED)


def set_policy(ledger: MemoryLedger, code: str, **values: object) -> None:
    """Let a participant settle for itself, from now on, what the scheme leaves open."""
    body = PolicySet(
        participant=code,
        values=msgspec.convert(values, PolicyValues),
        effective_from=ledger.now_ms,
        decision=None,
    )
    ledger.record(make_event(f"{code}/root", body, nonce=len(ledger.blocks)))


def judge(
    ledger: MemoryLedger,
    name: str,
    body: Body | None = None,
    *,
    author: str | None = None,
    signers: Sequence[str] | None = None,
    subject: str = NUMBER,
    now_ms: int | None = None,
) -> tuple[str, str] | None:
    """Say by which rule and for which field a statement is refused, or None."""
    encoded = make_step(
        ledger, name, body, author=author, signers=signers, subject=subject, nonce=1_000_000
    )
    refusal = ledger.attempt(encoded, now_ms=now_ms)
    return None if refusal is None else (refusal.rule.code, refusal.field)
