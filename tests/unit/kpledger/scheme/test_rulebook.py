"""Versions of the rules: the ledger says which holds for a block, and nobody goes on without it.

The second version is of this test alone: the first one, and no notes any more.
"""

from dataclasses import replace
from typing import Final

import msgspec
import pytest
from founding import (
    CHAIR,
    DECISION,
    MemoryLedger,
    RefusedError,
    decide,
    found_ledger,
    make_event,
    make_genesis,
    vary,
)
from judging import Judgement, judge
from scheme_statements import NOTE

from kpledger.base.errors import MalformedError
from kpledger.base.state import ChangeSet
from kpledger.log.audit import Auditor
from kpledger.log.chain import BlockExecutor, execute_entry
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Body, EventPlace, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.rulebook import RELEASED, Rulebook, UnknownRules, UnknownRulesError
from kpledger.scheme.v1.context import CatalogueError
from kpledger.scheme.v1.events.decisions import RulesActivated
from kpledger.scheme.v1.events.life import NoteFiled
from kpledger.scheme.v1.execution import execute
from kpledger.scheme.v1.rules.decisions import MAX_BLOCKS_AHEAD
from kpledger.scheme.v1.version import V1
from kpledger.scheme.version import RULES_KEY, RulesRecord, RulesSince


def _execute_v2(event: SignedEvent, state: ChangeSet, at: EventPlace) -> Refusal | None:
    if isinstance(event.body, NoteFiled):
        return Refusal(Rule.E12, "type", "v2 has no notes", "anything else")
    return execute(event, state, at)


BOTH: Final = Rulebook({1: V1, 2: replace(V1, execute=_execute_v2)})
FROM_HEIGHT: Final = 5
ACTIVATION: Final = RulesActivated(version=2, height=FROM_HEIGHT, decision=DECISION)


def _note(nonce: int) -> bytes:
    return make_event("BW/root", NOTE, subject="BW", nonce=nonce)


def _activated(rules: Rulebook = BOTH) -> MemoryLedger:
    """Give a ledger at height 3 on which v2 is to hold from height 5 on."""
    ledger = found_ledger(rules)
    decide(ledger)
    ledger.record(make_event(CHAIR, ACTIVATION))
    assert ledger.tip.height == FROM_HEIGHT - 2
    return ledger


def test_blocks_below_the_height_are_sealed_by_the_old_rules_and_above_by_the_new() -> None:
    ledger = _activated()
    ledger.record(_note(1))
    assert ledger.tip.height == FROM_HEIGHT - 1
    with pytest.raises(RefusedError, match="v2 has no notes"):
        ledger.record(_note(2))
    decide(ledger, "AD-2026-2")
    assert ledger.tip.height == FROM_HEIGHT


def test_activation_and_first_block_may_be_one_after_the_other() -> None:
    ledger = found_ledger(BOTH)
    decide(ledger)
    ledger.record(make_event(CHAIR, vary(ACTIVATION, height=4)), _note(1))
    with pytest.raises(RefusedError, match="v2 has no notes"):
        ledger.record(_note(2))


def test_block_by_the_old_rules_is_refused_where_the_new_ones_hold() -> None:
    """A leader that knows no better than v1 above the height is found out by the others."""
    ledger = _activated(Rulebook({1: V1, 2: V1}))
    ledger.record(_note(1))
    block, _ = ledger.seal(_note(2))
    entry = StoredEntry(kind=1, term=1, payload=block)
    with pytest.raises(InvalidBlockError, match="v2 has no notes") as caught:
        execute_entry(ledger.genesis, ledger.tip, ledger.state, entry, rules=BOTH)
    assert caught.value.field == "events[0]"


def _stored(block: int | bytes) -> bytes:
    if isinstance(block, int):
        return encode_stored_entry(StoredEntry(kind=0, term=block, payload=b""))
    return encode_stored_entry(StoredEntry(kind=1, term=1, payload=block))


def _chain(ledger: MemoryLedger) -> list[tuple[int, bytes]]:
    return list(enumerate(map(_stored, ledger.blocks), start=1))


def test_audit_replays_each_block_by_its_own_rules() -> None:
    ledger = _activated()
    ledger.record(_note(1))
    decide(ledger, "AD-2026-2")
    auditor = Auditor(make_genesis(), rules=BOTH)
    assert [auditor.feed(*one) for one in _chain(ledger)] == [None] * FROM_HEIGHT
    assert auditor.progress.tip == ledger.tip


def test_audit_finds_a_block_that_only_the_old_rules_allow() -> None:
    ledger = _activated(Rulebook({1: V1, 2: V1}))
    ledger.record(_note(1))
    ledger.record(_note(2))
    auditor = Auditor(make_genesis(), rules=BOTH)
    violations = [auditor.feed(*one) for one in _chain(ledger)]
    assert violations[:-1] == [None] * (FROM_HEIGHT - 1)
    assert violations[-1] is not None
    assert violations[-1].field == "events[0]"


def test_program_without_the_version_stops_and_says_which_it_needs() -> None:
    ledger = found_ledger()
    changes = ChangeSet(ledger.state)
    versions = (RulesSince(version=1, height=1), RulesSince(version=2, height=3))
    changes.put(RULES_KEY, RulesRecord(versions=versions))
    ledger.state.apply(changes)
    executor = BlockExecutor(ledger.genesis, ledger.tip, ledger.state, ledger.now_ms)
    assert executor.add(decode_envelope(_note(1))) is None
    above = BlockExecutor(
        ledger.genesis, replace(ledger.tip, height=2), ledger.state, ledger.now_ms
    )
    with pytest.raises(UnknownRulesError) as caught:
        above.add(decode_envelope(_note(1)))
    assert (caught.value.height, caught.value.version) == (3, 2)
    assert str(caught.value) == (
        "block 3 needs rules v2; this program has v1: a newer release of it is needed"
    )


def test_program_without_the_version_refuses_to_activate_it() -> None:
    ledger = found_ledger()
    decide(ledger)
    with pytest.raises(RefusedError, match=r"E12 .*body\.version: rules v2 are not part of this"):
        ledger.record(make_event(CHAIR, ACTIVATION))


def test_refused_activation_leaves_no_trace() -> None:
    ledger = found_ledger()
    decide(ledger)
    changes = ChangeSet(ledger.state)
    event = decode_envelope(make_event(CHAIR, ACTIVATION))
    at = EventPlace(
        make_genesis().chain, ledger.now_ms, ledger.tip.tree.size, ledger.tip.height + 1
    )
    refusal = RELEASED.execute(event, changes, at)
    assert isinstance(refusal, UnknownRules)
    assert changes.written == {}


def test_audit_without_the_version_stops_at_its_activation_and_accuses_nobody() -> None:
    ledger = _activated()
    auditor = Auditor(make_genesis())
    chain = _chain(ledger)
    assert [auditor.feed(*one) for one in chain[:-1]] == [None, None]
    with pytest.raises(UnknownRulesError, match=r"block 3 .* v2; this program has v1"):
        auditor.feed(*chain[-1])
    assert auditor.progress.tip.height == FROM_HEIGHT - 3


def test_unsound_activation_is_a_violation_to_every_program() -> None:
    """Else anybody could stop the nodes of the release before."""
    lenient = replace(V1, execute=_let_in)
    ledger = found_ledger(Rulebook({1: lenient, 2: lenient}))
    ledger.record(make_event("BW/root", ACTIVATION))
    auditor = Auditor(make_genesis())
    violations = [auditor.feed(*one) for one in _chain(ledger)]
    assert violations[0] is None
    assert violations[1] is not None
    assert violations[1].field == "events[0]"


def _let_in(_event: SignedEvent, _state: ChangeSet, _at: EventPlace) -> Refusal | None:
    return None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"version": 3}, (Rule.E6, "body.version")),
        ({"height": 3}, (Rule.E14, "body.height")),
        ({"height": 4}, None),
        ({"height": 3 + MAX_BLOCKS_AHEAD}, None),
        ({"height": 4 + MAX_BLOCKS_AHEAD}, (Rule.E14, "body.height")),
        ({"decision": "AD-2026-9"}, (Rule.E11, "body.decision")),
    ],
)
def test_next_version_is_activated_for_a_block_to_come(
    changes: dict[str, object], expected: Judgement
) -> None:
    ledger = found_ledger()
    decide(ledger)
    assert judge(ledger, CHAIR, vary(ACTIVATION, **changes)) == expected


def test_version_after_the_next_waits_for_the_next() -> None:
    ledger = _activated()
    third = vary(ACTIVATION, version=3)
    assert judge(ledger, CHAIR, third) == (Rule.E14, "body.height")
    assert judge(ledger, CHAIR, vary(third, height=FROM_HEIGHT + 1)) is None
    assert judge(ledger, CHAIR, ACTIVATION) == (Rule.E6, "body.version")


def test_applying_an_accepted_event_writes_what_executing_it_wrote_but_for_quotas() -> None:
    ledger = _activated()
    executed, applied = ChangeSet(ledger.state), ChangeSet(ledger.state)
    event = decode_envelope(_note(1))
    at = EventPlace(
        make_genesis().chain, ledger.now_ms, ledger.tip.tree.size, ledger.tip.height + 1
    )
    assert BOTH.execute(event, executed, at) is None
    BOTH.apply(event, applied, at)
    assert executed.written.pop(b"quota/BW/root")
    assert executed.written == applied.written != {}


def test_event_of_an_unknown_version_is_not_applied() -> None:
    ledger = _activated()
    event = decode_envelope(_note(1))
    at = EventPlace(make_genesis().chain, ledger.now_ms, ledger.tip.tree.size, FROM_HEIGHT)
    with pytest.raises(UnknownRulesError):
        RELEASED.apply(event, ChangeSet(ledger.state), at)


def test_event_that_a_version_does_not_know_is_not_applied() -> None:
    ledger = found_ledger()
    event = decode_envelope(_note(1))
    header = msgspec.structs.replace(event.header, version=2)
    event = msgspec.structs.replace(event, header=header)
    at = EventPlace(make_genesis().chain, ledger.now_ms, 0, 2)
    with pytest.raises(MalformedError, match="there is no event type note_filed v2"):
        RELEASED.apply(event, ChangeSet(ledger.state), at)


def test_version_has_no_effect_of_what_it_does_not_know() -> None:
    ledger = found_ledger()
    event = msgspec.structs.replace(decode_envelope(_note(1)), body=Body())
    at = EventPlace(make_genesis().chain, ledger.now_ms, 0, 2)
    with pytest.raises(CatalogueError, match="rules v1 do not know note_filed"):
        V1.apply(event, ChangeSet(ledger.state), at)


def test_ledger_is_founded_by_a_known_version_alone() -> None:
    ledger = found_ledger()
    with pytest.raises(UnknownRulesError):
        ledger.genesis.seed_state(ledger.state, Rulebook({2: V1}))
