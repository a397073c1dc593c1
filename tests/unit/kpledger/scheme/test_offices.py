"""Offices that close, offices of the scheme, observers, and keys that follow each other."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    MemoryLedger,
    make_certificate,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from judging import Judgement, judge, judgement
from scheme_statements import (
    KEY,
    MONITOR,
    MONITORING,
    NEW_KEY,
    NOTE,
    OBSERVER,
    OFFICE,
    QUESTION,
    REVOCATION,
    ROTATION,
    SECRETARIAT,
    add_monitor_key,
)

from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.decisions import PolicySet, PolicyValues
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    AuthorityRole,
    KeyAdded,
    KeyRotated,
    RevocationReason,
)
from kpledger.scheme.v1.events.life import ObserverKind, ObserverWithdrawn
from kpledger.scheme.v1.records import AuthorityRecord, KeyRecord, ParticipantRecord

ISSUE: Final = CertificateIssued(certificate=make_certificate())
CLOSING: Final = AuthorityClosed(authority="gaborone", reason="")
WITHDRAWAL: Final = ObserverWithdrawn(observer="wdc", reference="letter 7")
SIGNATURES: Final = (Rule.E1, "signatures")


def _monitored() -> MemoryLedger:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, MONITORING), add_monitor_key())
    return ledger


def test_closed_office_signs_nothing_more() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", CLOSING))
    assert (
        ledger.read(AuthorityRecord.key_for("BW", "gaborone"), AuthorityRecord).closed_at == NOW_MS
    )
    assert judge(ledger, "BW/gaborone", ISSUE) == (Rule.E1, "author")
    assert judge(ledger, "BW/root", CLOSING) == (Rule.E6, "body.authority")
    assert judge(ledger, "BW/root", KEY) == (Rule.E6, "body.authority")
    again = vary(OFFICE, authority="gaborone")
    assert judge(ledger, "BW/root", again) == (Rule.E6, "body.authority")


def test_office_that_is_not_there_is_not_closed() -> None:
    body = vary(CLOSING, authority="kasane")
    assert judge(open_trade(), "BW/root", body) == (Rule.E6, "body.authority")


def test_office_of_a_participant_does_not_observe() -> None:
    body = vary(OFFICE, roles=(AuthorityRole.EXPORTING, AuthorityRole.OBSERVER))
    assert judge(open_trade(), "BW/root", body) == (Rule.E5, "body.roles")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"authority": "chair"}, (Rule.E6, "body.authority")),
        ({"authority": "secretariat"}, (Rule.E6, "body.authority")),
        ({"authority": "rules"}, (Rule.E6, "body.authority")),
        ({"authority": "policy"}, (Rule.E6, "body.authority")),
        ({"authority": "root"}, (Rule.E6, "body.authority")),
        ({"roles": (AuthorityRole.EXPORTING,)}, (Rule.E5, "body.roles")),
        ({"roles": (AuthorityRole.OBSERVER,)}, (Rule.E5, "body.roles")),
        ({"territory": "HK"}, (Rule.E5, "body.territory")),
        ({"roles": (AuthorityRole.STATISTICS,)}, None),
    ],
)
def test_chair_registers_offices_of_the_scheme(
    changes: dict[str, object], expected: Judgement
) -> None:
    assert judge(open_trade(), CHAIR, vary(MONITORING, **changes)) == expected


def test_chair_keeps_the_keys_of_the_offices_of_the_scheme() -> None:
    ledger = _monitored()
    assert judge(ledger, MONITOR, QUESTION, "BW/anomaly/1") is None
    team_key = signing_key(MONITOR).public_key
    ledger.record(make_event(CHAIR, vary(ROTATION, old=team_key)))
    assert judge(ledger, MONITOR, QUESTION, "BW/anomaly/1") == SIGNATURES
    assert judge(ledger, CHAIR, vary(REVOCATION, key=NEW_KEY)) is None
    ledger.record(make_event(CHAIR, vary(CLOSING, authority="car-team")))
    assert judge(ledger, CHAIR, vary(KEY, authority="car-team", key=NEW_KEY)) == (
        Rule.E6,
        "body.authority",
    )


@pytest.mark.parametrize(
    ("author", "body"),
    [(CHAIR, ROTATION), (CHAIR, REVOCATION), (SECRETARIAT, REVOCATION)],
)
def test_keys_of_chair_and_secretariat_are_not_withdrawn(author: str, body: Body) -> None:
    field = "old" if body is ROTATION else "key"
    changed = vary(body, **{field: signing_key(author).public_key})
    assert judge(open_trade(), CHAIR, changed) == (Rule.E2, f"body.{field}")


def test_chair_puts_a_new_key_in_the_place_of_the_secretariats() -> None:
    ledger = open_trade()
    old = signing_key(SECRETARIAT).public_key
    ledger.record(make_event(CHAIR, vary(ROTATION, old=old)))
    record = ledger.read(KeyRecord.key_for(NEW_KEY), KeyRecord)
    assert (record.participant, record.authority) == ("KPCS", "secretariat")


@pytest.mark.parametrize("authority", ["chair", "secretariat", "root"])
def test_chair_and_secretariat_are_given_no_further_keys(authority: str) -> None:
    body = vary(KEY, authority=authority)
    assert judge(open_trade(), CHAIR, body) == (Rule.E6, "body.authority")


def test_chair_does_not_keep_the_house_of_a_participant() -> None:
    body = vary(REVOCATION, key=signing_key("BW/gaborone").public_key)
    assert judge(open_trade(), CHAIR, body) == (Rule.E2, "body.key")


def test_rotated_key_is_followed_in_one_step() -> None:
    ledger = open_trade()
    officer = signing_key("an officer").public_key
    added = KeyAdded(authority="gaborone", key=officer, valid_from=NOW_MS, officer="m-one")
    ledger.record(make_event("BW/root", added))
    ledger.record(make_event("BW/root", vary(ROTATION, old=officer)))
    new = ledger.read(KeyRecord.key_for(NEW_KEY), KeyRecord)
    assert (new.participant, new.authority, new.officer) == ("BW", "gaborone", "m-one")
    old = ledger.read(KeyRecord.key_for(officer), KeyRecord)
    assert (old.revoked_at, old.reason) == (NOW_MS, RevocationReason.SUPERSEDED)
    by_old = make_event("BW/gaborone", ISSUE, signers=("an officer",))
    assert judgement(ledger.attempt(by_old)) == SIGNATURES
    assert ledger.attempt(make_event("BW/gaborone", ISSUE, signers=("a new key",))) is None


def test_root_replaces_its_own_key() -> None:
    ledger = open_trade()
    own = signing_key("BW/root").public_key
    ledger.record(
        make_event("BW/root", vary(ROTATION, old=own), signers=("BW/root", "BW/recovery"))
    )
    assert judge(ledger, "BW/root", OFFICE) == SIGNATURES
    assert ledger.attempt(make_event("BW/root", OFFICE, signers=("a new key",))) is None


SKEW_MS: Final = 10_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"old": NEW_KEY}, (Rule.E2, "body.old")),
        ({"old": signing_key("EU/root").public_key}, (Rule.E2, "body.old")),
        ({"new": signing_key("EU/root").public_key}, (Rule.E6, "body.new")),
        ({"new": b"\x01" + bytes(31)}, (Rule.E5, "body.new")),
        ({"valid_from": NOW_MS + SKEW_MS}, None),
        ({"valid_from": NOW_MS + SKEW_MS + 1}, (Rule.E6, "body.valid_from")),
    ],
)
def test_unsound_rotation_is_refused(changes: dict[str, object], expected: Judgement) -> None:
    assert judge(open_trade(), "BW/root", vary(ROTATION, **changes)) == expected


def test_revoked_key_is_not_rotated() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", REVOCATION))
    assert judge(ledger, "BW/root", ROTATION) == (Rule.E6, "body.old")


def _sign_with(ledger: MemoryLedger, *signers: str) -> Judgement:
    return judgement(ledger.attempt(make_event("BW/gaborone", ISSUE, signers=signers)))


def test_four_eyes_are_two_different_officers_of_the_office() -> None:
    ledger = open_trade()
    for name, officer in (("one", "m-one"), ("one again", "m-one"), ("two", "m-two")):
        key = signing_key(name).public_key
        added = KeyAdded(authority="gaborone", key=key, valid_from=NOW_MS, officer=officer)
        ledger.record(make_event("BW/root", added))
    assert _sign_with(ledger, "one") is None
    policy = PolicySet(
        participant="BW",
        values=PolicyValues(officers=2),
        effective_from=NOW_MS,
        decision=None,
    )
    ledger.record(make_event("BW/root", policy))
    assert _sign_with(ledger, "one") == SIGNATURES
    assert _sign_with(ledger, "one", "one again") == SIGNATURES
    assert _sign_with(ledger, "one", "two") is None
    # A key without an officer's name is an officer of its own.
    assert _sign_with(ledger, "BW/gaborone", "one") is None
    # The root must be able to undo it, and other participants go on as before.
    undone = vary(policy, values=PolicyValues(officers=1))
    assert judge(ledger, "BW/root", undone) is None
    certificate = CertificateIssued(certificate=make_certificate("ZA000001"))
    assert judge(ledger, "ZA/joburg", certificate) is None


def test_observer_files_notes_and_nothing_else() -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, OBSERVER))
    record = ledger.read(AuthorityRecord.key_for("KPCS", "wdc"), AuthorityRecord)
    assert (record.roles, record.observer) == ((AuthorityRole.OBSERVER,), ObserverKind.INDUSTRY)
    assert judge(ledger, "KPCS/wdc", NOTE, "BW") is None
    assert judge(ledger, "KPCS/wdc", QUESTION, "BW/anomaly/1") == (Rule.E1, "author")
    assert judge(ledger, "KPCS/wdc", ISSUE) == (Rule.E1, "author")
    ledger.record(make_event(CHAIR, WITHDRAWAL))
    assert judge(ledger, "KPCS/wdc", NOTE, "BW") == (Rule.E1, "author")
    assert judge(ledger, CHAIR, WITHDRAWAL) == (Rule.E6, "body.observer")
    assert judge(ledger, CHAIR, OBSERVER) == (Rule.E6, "body.observer")


def test_observer_has_a_name_and_a_key_of_its_own() -> None:
    ledger = _monitored()
    for name in ("chair", "secretariat", "root", "car-team"):
        assert judge(ledger, CHAIR, vary(OBSERVER, observer=name)) == (Rule.E6, "body.observer")
    used = vary(OBSERVER, key=signing_key("BW/root").public_key)
    assert judge(ledger, CHAIR, used) == (Rule.E6, "body.key")


def test_office_is_not_withdrawn_and_an_observer_not_closed() -> None:
    ledger = _monitored()
    ledger.record(make_event(CHAIR, OBSERVER))
    team = vary(WITHDRAWAL, observer="car-team")
    assert judge(ledger, CHAIR, team) == (Rule.E6, "body.observer")
    assert judge(ledger, CHAIR, vary(CLOSING, authority="wdc")) == (Rule.E6, "body.authority")


def test_offices_for_statistics_are_counted_while_they_are_open() -> None:
    ledger = open_trade()
    counts = []
    statistics = vary(OFFICE, roles=(AuthorityRole.EXPORTING, AuthorityRole.STATISTICS))
    for body in (statistics, vary(CLOSING, authority="francistown"), CLOSING):
        ledger.record(make_event("BW/root", body))
        record = ledger.read(ParticipantRecord.key_for("BW"), ParticipantRecord)
        counts.append((record.authority_count, record.statistics_offices))
    assert counts == [(2, 1), (2, 0), (2, 0)]


def test_rotation_names_the_key_it_ends() -> None:
    body = KeyRotated(old=ROTATION.old, new=NEW_KEY, valid_from=NOW_MS)
    assert judge(open_trade(), "BW/root", body, NEW_KEY.hex()) == (Rule.E5, "subject")
