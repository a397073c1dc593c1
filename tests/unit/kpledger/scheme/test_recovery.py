"""One stolen key, and what the owner, the Chair and the others can always do about it."""

from contextlib import suppress
from typing import Final

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    MemoryLedger,
    RefusedError,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from judging import judge, judgement
from scheme_statements import (
    ADMISSION,
    ALLOTMENT,
    CHAIR_RECOVERY,
    FORMAT,
    KEY,
    NEW_KEY,
    NOTE,
    OFFICE,
    POLICY,
    RECOVERY,
    RETIREMENT,
    REVOCATION,
    ROTATION,
    STATEMENTS,
    STATUS,
    state,
)

from kpledger.base.codec import encode
from kpledger.base.ids import KPCS
from kpledger.base.state import Record
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.context import record_of
from kpledger.scheme.v1.events.decisions import PolicySet, PolicyValues
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    KeyRevoked,
    RevocationReason,
    Standing,
)
from kpledger.scheme.v1.records import (
    AllottedRange,
    AuthorityRecord,
    FormatSince,
    FormatsRecord,
    HouseRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    PolicySince,
    RangesRecord,
    ReportRecord,
    SchemeRecord,
)
from kpledger.scheme.v1.rules.authorship import WITNESS_AFTER_MS
from kpledger.scheme.v1.rules.decisions import MAX_SETTLED
from kpledger.scheme.v1.rules.filings import MAX_REPORTS
from kpledger.scheme.v1.rules.numbering import MAX_FORMATS, MAX_RANGES

ROOT: Final = "BW/root"
TWO: Final = ("BW/root", "BW/recovery")
SIGNATURES: Final = (Rule.E1, "signatures")
OWN: Final = {one: signing_key(f"BW/{one}").public_key for one in ("root", "recovery")}

CHANGES_OF_OWN_KEYS: Final[list[Body]] = [
    vary(KEY, authority="root"),
    vary(KEY, authority="recovery"),
    vary(ROTATION, old=OWN["root"]),
    vary(ROTATION, old=OWN["recovery"]),
    vary(REVOCATION, key=OWN["recovery"]),
]


@pytest.mark.parametrize("body", CHANGES_OF_OWN_KEYS)
@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        (("BW/root",), SIGNATURES),
        (("BW/recovery",), SIGNATURES),
        (TWO, None),
        (("BW/root", "EU/recovery"), SIGNATURES),
        (("BW/root", CHAIR), SIGNATURES),
        (("BW/root", "BW/gaborone"), SIGNATURES),
        ((*TWO, "EU/root"), SIGNATURES),
    ],
)
def test_own_keys_change_by_two_of_them(
    body: Body, signers: tuple[str, ...], expected: tuple[Rule, str] | None
) -> None:
    found = open_trade().attempt(make_event(ROOT, body, signers=signers))
    assert judgement(found) == expected


@pytest.mark.parametrize("signer", TWO)
def test_whoever_signs_with_one_own_key_is_told_that_another_is_missing(signer: str) -> None:
    found = open_trade().attempt(make_event(ROOT, vary(KEY, authority="root"), signers=(signer,)))
    assert found is not None
    if signer == ROOT:
        assert found.problem == "no second key of BW/root or BW/recovery has signed"
        assert found.accepted == "a signature by another key of BW/root or BW/recovery"
    else:
        assert found.problem == "BW/root has not signed"


def test_a_recovery_key_is_told_who_files_notes() -> None:
    found = open_trade().attempt(make_event("BW/recovery", NOTE, subject="BW"))
    assert found is not None
    who = "the Chair, the secretariat, a participant's root, any office or observer"
    assert (found.field, found.accepted) == ("author", who)


def test_second_root_key_stands_for_the_recovery_key() -> None:
    ledger = open_trade()
    spare = vary(KEY, authority="root", key=signing_key("BW/spare").public_key)
    ledger.record(make_event(ROOT, spare, signers=TWO))
    revoke = vary(REVOCATION, key=OWN["recovery"])
    assert judge(ledger, ROOT, revoke) == SIGNATURES
    assert ledger.attempt(make_event(ROOT, revoke, signers=(ROOT, "BW/spare"))) is None


def test_root_key_stops_itself_alone_and_no_other() -> None:
    ledger = open_trade()
    stop = vary(REVOCATION, key=OWN["root"])
    assert ledger.attempt(make_event(ROOT, stop, signers=TWO)) is None
    ledger.record(make_event(ROOT, stop))
    assert judge(ledger, ROOT, OFFICE) == SIGNATURES
    # The owner's recovery key and the Chair are enough to go on.
    ledger.record(make_event(CHAIR, RECOVERY, signers=(CHAIR, "BW/recovery")))
    assert ledger.attempt(make_event(ROOT, OFFICE, signers=("a new key",))) is None


def test_recovery_key_makes_no_statement() -> None:
    assert judge(open_trade(), "BW/recovery", STATEMENTS["note_filed"].body, "BW") == (
        Rule.E1,
        "author",
    )


@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        ((CHAIR,), SIGNATURES),
        ((CHAIR, "BW/root"), None),
        ((CHAIR, "BW/recovery"), None),
        ((CHAIR, *TWO), None),
        ((CHAIR, "EU/root"), SIGNATURES),
        ((CHAIR, "EU/root", "EU/recovery"), SIGNATURES),
        ((CHAIR, "EU/root", "IN/root"), None),
        ((CHAIR, "EU/root", "IN/root", "ZA/root"), None),
        ((CHAIR, "BW/gaborone"), SIGNATURES),
        (TWO, SIGNATURES),
        (("EU/root", "IN/root", "ZA/root"), SIGNATURES),
    ],
)
def test_participant_is_recovered_by_the_chair_and_an_own_key_or_witnesses(
    signers: tuple[str, ...], expected: tuple[Rule, str] | None
) -> None:
    found = open_trade().attempt(make_event(CHAIR, RECOVERY, signers=signers))
    assert judgement(found) == expected


def test_refusal_says_who_has_to_sign() -> None:
    refusal = open_trade().attempt(make_event(CHAIR, RECOVERY, signers=(CHAIR, "EU/root")))
    assert refusal is not None
    assert refusal.problem == "1 of 2 participants besides BW have signed"
    own, others = "a key of BW/root or BW/recovery", "the roots of 2 participants other than BW"
    assert refusal.accepted == f"signatures by {own}, or {others}"


@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        (("BW/root", "EU/root", "IN/root", "a new key"), None),
        (("BW/root", "EU/root", "a new key"), SIGNATURES),
        (("BW/root", "EU/root", "IN/root"), SIGNATURES),
        (("BW/root", "BW/recovery", "EU/root", "a new key"), SIGNATURES),
        ((CHAIR, "BW/root", "EU/root", "a new key"), SIGNATURES),
    ],
)
def test_chair_is_recovered_by_a_quorum_and_the_new_key(
    signers: tuple[str, ...], expected: tuple[Rule, str] | None
) -> None:
    found = open_trade().attempt(make_event(ROOT, CHAIR_RECOVERY, signers=signers))
    assert judgement(found) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (vary(RECOVERY, code="XX"), (Rule.E6, "body.code")),
        (vary(RECOVERY, root_key=OWN["root"]), (Rule.E6, "body.root_key")),
        (vary(RECOVERY, recovery_key=NEW_KEY), (Rule.E6, "body.recovery_key")),
        (vary(RECOVERY, suspect_height=6), (Rule.E5, "body.suspect_height")),
        (vary(RECOVERY, suspect_height=5), None),
        (vary(CHAIR_RECOVERY, chair="XX"), (Rule.E6, "body.chair")),
        (vary(CHAIR_RECOVERY, vice_chair="ZA"), (Rule.E6, "body.vice_chair")),
        (vary(CHAIR_RECOVERY, year=2037), (Rule.E6, "body.year")),
        (vary(CHAIR_RECOVERY, secretariat_key=NEW_KEY), (Rule.E6, "body.secretariat_key")),
        (vary(CHAIR_RECOVERY, suspect_height=6), (Rule.E5, "body.suspect_height")),
    ],
)
def test_unsound_recovery_is_refused(body: Body, expected: tuple[Rule, str] | None) -> None:
    statement = STATEMENTS[body.TYPE]
    others = ("EU/root", "IN/root")
    signers = (CHAIR, *others) if body.TYPE == RECOVERY.TYPE else statement.signers
    found = open_trade().attempt(make_event(statement.author, body, signers=signers))
    assert judgement(found) == expected


def test_whom_the_chair_admits_is_a_witness_after_a_year() -> None:
    """A thief with the Chair's key must not admit witnesses of his own."""
    ledger = open_trade()
    ledger.record(make_event(CHAIR, ADMISSION))
    event = make_event(CHAIR, RECOVERY, signers=(CHAIR, "EU/root", "NA/root"))
    assert judgement(ledger.attempt(event)) == SIGNATURES
    last = NOW_MS + WITNESS_AFTER_MS
    assert judgement(ledger.attempt(event, now_ms=last - 1)) == SIGNATURES
    assert ledger.attempt(event, now_ms=last) is None


def test_chair_cannot_silence_witnesses_by_their_standing() -> None:
    ledger = open_trade()
    for code in ("EU", "IN"):
        ledger.record(make_event(CHAIR, vary(STATUS, code=code, status=Standing.REMOVED)))
    assert (
        ledger.attempt(make_event(CHAIR, RECOVERY, signers=(CHAIR, "EU/root", "IN/root"))) is None
    )
    ledger.record(state(ledger, "chair_recovered"))
    assert judge(ledger, CHAIR, STATUS) == SIGNATURES


def _steal(ledger: MemoryLedger) -> None:
    """Do with one root key whatever it can to take the participant, or to lock it out."""
    for body in (
        vary(OFFICE, authority="thief"),
        vary(KEY, authority="thief", key=signing_key("BW/thief").public_key),
        vary(KEY, authority="gaborone", key=signing_key("another key").public_key),
        RETIREMENT,
        vary(ALLOTMENT, authority="thief"),
        FORMAT,
        POLICY,
        AuthorityClosed(authority="gaborone", reason=""),
    ):
        ledger.record(make_event(ROOT, body))


def test_recovery_puts_back_what_was_arranged_since() -> None:
    ledger = open_trade()
    before = {
        kind: ledger.state.get(kind.key_for("BW"))
        for kind in (RangesRecord, FormatsRecord, PolicyRecord)
    }
    office = AuthorityRecord.key_for("BW", "gaborone")
    before_office = ledger.read(office, AuthorityRecord)
    since = ledger.tip.height + 1
    _steal(ledger)
    assert ledger.read(office, AuthorityRecord).closed_at is not None
    theft = vary(RECOVERY, suspect_height=since)
    ledger.record(make_event(CHAIR, theft, signers=(CHAIR, "EU/root", "ZA/root")))

    assert ledger.read(office, AuthorityRecord) == before_office
    assert ledger.read(AuthorityRecord.key_for("BW", "thief"), AuthorityRecord).closed_at == NOW_MS
    assert ledger.state.get(RangesRecord.key_for("BW")) == before[RangesRecord]
    assert ledger.read(FormatsRecord.key_for("BW"), FormatsRecord).formats == ()
    assert ledger.read(PolicyRecord.key_for("BW"), PolicyRecord).history == ()
    for name in ("BW/thief", "another key", ROOT, "BW/recovery"):
        record = ledger.read(KeyRecord.key_for(signing_key(name).public_key), KeyRecord)
        assert (record.revoked_at, record.reason) == (NOW_MS, RevocationReason.RECOVERED)
    house = ledger.read(HouseRecord.key_for("BW"), HouseRecord)
    assert house.offices == ("gaborone",)
    gaborone = signing_key("BW/gaborone").public_key
    assert house.keys == (gaborone, RECOVERY.root_key, RECOVERY.recovery_key)
    assert judge(ledger, ROOT, OFFICE) == SIGNATURES
    assert ledger.attempt(make_event(ROOT, OFFICE, signers=("a new key",))) is None
    assert ledger.read(ParticipantRecord.key_for("BW"), ParticipantRecord).statistics_offices == 0


def test_what_a_thief_has_filled_up_has_room_again() -> None:
    ledger = open_trade()
    since = ledger.tip.height + 1
    allotted = AllottedRange(authority="gaborone", range=ALLOTMENT.range, height=since)
    form = record_of(FormatSince, FORMAT, height=since)
    settled = record_of(PolicySince, POLICY, recorded_at=NOW_MS, height=since)
    count = MAX_REPORTS
    report = ReportRecord(
        participant="BW",
        year=2025,
        documents=(bytes(32),) * count,
        filed_at=(NOW_MS,) * count,
        heights=(since,) * count,
    )
    full: list[tuple[Body, Record, tuple[str | int, ...]]] = [
        (ALLOTMENT, RangesRecord(ranges=(allotted,) * MAX_RANGES), ("BW",)),
        (FORMAT, FormatsRecord(formats=(form,) * MAX_FORMATS), ("BW",)),
        (POLICY, PolicyRecord(history=(settled,) * MAX_SETTLED), ("BW",)),
        (STATEMENTS["annual_report_filed"].body, report, ("BW", 2025)),
    ]
    for body, record, name in full:
        ledger.state.pairs[record.key_for(*name)] = encode(record)
        assert judge(ledger, ROOT, body) is not None
    theft = vary(RECOVERY, suspect_height=since)
    ledger.record(make_event(CHAIR, theft, signers=(CHAIR, "BW/recovery")))
    for body, _, _ in full:
        assert ledger.attempt(make_event(ROOT, body, signers=("a new key",), nonce=1)) is None


def test_recovery_after_a_loss_ends_own_keys_alone() -> None:
    ledger = open_trade()
    _steal(ledger)
    ledger.record(make_event(CHAIR, RECOVERY, signers=(CHAIR, "BW/recovery")))
    assert judge(ledger, "BW/thief", STATEMENTS["note_filed"].body, "BW") is None
    assert len(ledger.read(RangesRecord.key_for("BW"), RangesRecord).ranges) == 2


@pytest.mark.parametrize("name", list(STATEMENTS))
def test_after_any_statement_of_one_root_key_the_owner_is_recovered(name: str) -> None:
    """Whatever type of event a thief signs with the stolen root key alone, recovery is possible."""
    ledger = open_trade()
    statement = STATEMENTS[name]
    with suppress(RefusedError):
        ledger.record(make_event(ROOT, statement.body, subject=statement.subject, signers=(ROOT,)))
    for signers in ((CHAIR, "BW/recovery"), (CHAIR, "EU/root", "IN/root")):
        found = ledger.attempt(make_event(CHAIR, _fresh(ledger), signers=signers))
        assert found is None, (name, found)


def _fresh(ledger: MemoryLedger) -> Body:
    """Give a recovery under keys that no statement of the catalogue names."""
    keys = {one: signing_key(f"recovered {one}").public_key for one in ("root", "recovery")}
    return vary(
        RECOVERY,
        root_key=keys["root"],
        recovery_key=keys["recovery"],
        suspect_height=ledger.tip.height,
    )


@pytest.mark.parametrize("name", [one for one in STATEMENTS if STATEMENTS[one].author == CHAIR])
def test_after_any_statement_of_the_chairs_key_the_chair_is_recovered(name: str) -> None:
    ledger = open_trade()
    statement = STATEMENTS[name]
    with suppress(RefusedError):
        ledger.record(
            make_event(CHAIR, statement.body, subject=statement.subject, signers=statement.signers)
        )
    body = vary(
        CHAIR_RECOVERY,
        key=signing_key("recovered chair").public_key,
        secretariat_key=signing_key("recovered secretariat").public_key,
        suspect_height=ledger.tip.height,
    )
    signers = ("EU/root", "IN/root", "ZA/root", "recovered chair")
    assert ledger.attempt(make_event("EU/root", body, signers=signers)) is None


def test_recovered_chair_ends_what_was_arranged_for_the_scheme_since() -> None:
    ledger = open_trade()
    since = ledger.tip.height + 1
    values = PolicyValues(officers=8)
    settled = PolicySet(
        participant=None, values=values, effective_from=NOW_MS, decision="AD-2026-1"
    )
    ledger.record(make_event(CHAIR, settled))
    ledger.record(state(ledger, "authority_registered"))
    ledger.record(state(ledger, "chair_rotated"))
    body = vary(CHAIR_RECOVERY, key=signing_key("the right chair").public_key, suspect_height=since)
    signers = ("BW/root", "IN/root", "ZA/root", "the right chair")
    ledger.record(make_event(ROOT, body, signers=signers))
    scheme = ledger.read(SchemeRecord.key_for("kpcs"), SchemeRecord)
    assert (scheme.chair, scheme.year, scheme.key) == ("ZA", 2026, body.key)
    assert (scheme.witnesses, scheme.chair_quorum) == (2, 3)
    office = ledger.read(AuthorityRecord.key_for(KPCS, "car-team"), AuthorityRecord)
    assert office.closed_at == NOW_MS
    assert len(ledger.read(PolicyRecord.key_for("network"), PolicyRecord).history) == 1
    assert judgement(ledger.attempt(make_event(CHAIR, STATUS, signers=("the next chair",)))) == (
        SIGNATURES
    )
    assert ledger.attempt(make_event(CHAIR, STATUS, signers=("the right chair",))) is None


def test_no_revocation_says_that_it_is_a_recovery() -> None:
    body = KeyRevoked(
        key=signing_key("BW/gaborone").public_key,
        reason=RevocationReason.RECOVERED,
        suspect_since=None,
    )
    assert judge(open_trade(), ROOT, body) == (Rule.E5, "body.reason")


def test_keys_and_offices_are_bounded_so_that_a_recovery_can_go_through_them() -> None:
    ledger = open_trade()
    key = HouseRecord.key_for("BW")
    full = HouseRecord(keys=(bytes(32),) * 500, offices=("gaborone",) * 500)
    ledger.state.pairs[key] = encode(full)
    assert judge(ledger, ROOT, KEY) == (Rule.E6, "body.key")
    assert judge(ledger, ROOT, OFFICE) == (Rule.E6, "body.authority")
    assert judge(ledger, ROOT, ROTATION) is None
