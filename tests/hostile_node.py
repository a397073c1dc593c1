"""A node that answers every question in the right form, with text that is meant to do harm."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from aiohttp import web
from founding import make_genesis
from msgspec import inspect
from scripted_node import STATUS, Script, problem

from kpledger.api.route import Route
from kpledger.api.routes import CONSISTENCY, GENESIS, ROUTES

HARM = "=1+1\x1b[2J\x1b]0;title\x07\x9b31m\u202e[bold red]x[/bold red]\r\x7f\t\u2028\n@SUM(A1)"
"""Escape sequences, an override of direction, markup, ends of lines, formulas."""
_SAMPLES = (
    *("BW", "BW/gaborone", "BW00000001", "gaborone", "00" * 32, "00" * 16, "2026-01-01"),
    *("2026Q1", "2026H1", "2026", "710210", "AD-2026-1", "1", "a", "A"),
)
"""What fits the patterns of fields that are no free text."""


def make_answer(kind: inspect.Type, name: str = "") -> object:  # noqa: C901, PLR0911, PLR0912 (an arm for each type)
    """Give a value of this type, as plain JSON, that is as harmful as its form allows."""
    match kind:
        case _ if name == "number":
            return "BW00000001"
        case inspect.StrType(pattern=str(pattern)):
            return next((one for one in _SAMPLES if re.search(pattern, one)), "")
        case inspect.StrType(max_length=longest):
            return HARM[:longest]
        case inspect.BytesType(min_length=length):
            return "00" * (length or 32)
        case inspect.IntType(ge=least):
            return max(1, least or 0)
        case inspect.BoolType():
            return True
        case inspect.FloatType():
            return 1.5
        case inspect.EnumType(cls=choices):
            return next(iter(choices)).value
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.UnionType(types=types):
            told = [one for one in types if not isinstance(one, inspect.NoneType)]
            return make_answer(told[0], name)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return [make_answer(item, name)]
        case inspect.TupleType(item_types=items):
            return [make_answer(one) for one in items]
        case inspect.DictType(key_type=key, value_type=value):
            return {str(make_answer(key)): make_answer(value)}
        case inspect.StructType(fields=fields, tag_field=tag_field, tag=tag):
            said = {one.encode_name: make_answer(one.type, one.name) for one in fields}
            return said | ({tag_field: tag} if tag_field else {})
        case inspect.DataclassType(fields=fields):
            return {one.encode_name: make_answer(one.type, one.name) for one in fields}
        case inspect.RawType() | inspect.AnyType():
            return {HARM: [HARM, {"at": HARM}]}
    return None


def _find_route(method: str, path: str) -> Route | None:
    for route in ROUTES:
        pattern = re.sub(r"{\w+}", "[^/]+", route.path)
        if route.method == method and re.fullmatch(pattern, path):
            return route
    return None


@dataclass
class HostileNode(Script):
    """Answers whatever is asked with harm in every field that can hold it."""

    deep: int = 0
    """Answer all but the status with JSON that is nested so deeply."""
    refuses: int = 0
    """Answer all but the status with a problem of this status."""
    proves: bool = False
    """Show a checkpoint with harm in it to who asks for one, who then asks for nothing more."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.asked.append(f"{request.method} {request.path}")
        if request.path == "/v1/status":
            return web.Response(body=msgspec.json.encode(make_status()))
        if request.path == GENESIS.path:
            return web.Response(body=make_genesis().encoded)
        if self.deep:
            body = b'{"record":' * self.deep + b"1" + b"}" * self.deep
            return web.Response(body=body, status=self.refuses or 200)
        is_older = request.path == CONSISTENCY.path and not self.proves
        if refuses := self.refuses or 404 * is_older:
            told = problem(refuses, HARM, field=HARM, rule=HARM, clause=HARM, accepted=HARM)
            return web.Response(status=told.status, body=msgspec.json.encode(told))
        route = _find_route(request.method, request.path)
        kinds = [kind for reply in route.replies for kind in reply.kinds] if route else []
        if not kinds:
            return web.Response(body=HARM.encode())
        return web.Response(body=msgspec.json.encode(make_answer(inspect.type_info(kinds[0]))))


def make_status() -> dict[str, object]:
    """Give a status of the right ledger, with harm in every name."""
    harm = dict.fromkeys(("node", "participant", "origin", "version", "role", "leader"), HARM)
    return STATUS | harm | {"voters": [HARM], "alarms": [HARM, HARM], "failed": HARM}


def unprintable(text: str) -> Iterator[str]:
    """Name what in an output could act on a terminal."""
    for one in text:
        if one != "\n" and not one.isprintable():
            yield f"U+{ord(one):04X}"
