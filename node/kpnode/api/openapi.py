"""GET /openapi.json: the routes (:mod:`kpledger.api.routes`) for machines, as OpenAPI 3.1."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from kpledger import __version__
from kpledger.api.answers import Problem
from kpledger.api.route import JSON_TYPE, Access, Reply, Route
from kpledger.api.routes import (
    BLOCKS,
    CHECKPOINT,
    COMMITS,
    EVIDENCE,
    LIVE,
    MAX_BATCH,
    MSGPACK_TYPE,
    READY,
    ROUTES,
    STATUS,
    SUBMIT,
    ReadOptions,
)
from kpledger.scheme.envelope import PAYLOAD_TYPE
from kpledger.scheme.event import MAX_SIGNATURES
from kpnode.api.problems import PROBLEM_TYPE, ProblemKind

Json = dict[str, object]

_REF: Final = "#/components/schemas/{name}"


def build_openapi() -> bytes:
    """Build the document."""
    structs = {kind for route in ROUTES for reply in route.replies for kind in reply.kinds}
    _, components = msgspec.json.schema_components(
        sorted({*structs, Problem}, key=lambda kind: kind.__qualname__), ref_template=_REF
    )
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _describe(route)
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "kpledger node",
            "version": __version__,
            "description": "A replicated ledger of Kimberley Process certificates.",
        },
        "paths": paths,
        "components": {"schemas": _for_machines(components), "securitySchemes": _SECURITY_SCHEMES},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


_SECURITY_SCHEMES: Final[Json] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the node; from addresses that its operator lists none is needed",
    }
}
_WITH_TOKEN_OR_WITHOUT: Final[list[Json]] = [{"token": []}, {}]
_FOR_WHOM: Final[Mapping[Access, str]] = {
    Access.EVERYBODY: "For everybody.",
    Access.AS_CONFIGURED: "For everybody where the operator says so, else for listed clients.",
    Access.LISTED: "For clients whom the operator has listed, by address or by token.",
}


def _describe(route: Route) -> Json:
    operation: Json = {
        "summary": route.summary,
        "description": _FOR_WHOM[route.access],
        "security": _WITH_TOKEN_OR_WITHOUT,
    }
    parameters = [
        one for kind in (route.question, route.options) for one in _parameters(route, kind)
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.has_body:
        events: Json = {JSON_TYPE: {"schema": _ENVELOPES}, MSGPACK_TYPE: {}}
        content = events if route.takes_events else {route.takes: {}}
        operation["requestBody"] = {"required": True, "content": content}
    replies: Json = {str(reply.status.value): _describe_reply(reply) for reply in route.replies}
    return operation | {"responses": replies | _describe_problems(route)}


def _parameters(route: Route, kind: type[msgspec.Struct]) -> list[Json]:
    """Describe the fields of a Struct as parameters."""
    _, components = msgspec.json.schema_components((kind,), ref_template=_REF)
    fields = components[kind.__name__].get("properties", {})
    required = components[kind.__name__].get("required", ())
    described = []
    for name, schema in fields.items():
        # Said in place: the same name may mean another type elsewhere.
        referred = components.get(str(schema.pop("$ref", "")).rpartition("/")[2], {})
        if schema.get("default") == "":
            # Who wants it leaves the parameter out.
            del schema["default"]
        described.append(
            {
                "name": name,
                "in": "path" if name in route.names_in_path else "query",
                "required": name in required,
                "schema": _for_machines(referred | schema),
            }
        )
    return described


def _describe_reply(reply: Reply) -> Json:
    schemas = [_ref(kind) for kind in reply.kinds]
    content: Json = {}
    if schemas:
        content["schema"] = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": reply.summary, "content": {reply.media_type: content}}


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": _REF.format(name=kind.__name__)}


_OF_ALL: Final = (
    ProblemKind.BAD_PARAMETER,
    ProblemKind.UNKNOWN_TOKEN,
    ProblemKind.UNKNOWN_EXPECTATION,
    ProblemKind.INTERNAL,
)
_OF_EVENTS: Final = (
    ProblemKind.MALFORMED,
    ProblemKind.NOT_CANONICAL,
    ProblemKind.BROKEN_OFF,
    ProblemKind.TOO_SLOW,
    ProblemKind.OVERSIZED,
    ProblemKind.UNSUPPORTED_MEDIA_TYPE,
)
_OF_A_NODE_OUT_OF_WORK: Final = (
    ProblemKind.NO_LEADER,
    ProblemKind.NOT_RECORDING,
    ProblemKind.STOPPED,
    ProblemKind.STORAGE_FAILED,
)
_OF_SUBMISSIONS: Final = (
    ProblemKind.CONFLICT,
    ProblemKind.REFUSED,
    ProblemKind.BAD_SIGNATURE,
    *_OF_A_NODE_OUT_OF_WORK,
)
_OF_SHARES: Final = (ProblemKind.SHARE_TAKEN, ProblemKind.BUSY)
_WITHOUT_SHARE: Final = (STATUS, CHECKPOINT, LIVE, READY)
"""Brief answers, for which nobody has to make room."""


def _describe_problems(route: Route) -> Json:
    """Describe what may go wrong on a route, by the status that says so."""
    groups: tuple[tuple[bool, Iterable[ProblemKind]], ...] = (
        (True, _OF_ALL),
        (route.access is not Access.EVERYBODY, [ProblemKind.NOT_LISTED]),
        (route.takes_events, _OF_EVENTS),
        (not route.has_body, [ProblemKind.UNWANTED_BODY]),
        (route is SUBMIT, _OF_SUBMISSIONS),
        (route is READY, _OF_A_NODE_OUT_OF_WORK),
        (route.options is ReadOptions, [ProblemKind.NOT_CONFIRMED, *_OF_A_NODE_OUT_OF_WORK]),
        (route in (BLOCKS, CHECKPOINT, COMMITS, EVIDENCE), [ProblemKind.NO_LEADER]),
        (route.from_books, [ProblemKind.TOO_COSTLY, ProblemKind.BOOKS_BEHIND]),
        (route.may_find_none or bool(route.names_in_path), [ProblemKind.NOT_FOUND]),
        (route not in _WITHOUT_SHARE, _OF_SHARES),
    )
    titles: dict[int, list[str]] = {}
    for kind in (one for is_possible, kinds in groups if is_possible for one in kinds):
        titles.setdefault(kind.status, []).append(kind.title)
    content: Json = {PROBLEM_TYPE: {"schema": _ref(Problem)}}
    return {
        str(status): {"description": "; ".join(titles[status]), "content": content}
        for status in sorted(titles)
    }


_ENVELOPE: Final[Json] = {
    "type": "object",
    "description": "DSSE envelope; payload and sig in base64, keyid in hexadecimal",
    "required": ["payload", "payloadType", "signatures"],
    "properties": {
        "payload": {"type": "string", "pattern": "^[A-Za-z0-9+/_-]{2,}={0,2}$"},
        "payloadType": {"const": PAYLOAD_TYPE},
        "signatures": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_SIGNATURES,
            "items": {
                "type": "object",
                "required": ["keyid", "sig"],
                "properties": {
                    "keyid": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
                    "sig": {"type": "string", "pattern": "^[A-Za-z0-9+/_-]{86}==$"},
                },
            },
        },
    },
}
_ENVELOPES: Final[Json] = {
    "oneOf": [
        _ENVELOPE,
        {"type": "array", "items": _ENVELOPE, "minItems": 1, "maxItems": MAX_BATCH},
    ]
}


def _for_machines(schema: object) -> object:
    """Say what msgspec does not: bytes are sent in hexadecimal, patterns are those of ECMA-262."""
    match schema:
        case {"contentEncoding": "base64"}:
            return {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
        case dict():
            return {key: _for_machines(value) for key, value in schema.items()}
        case list():
            return [_for_machines(one) for one in schema]
        case str() if schema.endswith(r"\Z"):
            return schema.removesuffix(r"\Z") + "$"
    return schema
