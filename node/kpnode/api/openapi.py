"""GET /openapi.json: the routes (:mod:`kpledger.api.routes`) for machines, as OpenAPI 3.1."""

from collections.abc import Mapping
from typing import Final

import msgspec

from kpledger import __version__
from kpledger.api.answers import Problem
from kpledger.api.routes import JSON_TYPE, MAX_BATCH, MSGPACK_TYPE, ROUTES, Access, Reply, Route
from kpnode.api.problems import PROBLEM_TYPE, ProblemKind

Json = dict[str, object]

_REF: Final = "#/components/schemas/{name}"


def build_openapi() -> bytes:
    """Build the document."""
    structs = {kind for route in ROUTES for reply in route.replies for kind in reply.kinds}
    _, components = msgspec.json.schema_components(
        sorted({*structs, Problem}, key=lambda kind: kind.__qualname__), ref_template=_REF
    )
    paths: Json = {route.path: {route.method.lower(): _describe(route)} for route in ROUTES}
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "kpledger node",
            "version": __version__,
            "description": "A replicated ledger of Kimberley Process certificates.",
        },
        "paths": paths,
        "components": {"schemas": _as_hex(components), "securitySchemes": _SECURITY_SCHEMES},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


_SECURITY_SCHEMES: Final[Json] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the node; from addresses that its operator lists none is needed",
    }
}
_SECURITY: Final[Mapping[Access, list[Json]]] = {
    Access.EVERYBODY: [{}, {"token": []}],
    Access.AS_CONFIGURED: [{}, {"token": []}],
    Access.LISTED: [{"token": []}],
}


def _describe(route: Route) -> Json:
    operation: Json = {"summary": route.summary, "security": _SECURITY[route.access]}
    parameters = [
        one for kind in (route.question, route.options) for one in _parameters(route, kind)
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.takes_events:
        content = {JSON_TYPE: {"schema": _ENVELOPES}, MSGPACK_TYPE: {}}
        operation["requestBody"] = {"required": True, "content": content}
    replies: Json = {str(reply.status.value): _describe_reply(reply) for reply in route.replies}
    return operation | {"responses": replies | _PROBLEMS}


def _parameters(route: Route, kind: type[msgspec.Struct]) -> list[Json]:
    """Describe the fields of a Struct as parameters."""
    _, components = msgspec.json.schema_components((kind,), ref_template=_REF)
    fields = components[kind.__name__].get("properties", {})
    described = []
    for name, schema in fields.items():
        stands_in_path = name in route.names_in_path
        # Said in place: the same name may mean another type elsewhere.
        referred = components.get(str(schema.pop("$ref", "")).rpartition("/")[2], {})
        described.append(
            {
                "name": name,
                "in": "path" if stands_in_path else "query",
                "required": stands_in_path,
                "schema": referred | schema,
            }
        )
    return described


def _describe_reply(reply: Reply) -> Json:
    schemas = [_ref(kind) for kind in reply.kinds]
    content: Json = {}
    if schemas:
        content["schema"] = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    return {"description": reply.summary, "content": {reply.media_type: content}}


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": _REF.format(name=kind.__name__)}


_PROBLEM: Final[Json] = {
    "description": "Problem",
    "content": {PROBLEM_TYPE: {"schema": _ref(Problem)}},
}
_PROBLEMS: Final[Json] = {
    str(status): _PROBLEM for status in sorted({kind.status for kind in ProblemKind})
}
_ENVELOPE: Final[Json] = {
    "type": "object",
    "description": "DSSE envelope; payload and sig in base64, keyid in hexadecimal",
    "required": ["payload", "payloadType", "signatures"],
    "properties": {
        "payload": {"type": "string"},
        "payloadType": {"type": "string"},
        "signatures": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["keyid", "sig"],
                "properties": {"keyid": {"type": "string"}, "sig": {"type": "string"}},
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


def _as_hex(schema: object) -> object:
    """Say that bytes are sent in hexadecimal, where msgspec would write base64."""
    if isinstance(schema, dict):
        if schema.get("contentEncoding") == "base64":
            return {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
        return {key: _as_hex(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_as_hex(one) for one in schema]
    return schema
