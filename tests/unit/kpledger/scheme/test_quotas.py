"""E15: an office files so much of each kind a day, and a week's worth at once."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    DECISION,
    NOW_MS,
    MemoryLedger,
    make_event,
    make_genesis,
    open_trade,
    signing_key,
    vary,
)
from judging import judge
from scheme_statements import POLICY

from kpledger.base.state import ChangeSet
from kpledger.base.units import DAY_MS, format_time
from kpledger.log.genesis import NO_QUOTAS, GenesisPolicy
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import MAX_EVENT_BYTES, Body, EventPlace
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    KeyRevoked,
    RevocationReason,
)
from kpledger.scheme.v1.events.life import NoteFiled
from kpledger.scheme.v1.execution import apply
from kpledger.scheme.v1.policy import Policy
from kpledger.scheme.v1.rules.quotas import KINDS, SAVED_DAYS, UNIT_BYTES, Kind, QuotaRecord

NOTE: Final = NoteFiled(text="Seen.", references=(), document=None)
STOCK: Final = 10 * SAVED_DAYS
"""What may be filed at once where a quota is the smallest."""
OFFICE: Final = AuthorityRegistered(
    authority="mochudi",
    title="Second office",
    place="Mochudi",
    roles=(AuthorityRole.EXPORTING,),
    contact="",
)


def _found(**quotas: int) -> MemoryLedger:
    ledger = MemoryLedger(make_genesis(GenesisPolicy(**quotas)))
    ledger.open_term(1)
    return ledger


def _event(ledger: MemoryLedger, author: str, body: Body, nonce: int) -> bytes:
    return make_event(author, body, subject="BW", nonce=nonce, chain=ledger.genesis.chain)


def _file(ledger: MemoryLedger, author: str, body: Body, count: int) -> None:
    first = ledger.tip.tree.size
    for nonce in range(first, first + count):
        ledger.record(_event(ledger, author, body, nonce))


def _refusal(ledger: MemoryLedger, author: str, body: Body, now_ms: int = NOW_MS) -> Refusal | None:
    return ledger.attempt(_event(ledger, author, body, 10**6), now_ms=now_ms)


def _rule(ledger: MemoryLedger, author: str, body: Body) -> Rule | None:
    refusal = _refusal(ledger, author, body)
    return None if refusal is None else refusal.rule


def test_a_weeks_worth_may_come_at_once_and_no_more() -> None:
    ledger = _found(notes_quota=10)
    _file(ledger, "BW/root", NOTE, STOCK)
    assert _rule(ledger, "BW/root", NOTE) is Rule.E15
    assert _rule(ledger, "ZA/root", NOTE) is None


def test_refusal_names_the_instant_from_which_the_same_event_is_accepted() -> None:
    ledger = _found(notes_quota=10)
    _file(ledger, "BW/root", NOTE, STOCK)
    free_ms = NOW_MS + DAY_MS // 10
    refusal = _refusal(ledger, "BW/root", NOTE)
    assert refusal == Refusal(
        Rule.E15,
        "author",
        "the notes quota of BW/root is used up: 10 units of 2048 bytes a day;"
        " what is not used adds up for 7 days",
        f"the same, filed again from {format_time(free_ms)} on",
    )
    assert _refusal(ledger, "BW/root", NOTE, free_ms - 1) is not None
    assert _refusal(ledger, "BW/root", NOTE, free_ms) is None


def test_an_event_counts_by_its_bytes() -> None:
    ledger = _found(notes_quota=10)
    long = vary(NOTE, text="x" * 2_000)
    size = len(make_event("BW/root", long, subject="BW"))
    assert UNIT_BYTES < size <= 2 * UNIT_BYTES
    _file(ledger, "BW/root", long, STOCK // 2)
    assert _rule(ledger, "BW/root", NOTE) is Rule.E15


def test_the_largest_event_fits_into_the_smallest_quota() -> None:
    assert MAX_EVENT_BYTES + 4096 <= STOCK * UNIT_BYTES


def test_kinds_have_quotas_of_their_own() -> None:
    ledger = _found(notes_quota=10)
    _file(ledger, "BW/root", NOTE, STOCK)
    assert _rule(ledger, "BW/root", OFFICE) is not Rule.E15


def test_a_key_is_withdrawn_though_the_quota_is_used_up() -> None:
    ledger = open_trade()
    changes = ChangeSet(ledger.state)
    far_us = (NOW_MS + 8 * DAY_MS) * 1000
    changes.put(QuotaRecord.key_for("BW", "root"), QuotaRecord(governance=far_us))
    ledger.state.apply(changes)
    revoked = KeyRevoked(
        key=signing_key("BW/gaborone").public_key,
        reason=RevocationReason.RETIRED,
        suspect_since=None,
    )
    assert judge(ledger, "BW/root", OFFICE) == (Rule.E15, "author")
    assert judge(ledger, "BW/root", revoked) is None


@pytest.mark.parametrize(("author", "shares"), [("BW/gaborone", True), ("BW/root", False)])
def test_offices_share_a_quota_that_their_root_has_no_part_in(author: str, *, shares: bool) -> None:
    ledger = open_trade()
    changes = ChangeSet(ledger.state)
    far_us = (NOW_MS + SAVED_DAYS * DAY_MS) * 1000
    changes.put(QuotaRecord.key_for("BW"), QuotaRecord(notes=far_us))
    ledger.state.apply(changes)
    refusal = _refusal(ledger, author, NOTE)
    assert (refusal is not None) is shares
    if refusal is not None:
        assert "the notes quota of all offices of BW is used up: 400 units" in refusal.problem


def test_all_offices_together_file_as_much_as_a_few() -> None:
    ledger = open_trade()
    _file(ledger, "BW/gaborone", NOTE, 1)
    own = ledger.read(QuotaRecord.key_for("BW", "gaborone"), QuotaRecord).notes
    shared = ledger.read(QuotaRecord.key_for("BW"), QuotaRecord).notes
    now_us = NOW_MS * 1000
    assert own - now_us == 4 * (shared - now_us) == DAY_MS * 10


def test_the_chair_settles_quotas_for_all_and_nobody_for_itself() -> None:
    ledger = open_trade()
    values = PolicyValues(notes_quota=10)
    own = vary(POLICY, values=values)
    assert judge(ledger, "BW/root", own) == (Rule.E5, "body.values.notes_quota")
    for_all = vary(own, participant=None, decision=DECISION)
    ledger.record(make_event(CHAIR, for_all))
    _file(ledger, "BW/root", NOTE, STOCK)
    assert judge(ledger, "BW/root", NOTE, "BW") == (Rule.E15, "author")


def test_no_quotas_let_years_in_at_once() -> None:
    ledger = MemoryLedger(make_genesis(NO_QUOTAS))
    ledger.open_term(1)
    _file(ledger, "BW/root", NOTE, 100)
    used_us = ledger.read(QuotaRecord.key_for("BW", "root"), QuotaRecord).notes - NOW_MS * 1000
    assert used_us <= 100 * DAY_MS * 1000 // 10**9


def test_applying_writes_what_executing_wrote_but_for_quotas() -> None:
    ledger = open_trade()
    encoded = _event(ledger, "BW/gaborone", NOTE, 1)
    executed, applied = ChangeSet(ledger.state), ChangeSet(ledger.state)
    assert ledger.execute(encoded, executed) is None
    at = EventPlace(
        chain=ledger.genesis.chain,
        now_ms=NOW_MS,
        index=ledger.tip.tree.size,
        height=ledger.tip.height + 1,
    )
    apply(decode_envelope(encoded), applied, at)
    used = {QuotaRecord.key_for(*name) for name in (("BW", "gaborone"), ("BW",))}
    assert executed.written.keys() - applied.written.keys() == used
    assert applied.written.items() <= executed.written.items()


def test_every_event_is_of_a_kind_whose_quota_the_policy_has() -> None:
    assert set(KINDS) == set(CATALOGUE) == set(BODIES.values())
    assert set(KINDS.values()) == set(Kind)
    for kind in Kind:
        assert getattr(Policy(), f"{kind}_quota") == getattr(GenesisPolicy(), f"{kind}_quota")
    assert Policy().quota_offices == GenesisPolicy().quota_offices


def test_what_offices_really_file_is_far_below_their_quota() -> None:
    # The largest office: some 40,000 events a year; its busiest day is twenty times the mean.
    assert Policy().trade_quota > 20 * 40_000 / 365
