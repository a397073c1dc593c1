"""E1, E6 and E12 before all else: whose word counts, under which keys, and only once."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    DECISION,
    NOW_MS,
    found_ledger,
    issue,
    make_certificate,
    make_confirmation,
    make_event,
    make_genesis,
    open_trade,
    opening_events,
    signing_key,
    vary,
)
from statements import SOUND

from kpledger.base.state import ChangeSet, MemoryState
from kpledger.base.units import MAX_TIME_MS
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Body, EventPlace, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import CatalogueError, Check, Context, Effect
from kpledger.scheme.v1.effects import certificate, decisions, governance, life
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    KeyRevoked,
    ParticipantStatusChanged,
    RevocationReason,
    Standing,
)
from kpledger.scheme.v1.execution import execute
from kpledger.scheme.v1.records import EventRecord
from kpledger.scheme.v1.rules import importing

SKEW_MS: Final = 10_000
CERTIFICATE: Final = make_certificate()
ISSUE: Final = CertificateIssued(certificate=CERTIFICATE)
OFFICE: Final = AuthorityRegistered(
    authority="gaborone",
    title="Office",
    place="Gaborone",
    roles=(AuthorityRole.EXPORTING,),
    contact="",
)
STATUS: Final = ParticipantStatusChanged(
    code="BW", status=Standing.SUSPENDED, effective_from=NOW_MS, decision=DECISION
)
TRADE: Final = open_trade()
POSITION: Final = EventPlace(
    chain=make_genesis().chain,
    now_ms=NOW_MS,
    index=TRADE.tip.tree.size,
    height=TRADE.tip.height + 1,
)


def _code(refusal: Refusal | None) -> tuple[Rule, str] | None:
    return (refusal.rule, refusal.field) if refusal else None


@pytest.mark.parametrize(
    ("author", "body"),
    [
        ("BW/root", ISSUE),
        ("BW/kasane", ISSUE),
        ("KPCS/chair", ISSUE),
        ("KPCS/secretariat", ISSUE),
        ("KPCS/root", OFFICE),
        ("BW/gaborone", OFFICE),
        ("BW/gaborone", STATUS),
        ("KPCS/secretariat", STATUS),
        ("BW/chair", STATUS),
        ("BW/root", make_confirmation(CERTIFICATE)),
    ],
)
def test_author_without_the_office_is_refused(author: str, body: Body) -> None:
    assert _code(TRADE.attempt(make_event(author, body))) == (Rule.E1, "author")


@pytest.mark.parametrize(
    ("role", "expected"),
    [(AuthorityRole.EXPORTING, None), (AuthorityRole.IMPORTING, (Rule.E1, "author"))],
)
def test_role_decides_who_may_issue(role: AuthorityRole, expected: tuple[Rule, str] | None) -> None:
    ledger = found_ledger()
    _, added, allotted = opening_events("BW/gaborone")
    office = vary(OFFICE, roles=(role,))
    ledger.record(make_event("BW/root", office, signers=("BW/root", CHAIR)), added)
    if role is AuthorityRole.EXPORTING:
        ledger.record(allotted)
    assert _code(ledger.attempt(make_event("BW/gaborone", ISSUE))) == expected


def test_an_office_that_is_closed_is_told_so() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", AuthorityClosed(authority="gaborone", reason="moved")))
    refusal = ledger.attempt(make_event("BW/gaborone", ISSUE))
    assert _code(refusal) == (Rule.E1, "author")
    assert refusal is not None
    assert refusal.problem == "BW/gaborone was closed at 2026-03-02T12:00:00.000Z"
    assert refusal.accepted == "an open office: an authority with the role EXPORTING"


@pytest.mark.parametrize(
    ("signers", "problem"),
    [
        (("EU/antwerp",), "belongs to EU/antwerp"),
        (("BW/root",), "belongs to BW/root"),
        (("BW/gaborone", "BW/root"), "belongs to BW/root"),
        (("BW/gaborone", CHAIR), "belongs to KPCS/chair"),
        (("nobody",), "is not registered"),
        (("BW/gaborone", "nobody"), "is not registered"),
    ],
)
def test_every_signature_must_be_the_authors(signers: tuple[str, ...], problem: str) -> None:
    refusal = TRADE.attempt(make_event("BW/gaborone", ISSUE, signers=signers))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E1, "signatures")
    assert problem in refusal.problem


def test_four_eyes_of_one_office_may_sign() -> None:
    ledger = open_trade()
    key = signing_key("second officer").public_key
    ledger.record(make_event("BW/root", KeyAdded(authority="gaborone", key=key, valid_from=0)))
    for signers in (("second officer",), ("BW/gaborone", "second officer")):
        assert ledger.attempt(make_event("BW/gaborone", ISSUE, signers=signers)) is None


@pytest.mark.parametrize(
    ("signers", "problem"),
    [
        (("BW/root", CHAIR), None),
        (("BW/root",), "KPCS/chair has not signed"),
        ((CHAIR,), "BW/root has not signed"),
        (("BW/root", "ZA/root"), "belongs to ZA/root"),
        (("BW/root", CHAIR, "KPCS/secretariat"), "belongs to KPCS/secretariat"),
    ],
)
def test_chair_countersigns_the_first_office(signers: tuple[str, ...], problem: str | None) -> None:
    refusal = found_ledger().attempt(make_event("BW/root", OFFICE, signers=signers))
    if problem is None:
        assert refusal is None
    else:
        assert refusal is not None
        assert (refusal.rule, refusal.field) == (Rule.E1, "signatures")
        assert problem in refusal.problem


def test_chair_has_no_part_in_the_second_office() -> None:
    second = vary(OFFICE, authority="francistown")
    assert TRADE.attempt(make_event("BW/root", second)) is None
    refusal = TRADE.attempt(make_event("BW/root", second, signers=("BW/root", CHAIR)))
    assert _code(refusal) == (Rule.E1, "signatures")


def test_key_counts_from_its_first_millisecond() -> None:
    ledger = open_trade()
    key = signing_key("later").public_key
    since = NOW_MS + 1_000
    ledger.record(make_event("BW/root", KeyAdded(authority="gaborone", key=key, valid_from=since)))
    encoded = make_event("BW/gaborone", ISSUE, signers=("later",))
    early = ledger.attempt(encoded, now_ms=since - 1)
    assert _code(early) == (Rule.E1, "signatures")
    assert early is not None
    assert early.problem == f"key {key.hex()} is not valid before 2026-03-02T12:00:01.000Z"
    assert ledger.attempt(encoded, now_ms=since) is None


def test_revoked_key_counts_no_more_but_what_it_signed_stays() -> None:
    ledger = open_trade()
    issue(ledger, CERTIFICATE)
    before = ledger.certificate(CERTIFICATE.number)
    key = signing_key("BW/gaborone").public_key
    body = KeyRevoked(key=key, reason=RevocationReason.RETIRED, suspect_since=None)
    ledger.record(make_event("BW/root", body))
    refusal = ledger.attempt(
        make_event("BW/gaborone", CertificateIssued(certificate=make_certificate("BW000002")))
    )
    assert _code(refusal) == (Rule.E1, "signatures")
    assert refusal is not None
    assert refusal.problem == f"key {key.hex()} was revoked at 2026-03-02T12:00:00.000Z"
    assert ledger.certificate(CERTIFICATE.number) == before


def test_event_meant_for_another_ledger_is_refused() -> None:
    refusal = TRADE.attempt(make_event("BW/gaborone", ISSUE, chain=bytes(32)))
    assert _code(refusal) == (Rule.E12, "chain")


@pytest.mark.parametrize(
    ("ahead_ms", "expected"),
    [(0, None), (SKEW_MS, None), (SKEW_MS + 1, (Rule.E12, "occurred_at"))],
)
def test_event_may_run_ahead_by_the_skew_and_no_more(
    ahead_ms: int, expected: tuple[Rule, str] | None
) -> None:
    encoded = make_event("BW/gaborone", ISSUE, occurred_at=NOW_MS + ahead_ms)
    assert _code(TRADE.attempt(encoded)) == expected


def test_event_from_the_end_of_time_is_refused_with_its_time() -> None:
    refusal = TRADE.attempt(make_event("BW/gaborone", ISSUE, occurred_at=MAX_TIME_MS))
    assert refusal is not None
    assert refusal.problem == "9999-12-31T23:59:59.999Z lies in the future"


def test_event_enters_once_for_ever() -> None:
    ledger = open_trade()
    encoded = issue(ledger, CERTIFICATE)
    event_id = decode_envelope(encoded).event_id
    record = ledger.read(EventRecord.key_for(event_id), EventRecord)
    assert record == EventRecord(
        index=ledger.tip.tree.size - 1,
        height=ledger.tip.height,
        type="certificate_issued",
        participant="BW",
        authority="gaborone",
        subject=CERTIFICATE.number,
    )
    with_other_signers = make_event("BW/gaborone", ISSUE, signers=("BW/root",))
    for again in (encoded, with_other_signers):
        assert _code(ledger.attempt(again)) == (Rule.E6, "nonce")
    renewed = ledger.attempt(make_event("BW/gaborone", ISSUE, nonce=1))
    assert _code(renewed) == (Rule.E3, "body.certificate.number")


def _unknown_event() -> SignedEvent:
    event = decode_envelope(make_event("BW/gaborone", ISSUE))
    return SignedEvent(
        encoded=event.encoded,
        payload=event.payload,
        event_id=event.event_id,
        header=vary(event.header, type="made_up", version=9),
        body=Body(),
        signatures=event.signatures,
    )


def test_type_unknown_to_this_version_is_refused() -> None:
    refusal = execute(_unknown_event(), ChangeSet(TRADE.state), POSITION)
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E12, "type")
    assert refusal.problem == "made_up v9 is unknown to rules v1"


def test_refusal_is_one_line_that_names_rule_clause_field_and_remedy() -> None:
    refusal = Refusal(Rule.E5, "body.parcels", "none", "one")
    assert (
        str(refusal)
        == "E5 (KPCS II(c), V, VI, Annex I.A, Annex III): body.parcels: none; accepted: one"
    )


@pytest.mark.parametrize(
    ("effect", "name", "problem"),
    [
        (
            certificate.issue,
            "shipment_released",
            "a rule for certificate_issued was given ship",
        ),
        (certificate.move, "shipment_released", "no record certificate/BW000009,"),
        (governance.revoke_key, "key_revoked", "no record key/[0-9a-f]{64},"),
        (governance.change_status, "participant_status_changed", "no record participant/BW,"),
        (governance.close_authority, "authority_closed", "no record authority/BW/gaborone,"),
        (governance.rotate_key, "key_rotated", "no record key/[0-9a-f]{64},"),
        (life.proceed, "concern_closed", "no record proceeding/BW000009,"),
        (decisions.elect_vice_chair, "vice_chair_elected", "no record scheme/kpcs,"),
        (decisions.activate_rules, "rules_activated", "no record rules/versions,"),
    ],
)
def test_effect_without_its_rules_is_noticed(effect: Effect, name: str, problem: str) -> None:
    author, body = SOUND[name]
    event = decode_envelope(make_event(author, body, subject="BW000009"))
    with pytest.raises(CatalogueError, match=problem):
        effect(Context(event, ChangeSet(MemoryState()), POSITION))


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (importing.check_arrival, "arrival_recorded"),
        (importing.check_repeats, "import_confirmed"),
        (importing.check_repeats, "import_confirmed_discrepant"),
        (importing.check_clean, "import_confirmed"),
    ],
)
def test_check_leaves_a_certificate_that_is_not_there_to_another(check: Check, name: str) -> None:
    author, body = SOUND[name]
    event = decode_envelope(make_event(author, body, subject="BW000009"))
    assert list(check(Context(event, ChangeSet(TRADE.state), POSITION))) == []


def test_state_without_a_genesis_is_noticed() -> None:
    event = decode_envelope(make_event("BW/gaborone", ISSUE))
    with pytest.raises(CatalogueError, match="no record policy/network,"):
        execute(event, ChangeSet(MemoryState()), POSITION)
