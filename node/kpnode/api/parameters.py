"""Parameters of a request, in its path and query: every one known, typed and bounded.

What they are is declared by the Structs of the route (:class:`kpledger.api.route.Route`). A
request with a wrong one is refused by its name; a misspelt filter that were ignored would answer
another question than was asked.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import inspect

from kpledger.api.route import Route
from kpledger.base.codec import malformed
from kpledger.books.question import QuestionError
from kpnode.api.problems import ProblemError, parameter_error

S = TypeVar("S", bound=msgspec.Struct)

_SOMETHING: Final = re.compile("(?s).+")
_DIGITS: Final = re.compile(r"-?[0-9]{1,18}")
_TRUTH: Final = re.compile("true|false")
_SHOWN: Final = 64
"""So much of what was given is shown in a problem."""


def check_parameters(request: web.Request, route: Route) -> None:
    """See that a request has no parameter in its query that its route does not have.

    Raises:
        ProblemError: one is unknown, or given twice.
    """
    if not request.query_string:
        return
    names = (*_names(route.question), *_names(route.options))
    known = [name for name in names if name not in route.names_in_path]
    for name in request.query:
        if name not in known:
            accepted = ", ".join(known) or "none"
            raise parameter_error(name[:_SHOWN], "there is no such parameter", accepted)
        if len(request.query.getall(name)) > 1:
            raise parameter_error(name, "it is given twice", "one value")


def read_parameters(request: web.Request, kind: type[S]) -> S:
    """Read those parameters of a request, in its path or query, that a Struct declares.

    Raises:
        ProblemError: one is wrong or missing.
    """
    given = {**request.query, **request.match_info}
    wanted = {name: given[name] for name in _names(kind) if name in given}
    for name, value in wanted.items():
        # Nothing would be taken for what says nothing: a filter would be none. And of a number or
        # a truth value other readers let more pass: signs, exponents, digits of other scripts, 1.
        if _describe(kind, name).form.fullmatch(value) is None:
            raise _refuse(kind, name, value, "")
    try:
        return msgspec.convert(wanted, kind, strict=False)
    except QuestionError as error:
        raise parameter_error(error.field, error.problem, error.accepted) from None
    except msgspec.ValidationError as error:
        found = malformed("question", error)
        name = found.field or next(name for name in _names(kind) if name not in wanted)
        raise _refuse(kind, name, wanted.get(name), found.problem) from None


def _refuse(kind: type[msgspec.Struct], name: str, value: str | None, problem: str) -> ProblemError:
    shown = problem if value is None else repr(value[:_SHOWN])
    return parameter_error(name, shown, _describe(kind, name).accepted)


def _names(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return kind.__struct_encode_fields__


@dataclass(frozen=True, slots=True)
class _Parameter:
    """What may stand for a parameter."""

    accepted: str
    form: re.Pattern[str] = _SOMETHING


@lru_cache
def _describe(kind: type[msgspec.Struct], name: str) -> _Parameter:
    described = inspect.type_info(kind)
    fields = described.fields if isinstance(described, inspect.StructType) else ()
    found = next(field.type for field in fields if field.encode_name == name)
    description = None
    if isinstance(found, inspect.Metadata):
        description = (found.extra_json_schema or {}).get("description")
        found = found.type
    match found:
        case inspect.IntType(ge=low, le=high) if low is not None and high is not None:
            return _Parameter(f"an integer from {low} to {high}", _DIGITS)
        case inspect.IntType():
            return _Parameter("an integer", _DIGITS)
        case inspect.BoolType():
            return _Parameter("true or false", _TRUTH)
        case inspect.EnumType(cls=cls):
            return _Parameter(", ".join(str(one.value) for one in cls))
        case _:
            return _Parameter(str(description or "text as /openapi.json says"))
