"""Why a node gives no answer, or says no: only what a node itself has written is a refusal.

In a node's place a proxy or a captive portal may answer, with an error of its own or with a page
for people. Then no node has said anything, and another one, or a later attempt, may.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Final

import aiohttp
import msgspec

from kpclient.errors import ClientError
from kpclient.net.answers import NO_PROBLEM, describe_problem
from kpledger.api.answers import Problem
from kpledger.api.strangers import explain_status
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.text import shorten
from kpledger.command import EXIT_REFUSED

_ANOTHER_MAY: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""With these a node says no which another one may not say, or this one not later."""
_RETRY_AFTER_MAX_S: Final = 30
"""So long at most a node is left alone because it says so."""
_HTML: Final = "text/html"
"""What proxies and captive portals speak, and no node."""
_PROBLEMS: Final = "urn:kpledger:problem:"
"""What the type of a problem document begins with that a node has written."""
_NOT_LISTED: Final = "urn:kpledger:problem:not-listed"
_NO_ACCESS: Final = frozenset({_NOT_LISTED, "urn:kpledger:problem:unknown-token"})


class NodeProblemError(ClientError):
    """A node says no, and why.

    Attributes:
        problem: its problem document.
    """

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem

    def describe(self) -> dict[str, str]:
        """Give what is known about it, name by name."""
        return describe_problem(self.problem)


class NoAnswerError(Exception):
    """A node gives no answer now; another one, or a later attempt, may.

    Attributes:
        kind: the type of the problem document in which it said why; empty if it said nothing.
        retry_after_s: when it asks to be asked again; zero if it said nothing.
        hung: whether it was waited for in vain.
    """

    def __init__(
        self, reason: str, kind: str = "", retry_after_s: int = 0, *, hung: bool = False
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.retry_after_s = retry_after_s
        self.hung = hung


def check_speaker(response: aiohttp.ClientResponse) -> None:
    """See that no page for people comes in the place of an answer.

    Raises:
        NoAnswerError: one does.
    """
    if response.content_type == _HTML:
        raise NoAnswerError(_describe_stranger(response))


def refuse(response: aiohttp.ClientResponse, content: bytes) -> NoAnswerError | NodeProblemError:
    """Give the error for an answer that says no."""
    said = _read_problem(content)
    if said is None:
        detail = _describe_stranger(response, "" if content.strip() else "empty")
        said = msgspec.structs.replace(NO_PROBLEM, detail=detail)
    elif response.status not in _ANOTHER_MAY:
        return NodeProblemError(said)
    # What everybody may ask of a node is of no interest to whoever asked for something else.
    detail = said.detail.partition(";")[0] if said.type == _NOT_LISTED else said.detail
    # It may be a date as well, which says more about the node's clock than about when to come.
    text = response.headers.get("Retry-After", "")
    seconds = min(int(text), _RETRY_AFTER_MAX_S) if re.fullmatch("[0-9]{1,9}", text) else 0
    return NoAnswerError(detail or said.title, said.type, seconds)


def _describe_stranger(response: aiohttp.ClientResponse, kind: str = "") -> str:
    status, kind = response.status, kind or shorten(response.content_type)
    told = explain_status(status, str(response.url), response.headers.get("Location"))
    return f"something else than a node answers there: HTTP status {status}, {kind}{told}"


def is_for_others(silences: Mapping[str, NoAnswerError]) -> bool:
    """Tell whether every node says that this is not for whoever asks."""
    return all(one.kind in _NO_ACCESS for one in silences.values())


def _read_problem(content: bytes) -> Problem | None:
    """Read why a node says no, in so many words as a person reads; None if no node has written it.

    Gateways may write problem documents, too, with types of their own.
    """
    try:
        found = msgspec.json.decode(content, type=Problem)
    except DECODE_ERRORS:
        return None
    if not found.type.startswith(_PROBLEMS):
        return None
    said = msgspec.structs.asdict(found)
    cut = {name: shorten(one) for name, one in said.items() if isinstance(one, str)}
    return msgspec.structs.replace(found, **cut)
