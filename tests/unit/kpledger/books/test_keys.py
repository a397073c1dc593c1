"""Signing keys: whose they are, and from when until when they count."""

import pytest
from booked import open_booked_trade
from founding import FOUNDED_MS, signing_key

from kpledger.books.keys import KEY, SIGNING_KEYS, KeyQuestion, KeysQuestion, RegisteredKey
from kpledger.books.question import QuestionError
from kpledger.scheme.v1.events.governance import AuthorityClosed, KeyRevoked, RevocationReason

OFFICE = "BW/gaborone"


def test_keys_of_a_participant_are_listed_while_they_count_and_after() -> None:
    ledger = open_booked_trade()

    def ask(code: str, *, past: bool = False) -> tuple[RegisteredKey, ...]:
        return SIGNING_KEYS.respond(ledger.books, KeysQuestion(participant=code, past=past)).keys

    assert [one.authority for one in ask("BW")] == ["gaborone", "recovery", "root"]
    office, recovery, root = ask("BW")
    assert office.key == signing_key(OFFICE).public_key.hex()
    assert (office.valid_from, office.revoked_at, office.officer) == (FOUNDED_MS, None, None)
    assert root.key == signing_key("BW/root").public_key.hex()
    assert [one.authority for one in ask("KPCS")] == ["chair", "secretariat"]
    revoke = KeyRevoked(
        key=signing_key(OFFICE).public_key,
        reason=RevocationReason.COMPROMISED,
        suspect_since=FOUNDED_MS + 1,
    )
    ledger.say("BW/root", revoke)
    assert ask("BW") == (recovery, root)
    [gone, _, _] = ask("BW", past=True)
    assert gone.revoked_at == ledger.tip.time_ms
    assert (gone.reason, gone.suspect_since) == (revoke.reason, revoke.suspect_since)


def test_keys_of_a_closed_office_sign_no_more() -> None:
    ledger = open_booked_trade()
    ledger.say("BW/root", AuthorityClosed(authority="gaborone", reason="moved"))

    def ask(*, past: bool) -> dict[str, int | None]:
        question = KeysQuestion(participant="BW", past=past)
        keys = SIGNING_KEYS.respond(ledger.books, question).keys
        return {one.authority: one.office_closed_at for one in keys}

    assert ask(past=False) == {"recovery": None, "root": None}
    assert ask(past=True) == {"gaborone": ledger.tip.time_ms, "recovery": None, "root": None}
    key = KeyQuestion(key=signing_key(OFFICE).public_key.hex())
    assert KEY.respond(ledger.books, key).office_closed_at == ledger.tip.time_ms


def test_whom_the_ledger_does_not_know_has_no_keys() -> None:
    with pytest.raises(QuestionError, match="there is no participant 'XX'"):
        SIGNING_KEYS.respond(open_booked_trade().books, KeysQuestion(participant="XX"))
