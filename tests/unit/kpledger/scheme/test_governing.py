"""Participants, standings, offices, keys and number ranges: what each may do, and cannot."""

import pytest
from founding import (
    CHAIR,
    DECISION,
    FOUNDED_MS,
    NOW_MS,
    event_id_of,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from scheme_statements import (
    ADMISSION,
    ALLOTMENT,
    KEY,
    NEW_KEY,
    OFFICE,
    RANGE,
    REVOCATION,
    STATUS,
)

from kpledger.base.state import ChangeSet
from kpledger.base.units import DAY_MS
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.events.governance import (
    AuthorityRole,
    NumberRangeAllocated,
    ParticipantKind,
    RevocationReason,
    Standing,
)
from kpledger.scheme.v1.measures import StandingSince
from kpledger.scheme.v1.records import (
    AllottedRange,
    AuthorityRecord,
    KeyRecord,
    ParticipantRecord,
    RangesRecord,
)
from kpledger.scheme.v1.rules.numbering import MAX_RANGES
from kpledger.scheme.v1.rules.values import MAX_NOTICE_MS

SMALL_ORDER_KEY = b"\x01" + bytes(31)

SELF_SUSPENSION = vary(STATUS, status=Standing.SELF_SUSPENDED)

SUBJECTS: list[tuple[str, Body]] = [
    (CHAIR, ADMISSION),
    (CHAIR, STATUS),
    ("BW/root", OFFICE),
    ("BW/root", KEY),
    ("BW/root", REVOCATION),
    ("BW/root", ALLOTMENT),
]


def _code(refusal: Refusal | None) -> tuple[Rule, str] | None:
    return (refusal.rule, refusal.field) if refusal else None


def _ranges(**changes: object) -> NumberRangeAllocated:
    return NumberRangeAllocated(authority="gaborone", range=vary(RANGE, **changes))


REFUSED: list[tuple[str, str, Body, Rule, str]] = [
    ("admitted-before", CHAIR, vary(ADMISSION, code="BW"), Rule.E6, "body.code"),
    (
        "admitted-under-a-used-key",
        CHAIR,
        vary(ADMISSION, root_key=signing_key("BW/gaborone").public_key),
        Rule.E6,
        "body.root_key",
    ),
    (
        "admitted-under-an-unsound-key",
        CHAIR,
        vary(ADMISSION, root_key=SMALL_ORDER_KEY),
        Rule.E5,
        "body.root_key",
    ),
    (
        "admitted-in-a-distant-year",
        CHAIR,
        vary(ADMISSION, effective_from=NOW_MS + MAX_NOTICE_MS + 1),
        Rule.E14,
        "body.effective_from",
    ),
    ("standing-of-a-stranger", CHAIR, vary(STATUS, code="XX"), Rule.E6, "body.code"),
    ("standing-as-before", CHAIR, vary(STATUS, status=Standing.ACTIVE), Rule.E6, "body.status"),
    ("suspends-another", "BW/root", vary(SELF_SUSPENSION, code="ZA"), Rule.E1, "author"),
    ("suspends-itself-as-the-chair-does", "BW/root", STATUS, Rule.E1, "body.status"),
    ("office-root", "BW/root", vary(OFFICE, authority="root"), Rule.E6, "body.authority"),
    ("office-twice", "BW/root", vary(OFFICE, authority="gaborone"), Rule.E6, "body.authority"),
    (
        "roles-descend",
        "BW/root",
        vary(OFFICE, roles=(AuthorityRole.IMPORTING, AuthorityRole.EXPORTING)),
        Rule.E5,
        "body.roles",
    ),
    (
        "role-twice",
        "BW/root",
        vary(OFFICE, roles=(AuthorityRole.EXPORTING, AuthorityRole.EXPORTING)),
        Rule.E5,
        "body.roles",
    ),
    ("key-for-no-office", "BW/root", vary(KEY, authority="kasane"), Rule.E6, "body.authority"),
    ("key-unsound", "BW/root", vary(KEY, key=SMALL_ORDER_KEY), Rule.E5, "body.key"),
    (
        "key-of-another",
        "BW/root",
        vary(KEY, key=signing_key("EU/root").public_key),
        Rule.E6,
        "body.key",
    ),
    ("revokes-an-unknown-key", "BW/root", vary(REVOCATION, key=NEW_KEY), Rule.E2, "body.key"),
    (
        "revokes-a-key-of-another",
        "BW/root",
        vary(REVOCATION, key=signing_key("EU/antwerp").public_key),
        Rule.E2,
        "body.key",
    ),
    (
        "admitted-with-one-key",
        CHAIR,
        vary(ADMISSION, recovery_key=ADMISSION.root_key),
        Rule.E6,
        "body.recovery_key",
    ),
    (
        "admitted-with-a-used-recovery-key",
        CHAIR,
        vary(ADMISSION, recovery_key=signing_key("BW/recovery").public_key),
        Rule.E6,
        "body.recovery_key",
    ),
    ("office-recovery", "BW/root", vary(OFFICE, authority="recovery"), Rule.E6, "body.authority"),
    (
        "compromised-without-a-time",
        "BW/root",
        vary(REVOCATION, reason=RevocationReason.COMPROMISED),
        Rule.E5,
        "body.suspect_since",
    ),
    (
        "retired-with-a-time",
        "BW/root",
        vary(REVOCATION, suspect_since=NOW_MS),
        Rule.E5,
        "body.suspect_since",
    ),
    (
        "compromised-from-a-time-to-come",
        "BW/root",
        vary(REVOCATION, reason=RevocationReason.COMPROMISED, suspect_since=NOW_MS + DAY_MS),
        Rule.E5,
        "body.suspect_since",
    ),
    (
        "range-for-no-office",
        "BW/root",
        vary(ALLOTMENT, authority="kasane"),
        Rule.E6,
        "body.authority",
    ),
    ("range-of-another", "BW/root", _ranges(prefix="ZA"), Rule.E3, "body.range.prefix"),
    ("range-backwards", "BW/root", _ranges(last=99_999), Rule.E3, "body.range.last"),
    ("range-too-wide", "BW/root", _ranges(last=1_000_000), Rule.E3, "body.range.last"),
    (
        "range-used-backwards",
        "BW/root",
        _ranges(use_until="2025-12-31"),
        Rule.E3,
        "body.range.use_until",
    ),
    (
        "range-from-no-day",
        "BW/root",
        _ranges(use_from="2026-02-30"),
        Rule.E3,
        "body.range.use_from",
    ),
    (
        "range-until-no-day",
        "BW/root",
        _ranges(use_until="2026-00-01"),
        Rule.E3,
        "body.range.use_until",
    ),
    ("range-overlaps-at-its-first", "BW/root", _ranges(first=99_999), Rule.E3, "body.range"),
    ("range-inside", "BW/root", _ranges(first=5, last=6), Rule.E3, "body.range"),
    ("range-around", "BW/root", _ranges(first=0, last=999_999), Rule.E3, "body.range"),
    ("range-overlaps-at-its-last", "BW/root", _ranges(first=0, last=1), Rule.E3, "body.range"),
]


@pytest.mark.parametrize(
    ("author", "body", "rule", "field"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_unsound_governance_is_refused_and_changes_nothing(
    author: str, body: Body, rule: Rule, field: str
) -> None:
    ledger = open_trade()
    changes = ChangeSet(ledger.state)
    refusal = ledger.execute(make_event(author, body), changes)
    assert (_code(refusal), changes.written) == ((rule, field), {})


@pytest.mark.parametrize(("author", "body"), SUBJECTS)
def test_sound_governance_is_accepted(author: str, body: Body) -> None:
    assert open_trade().attempt(make_event(author, body)) is None


@pytest.mark.parametrize(("author", "body"), SUBJECTS)
def test_subject_is_what_the_body_speaks_of(author: str, body: Body) -> None:
    refusal = open_trade().attempt(make_event(author, body, subject="other"))
    assert _code(refusal) == (Rule.E5, "subject")


@pytest.mark.parametrize(("author", "body"), SUBJECTS)
def test_governance_names_no_event_before_it(author: str, body: Body) -> None:
    refusal = open_trade().attempt(make_event(author, body, prev=bytes(32)))
    assert _code(refusal) == (Rule.E6, "prev")


@pytest.mark.parametrize(
    "changes",
    [
        {"first": 100_000},
        {"first": 0, "last": 0},
        {"width": 5, "first": 1, "last": 99_999},
        {"prefix": "BW-", "first": 1, "last": 2},
        {"width": 12, "first": 10**12 - 1, "last": 10**12 - 1},
        {"use_from": "2026-12-31"},
    ],
)
def test_range_beside_the_others_is_allotted(changes: dict[str, object]) -> None:
    assert open_trade().attempt(make_event("BW/root", _ranges(**changes))) is None


def test_participant_holds_a_bounded_number_of_ranges() -> None:
    ledger = open_trade()
    held = AllottedRange(
        authority="gaborone", range=vary(RANGE, width=12, first=1, last=1), height=1
    )
    changes = ChangeSet(ledger.state)
    for count, expected in ((MAX_RANGES - 1, None), (MAX_RANGES, (Rule.E3, "body.range"))):
        changes.put(RangesRecord.key_for("BW"), RangesRecord(ranges=(held,) * count))
        ledger.state.apply(changes)
        assert _code(ledger.attempt(make_event("BW/root", ALLOTMENT))) == expected


def test_range_goes_to_an_exporting_office() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", vary(OFFICE, roles=(AuthorityRole.IMPORTING,))))
    refusal = ledger.attempt(make_event("BW/root", vary(ALLOTMENT, authority="francistown")))
    assert _code(refusal) == (Rule.E6, "body.authority")


def test_governance_is_recorded_whole() -> None:
    ledger = open_trade()
    for author, body in SUBJECTS:
        ledger.record(make_event(author, body))
    genesis = StandingSince(status=Standing.ACTIVE, effective_from=0, decision="genesis")
    suspended = StandingSince(
        status=Standing.SUSPENDED,
        effective_from=NOW_MS,
        decision=DECISION,
        event=event_id_of(make_event(CHAIR, STATUS)),
    )
    admitted = StandingSince(
        status=Standing.ACTIVE,
        effective_from=NOW_MS,
        decision=DECISION,
        event=event_id_of(make_event(CHAIR, ADMISSION)),
    )
    key = KeyRecord(
        participant="BW",
        authority="gaborone",
        valid_from=NOW_MS,
        revoked_at=None,
        reason=None,
        suspect_since=None,
        height=8,
    )
    assert ledger.read(ParticipantRecord.key_for("NA"), ParticipantRecord) == ParticipantRecord(
        code="NA",
        name="Namibia",
        kind=ParticipantKind.STATE,
        standings=(admitted,),
        authority_count=0,
        admitted_at=NOW_MS,
    )
    assert ledger.read(KeyRecord.key_for(ADMISSION.root_key), KeyRecord) == vary(
        key, participant="NA", authority="root", valid_from=0, height=5
    )
    botswana = ledger.read(ParticipantRecord.key_for("BW"), ParticipantRecord)
    assert (botswana.standings, botswana.authority_count) == ((genesis, suspended), 2)
    assert ledger.read(
        AuthorityRecord.key_for("BW", "francistown"), AuthorityRecord
    ) == AuthorityRecord(
        participant="BW",
        authority="francistown",
        title="Second Diamond Office",
        place="Francistown",
        contact="box 1",
        roles=(AuthorityRole.EXPORTING,),
        height=7,
    )
    assert ledger.read(KeyRecord.key_for(NEW_KEY), KeyRecord) == key
    assert ledger.read(KeyRecord.key_for(REVOCATION.key), KeyRecord) == vary(
        key, valid_from=FOUNDED_MS, revoked_at=NOW_MS, reason=RevocationReason.RETIRED, height=2
    )
    ranges = ledger.read(RangesRecord.key_for("BW"), RangesRecord).ranges
    assert ranges[1:] == (AllottedRange(authority="gaborone", range=RANGE, height=10),)


def test_key_is_revoked_once() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", REVOCATION))
    refusal = ledger.attempt(make_event("BW/root", REVOCATION, nonce=1))
    assert _code(refusal) == (Rule.E6, "body.key")


def test_compromised_key_is_revoked_with_the_time_it_is_suspect_from() -> None:
    ledger = open_trade()
    body = vary(REVOCATION, reason=RevocationReason.COMPROMISED, suspect_since=FOUNDED_MS)
    ledger.record(make_event("BW/root", body))
    record = ledger.read(KeyRecord.key_for(body.key), KeyRecord)
    assert (record.reason, record.suspect_since) == (RevocationReason.COMPROMISED, FOUNDED_MS)
