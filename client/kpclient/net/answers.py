"""What a node answers, as people see it.

An answer is a claim. What can be verified about it is verified in
:mod:`kpclient.net.ledger_client`; the rest is what the node says, until an audit has replayed the
ledger.
"""

from dataclasses import dataclass

import msgspec

from kpledger.api.answers import Problem
from kpledger.scheme.event import SignedEvent

NO_PROBLEM = Problem(type="about:blank", title="", status=0, detail="")
"""Stands where a node gave none."""


@dataclass(frozen=True, slots=True)
class VerifiedEvent:
    """An event on the ledger; its id and its signatures are verified, its place is a claim."""

    event: SignedEvent
    height: int
    index: int
    block_time_ms: int
    countersigned: tuple[str, ...] = ()
    """Events by which others of its office are said to have signed it afterwards."""


def describe_problem(problem: Problem | None) -> dict[str, str]:
    """Give what a problem document says, name by name; what does not apply is empty."""
    known = problem or NO_PROBLEM
    return {
        "type": known.type,
        "rule": known.rule or "",
        "clause": known.clause or "",
        "field": known.field or "",
        "problem": known.detail,
        "accepted": known.accepted or "",
    }


def full_problem(problem: Problem | None) -> dict[str, object]:
    """Give a problem document with all its members; what does not apply is empty."""
    known = msgspec.structs.asdict(problem or NO_PROBLEM)
    return {name: "" if value is None else value for name, value in known.items()}
