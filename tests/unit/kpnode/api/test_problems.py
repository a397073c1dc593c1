"""Problems: which status and kind each refusal and each error becomes."""

import pytest

from kpledger.api.answers import Problem
from kpledger.base.errors import (
    LedgerError,
    MalformedError,
    NotCanonicalError,
    OversizedError,
    UnacceptableKeyError,
)
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.api.problems import error_problem, refusal_problem

CONFLICTS = {Rule.E6, Rule.E7}
URN = "urn:kpledger:problem:"


@pytest.mark.parametrize("rule", Rule)
def test_a_refusal_is_a_conflict_if_it_is_about_the_state_of_the_subject(rule: Rule) -> None:
    refusal = Refusal(rule, "body.x", "is wrong", "what is right")
    is_conflict = rule in CONFLICTS
    assert refusal_problem(refusal, bad_signature=False) == Problem(
        type=URN + ("conflict" if is_conflict else "refused"),
        title=(
            "The event does not fit the state of its subject"
            if is_conflict
            else "A rule refuses the event"
        ),
        status=409 if is_conflict else 422,
        detail="is wrong",
        rule=rule.code,
        clause=rule.clause,
        field="body.x",
        accepted="what is right",
    )


@pytest.mark.parametrize(
    ("error", "status", "slug", "rule", "field"),
    [
        (OversizedError("envelope", size=9, limit=8), 413, "oversized", "E12", None),
        (NotCanonicalError("two spellings"), 400, "not-canonical", "E12", None),
        (MalformedError("envelope", "no"), 400, "malformed", "E12", None),
        (MalformedError("event", "no", field="prev"), 400, "malformed", "E12", "prev"),
        (MalformedError("body of x", "no"), 400, "malformed", "E5", "body"),
        (MalformedError("body of x", "no", field="key"), 400, "malformed", "E5", "body.key"),
        (UnacceptableKeyError("no"), 400, "malformed", "E12", None),
    ],
)
def test_an_error_says_what_is_wrong_with_the_bytes(
    error: LedgerError, status: int, slug: str, rule: str, field: str | None
) -> None:
    problem = error_problem(error)
    found = (problem.status, problem.type, problem.rule, problem.field, problem.detail)
    assert found == (status, URN + slug, rule, field, str(error))
