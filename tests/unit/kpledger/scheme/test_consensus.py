"""Decisions: what participants sign about them, and what the word of the Chair alone may carry."""

from typing import Final

import pytest
from founding import CHAIR, NOW_MS, TODAY, MemoryLedger, event_id_of, make_event, open_trade, vary
from judging import judge
from scheme_statements import ADMISSION, HAND_OVER, PAPER, POLICY, RESTRICTION, STATUS

from kpledger.base.hashing import sha256
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events import decisions as d
from kpledger.scheme.v1.events.governance import ParticipantKind, Standing
from kpledger.scheme.v1.records import PositionsRecord

NAME: Final = "AD-2026-9"
OTHER: Final = sha256(b"another text")
MINUTES: Final = d.DecisionRecorded(
    decision=NAME,
    title="A plenary's minutes",
    document=PAPER,
    procedure=d.Procedure.PLENARY,
    decided_on=TODAY,
    supports=(),
    objections=(),
    ratifies=(),
)
SUPPORT: Final = d.PositionTaken(decision=NAME, document=PAPER, stance=d.Stance.SUPPORT, remarks="")
OBJECTION: Final = vary(SUPPORT, stance=d.Stance.OBJECTION)
SUSPENSION: Final = vary(STATUS, code="ZA", decision=NAME)
NOT_CARRIED: Final = (Rule.E11, "body.decision")
LASTING: Final[list[Body]] = [
    SUSPENSION,
    vary(ADMISSION, decision=NAME),
    vary(RESTRICTION, mode=d.Mode.PROHIBITED, approver=None, decision=NAME),
    vary(POLICY, participant=None, decision=NAME),
    vary(HAND_OVER, decision=NAME),
    d.ViceChairElected(vice_chair="IN", decision=NAME),
    d.RulesActivated(version=2, height=1_000, decision=NAME),
]
"""What rests on a decision of the scheme."""


def _say(ledger: MemoryLedger, author: str, body: Body) -> None:
    ledger.record(make_event(author, body, nonce=ledger.tip.tree.size))


def _asking_for(count: int) -> MemoryLedger:
    """Give a ledger whose policy asks for so many signatures."""
    ledger = open_trade()
    values = d.PolicyValues(signed_supports=count)
    policy = vary(POLICY, participant=None, values=values, decision="AD-2026-1")
    _say(ledger, CHAIR, policy)
    return ledger


@pytest.mark.parametrize("body", LASTING, ids=lambda body: body.TYPE)
def test_word_of_the_chair_alone_carries_nothing_that_lasts(body: Body) -> None:
    ledger = _asking_for(2)
    _say(ledger, CHAIR, MINUTES)
    for participant in ("BW", "IN"):
        signers = (CHAIR, "the next chair") if body is LASTING[4] else None
        attempt = make_event(CHAIR, body, signers=signers, nonce=ledger.tip.tree.size)
        refusal = ledger.attempt(attempt)
        assert refusal is not None
        assert (refusal.rule, refusal.field) == NOT_CARRIED
        assert "rests on the Chair's word" in refusal.problem
        _say(ledger, f"{participant}/root", SUPPORT)
    assert ledger.attempt(attempt) is None


def test_word_of_the_chair_carries_what_is_interim_until_others_have_signed() -> None:
    ledger = _asking_for(1)
    _say(ledger, CHAIR, MINUTES)
    interim = vary(SUSPENSION, interim=True)
    assert judge(ledger, CHAIR, interim) is None
    _say(ledger, "BW/root", SUPPORT)
    assert judge(ledger, CHAIR, interim) == (Rule.E11, "body.interim")


def test_interim_measure_is_ratified_by_signatures_alone() -> None:
    ledger = _asking_for(1)
    _say(ledger, CHAIR, vary(MINUTES, decision="CN-1", procedure=d.Procedure.CHAIR_NOTICE))
    measure = make_event(CHAIR, vary(SUSPENSION, decision="CN-1", interim=True))
    ledger.record(measure)
    ratifies = (event_id_of(measure),)
    assert judge(ledger, CHAIR, vary(MINUTES, ratifies=ratifies)) == (Rule.E11, "body.ratifies")
    _say(ledger, "BW/root", SUPPORT)
    assert judge(ledger, CHAIR, vary(MINUTES, ratifies=ratifies)) is None


@pytest.mark.parametrize("asked", [0, 1])
def test_decision_names_who_signed_where_signatures_are_asked_for(asked: int) -> None:
    ledger = _asking_for(asked)
    named = vary(MINUTES, supports=("BW", "IN"))
    unsigned = (Rule.E11, "body.supports") if asked else None
    assert judge(ledger, CHAIR, named) == unsigned
    _say(ledger, "BW/root", SUPPORT)
    # A support of another text is none.
    _say(ledger, "IN/root", vary(SUPPORT, document=OTHER))
    assert judge(ledger, CHAIR, named) == unsigned
    _say(ledger, "IN/root", SUPPORT)
    assert judge(ledger, CHAIR, named) is None


@pytest.mark.parametrize("asked", [0, 1])
def test_objection_stands_in_the_way_until_it_is_withdrawn(asked: int) -> None:
    """Before the decision is recorded, and of what is to rest on it afterwards."""
    ledger = _asking_for(asked)
    _say(ledger, "BW/root", SUPPORT)
    recorded = vary(MINUTES, supports=("BW",))
    _say(ledger, "IN/root", OBJECTION)
    assert judge(ledger, CHAIR, recorded) == (Rule.E11, "body.decision")
    _say(ledger, "IN/root", vary(OBJECTION, stance=d.Stance.WITHDRAWN))
    _say(ledger, CHAIR, recorded)
    assert judge(ledger, CHAIR, SUSPENSION) is None
    _say(ledger, "IN/root", OBJECTION)
    assert judge(ledger, CHAIR, SUSPENSION) == NOT_CARRIED
    _say(ledger, "IN/root", SUPPORT)
    assert judge(ledger, CHAIR, SUSPENSION) is None


def test_who_has_no_vote_takes_no_position_and_counts_no_more() -> None:
    ledger = _asking_for(1)
    entity = vary(ADMISSION, kind=ParticipantKind.ENTITY, decision="CN-1", interim=True)
    _say(ledger, CHAIR, entity)
    assert judge(ledger, "NA/root", SUPPORT) == (Rule.E11, "author")
    _say(ledger, "IN/root", OBJECTION)
    _say(ledger, "BW/root", SUPPORT)
    suspended = vary(STATUS, code="IN", status=Standing.SUSPENDED, decision="CN-1", interim=True)
    assert judge(ledger, CHAIR, MINUTES) == (Rule.E11, "body.decision")
    _say(ledger, CHAIR, suspended)
    assert judge(ledger, "IN/root", SUPPORT) == (Rule.E11, "author")
    assert judge(ledger, CHAIR, MINUTES) is None


def test_position_is_of_the_text_that_was_recorded_and_the_newest_counts() -> None:
    ledger = open_trade()
    _say(ledger, CHAIR, vary(MINUTES, supports=("BW",)))
    assert judge(ledger, "BW/root", vary(SUPPORT, document=OTHER)) == (Rule.E11, "body.document")
    assert judge(ledger, "BW/gaborone", SUPPORT) == (Rule.E1, "author")
    assert judge(ledger, CHAIR, SUPPORT) == (Rule.E1, "author")
    for stance in (d.Stance.OBJECTION, d.Stance.SUPPORT):
        _say(ledger, "BW/root", vary(SUPPORT, stance=stance))
    record = ledger.read(PositionsRecord.key_for(NAME), PositionsRecord)
    assert [(one.participant, one.stance) for one in record.positions] == [("BW", stance)]


def test_notice_of_the_chair_needs_nobody() -> None:
    ledger = _asking_for(3)
    _say(ledger, "IN/root", OBJECTION)
    notice = vary(MINUTES, procedure=d.Procedure.CHAIR_NOTICE)
    assert judge(ledger, CHAIR, notice) is None
    assert judge(ledger, CHAIR, vary(SUSPENSION, interim=True, effective_from=NOW_MS)) is None
