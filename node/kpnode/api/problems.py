"""Problems: every answer that says no, as a problem document of RFC 9457.

The one place that maps errors and refusals to HTTP statuses. A problem says what is wrong, where,
and what would be accepted; it never shows how the node works inside.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec
from aiohttp import web

from kpledger.api.answers import Problem
from kpledger.base.errors import LedgerError, MalformedError, NotCanonicalError, OversizedError
from kpledger.scheme.outcome import Refusal, Rule

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1
_CHALLENGE: Final = 'Bearer realm="kpledger"'
_BODY_OF: Final = "body of "
"""How :func:`kpledger.scheme.v1.events.decode_body` names the part that it reads."""


class ProblemKind(Enum):
    """The kinds of problems: slug, status, title."""

    MALFORMED = ("malformed", 400, "Not a well-formed event")
    NOT_CANONICAL = ("not-canonical", 400, "Not in canonical form")
    BROKEN_OFF = ("broken-off", 400, "The request broke off")
    BAD_PARAMETER = ("bad-parameter", 400, "Bad parameter")
    NOT_LISTED = ("not-listed", 401, "Not for everybody")
    UNKNOWN_TOKEN = ("unknown-token", 401, "Not a token of this node")
    UNWANTED_BODY = ("unwanted-body", 400, "The request has a body")
    NOT_FOUND = ("not-found", 404, "Not found")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "Method not allowed")
    TOO_SLOW = ("too-slow", 408, "The request came too slowly")
    CONFLICT = ("conflict", 409, "The event does not fit the state of its subject")
    OVERSIZED = ("oversized", 413, "Too large")
    UNSUPPORTED_MEDIA_TYPE = ("unsupported-media-type", 415, "Unsupported media type")
    UNKNOWN_EXPECTATION = ("unknown-expectation", 417, "The request expects what there is not")
    REFUSED = ("refused", 422, "A rule refuses the event")
    BAD_SIGNATURE = ("bad-signature", 422, "A signature does not verify")
    TOO_COSTLY = ("too-costly", 422, "The question takes too long to answer")
    SHARE_TAKEN = ("share-taken", 429, "This client has its share already")
    INTERNAL = ("internal", 500, "The node has made a mistake")
    NO_LEADER = ("no-leader", 503, "There is no leader at the moment")
    NOT_RECORDING = ("not-recording", 503, "Nothing can be recorded at the moment")
    NOT_CONFIRMED = ("not-confirmed", 503, "What is newest could not be confirmed in time")
    NOT_SEALED = ("not-sealed", 503, "Not sealed yet")
    BOOKS_BEHIND = ("books-behind", 503, "The node's books are not there yet")
    BUSY = ("busy", 503, "The node has too much to do")
    STORAGE_FAILED = ("storage-failed", 503, "The node's storage has failed")
    STOPPED = ("stopped", 503, "The node has stopped taking part")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.urn = f"urn:kpledger:problem:{slug}"
        self.status = status
        self.title = title


_TO_COME_AGAIN: Final = frozenset({ProblemKind.SHARE_TAKEN.status, ProblemKind.BUSY.status})


class ProblemError(Exception):
    """Ends a request with a problem.

    Attributes:
        problem: what to answer.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def make_problem(
    kind: ProblemKind,
    detail: str,
    *,
    rule: Rule | None = None,
    field: str | None = None,
    accepted: str | None = None,
) -> Problem:
    """Make a problem of a kind."""
    return Problem(
        type=kind.urn,
        title=kind.title,
        status=kind.status,
        # What is echoed of a head may hold bytes that are no text, which aiohttp keeps.
        detail=detail.encode("utf-8", "backslashreplace").decode(),
        rule=rule and rule.code,
        clause=rule and rule.clause,
        field=field or None,
        accepted=accepted,
    )


def refusal_problem(refusal: Refusal, *, bad_signature: bool) -> Problem:
    """Say that a rule refuses an event; or, where that is why, that a signature is wrong."""
    kind = ProblemKind.CONFLICT if refusal.rule in (Rule.E6, Rule.E7) else ProblemKind.REFUSED
    return make_problem(
        ProblemKind.BAD_SIGNATURE if bad_signature else kind,
        refusal.problem,
        rule=refusal.rule,
        field=refusal.field,
        accepted=refusal.accepted,
    )


def error_problem(error: LedgerError) -> Problem:
    """Say why bytes are no acceptable envelope, event or body."""
    kind, rule = ProblemKind.MALFORMED, Rule.E12
    field = error.field if isinstance(error, MalformedError) else None
    match error:
        case OversizedError():
            kind = ProblemKind.OVERSIZED
        case NotCanonicalError():
            kind = ProblemKind.NOT_CANONICAL
        case MalformedError(what=what) if what.startswith(_BODY_OF):
            # Fields are missing or wrong in an event whose form is known: that is E5, not E12.
            rule = Rule.E5
            field = f"body.{field}" if field else "body"
    return make_problem(kind, str(error), rule=rule, field=field)


def parameter_error(name: str, problem: str, accepted: str) -> ProblemError:
    """Make the error for a bad query or path parameter."""
    detail = f"{name}: {problem}"
    bad = make_problem(ProblemKind.BAD_PARAMETER, detail, field=name, accepted=accepted)
    return ProblemError(bad)


def respond_problem(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer a request with a problem."""
    all_headers = {"Content-Type": PROBLEM_TYPE, **(headers or {})}
    if problem.status == ProblemKind.NOT_LISTED.status:
        # RFC 6750, section 3: who presented no token is told no error.
        wrong = problem.type == ProblemKind.UNKNOWN_TOKEN.urn
        all_headers["WWW-Authenticate"] = _CHALLENGE + (', error="invalid_token"' if wrong else "")
    if problem.status in _TO_COME_AGAIN:
        all_headers["Retry-After"] = str(RETRY_AFTER_S)
    body = msgspec.json.encode(problem)
    return web.Response(status=problem.status, body=body, headers=all_headers)
