"""What is said of a route: where it is, what it takes, what it answers, and for whom it is."""

import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from kpledger.base.text import spell

JSON_TYPE: Final = "application/json"


class Access(StrEnum):
    """For whom a route is; how a node tells clients apart is told in docs/operating.md."""

    EVERYBODY = "everybody"
    AS_CONFIGURED = "as configured"
    """For everybody where the operator of the node says so, else for listed clients."""
    LISTED = "listed"
    """For clients whom the operator has listed, by address or by token."""


class NoParameters(msgspec.Struct, frozen=True, kw_only=True):
    """There is nothing to say."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A way in which a request succeeds."""

    status: HTTPStatus
    summary: str
    kinds: tuple[type[msgspec.Struct], ...] = ()
    """What is answered, one of these; none if it is no JSON object of ours."""
    media_type: str = JSON_TYPE


@dataclass(frozen=True, slots=True)
class Route:
    """What is answered at one path."""

    path: str
    """With the names of those fields of the question that stand in it: ``/v1/keys/{key}``."""
    summary: str
    """What is answered, in a line."""
    replies: tuple[Reply, ...]
    from_books: bool = False
    """Whether the process answers that keeps the books; otherwise that which takes part in
    consensus."""
    is_small: bool = False
    """Whether the books answer it from a few rows; what is not small may take long."""
    question: type[msgspec.Struct] = NoParameters
    """The fields that stand in the path, then the parameters of the query."""
    options: type[msgspec.Struct] = NoParameters
    """Further parameters of the query, about how it is answered."""
    takes_events: bool = False
    """Whether it is a POST with one or many signed events."""
    takes: str = ""
    """The media type of what else is posted."""
    takes_rest: bool = False
    """Whether the last field in the path is all that follows, with what slashes it has."""
    may_find_none: bool = False
    """Whether the ledger may not hold what the path names (404)."""
    access: Access = Access.LISTED
    """For whom it is; a new route is for nobody else before somebody has thought about it."""

    @property
    def method(self) -> str:
        """``GET`` or ``POST``."""
        return "POST" if self.has_body else "GET"

    @property
    def has_body(self) -> bool:
        """Whether a request has a body."""
        return self.takes_events or self.takes != ""

    @property
    def names_in_path(self) -> tuple[str, ...]:
        """Which fields of the question stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    def target(self, *parameters: msgspec.Struct) -> str:
        """Give path and query of a request; parameters that have their default are left out."""
        said = {
            field.encode_name: getattr(one, field.name)
            for one in parameters
            for field in msgspec.structs.fields(one)
            if getattr(one, field.name) != field.default or field.name in self.names_in_path
        }
        safe = "/" if self.takes_rest else ""
        path = re.sub(r"{(\w+)}", lambda one: quote(str(said.pop(one[1])), safe=safe), self.path)
        query = urlencode({name: spell(value) for name, value in said.items()})
        return f"{path}?{query}" if query else path
