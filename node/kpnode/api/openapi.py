"""GET /openapi.json: the HTTP API for machines, as OpenAPI 3.1.

Schemas come from the very Structs that are sent; paths are listed here, and a test compares them
with the routes.
"""

from typing import Final

import msgspec

from kpledger import __version__
from kpledger.analysis.topic import AnyTopic
from kpledger.analysis.topics import TOPICS
from kpledger.api.answers import (
    BatchAnswer,
    CommittedAnswer,
    PendingAnswer,
    Problem,
    RehearsalAnswer,
    StatusAnswer,
)
from kpledger.api.routes import (
    DEFAULT_TIMEOUT_MS,
    JSON_TYPE,
    MAX_TIMEOUT_MS,
    MSGPACK_TYPE,
    Consistency,
)
from kpledger.scheme.v1.records import CertificateRecord, KeyRecord
from kpnode.api.problems import PROBLEM_TYPE

Json = dict[str, object]

_REF: Final = "#/components/schemas/{name}"
_ANY: Final[Json] = {"type": "object"}
_PROBLEM_STATUSES: Final = ("400", "404", "405", "408", "409", "413", "415", "422", "500", "503")


def build_openapi() -> bytes:
    """Build the document."""
    structs = (
        BatchAnswer,
        CertificateRecord,
        CommittedAnswer,
        KeyRecord,
        PendingAnswer,
        Problem,
        RehearsalAnswer,
        StatusAnswer,
        *(kind for topic in TOPICS for kind in (topic.question, topic.answer)),
    )
    _, components = msgspec.json.schema_components(structs, ref_template=_REF)
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "kpledger node",
            "version": __version__,
            "description": "A replicated ledger of Kimberley Process certificates.",
        },
        "paths": _paths(),
        "components": {"schemas": _as_hex(components)},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _paths() -> Json:
    topics: Json = {f"/v1/{topic.path}": _describe_topic(topic) for topic in TOPICS}
    known: Json = {
        "/v1/events": _describe_submitting(),
        "/v1/rehearsals": _describe_rehearsing(),
        "/v1/events/{id}": _ask("What is known about an event", _ANY, "id"),
        "/v1/certificates": _ask(
            "List certificates",
            _list_of("certificates", _ref(CertificateRecord)),
            query={
                "state": "string",
                "issuer": "string",
                "destination": "string",
                "after": "string",
                "limit": "integer",
            },
        ),
        "/v1/certificates/{number}": _ask("A certificate", _ref(CertificateRecord), "number"),
        "/v1/certificates/{number}/history": _ask(
            "The events on a certificate", _list_of("events", _ANY), "number"
        ),
        "/v1/participants": _ask("List participants", _list_of("participants", _ANY)),
        "/v1/participants/{code}": _ask("A participant", _ANY, "code"),
        "/v1/keys/{key}": _ask("Whose a key is", _ref(KeyRecord), "key"),
        "/v1/blocks": _get(
            "Committed blocks as stored: a stream of MessagePack arrays [height, bytes]",
            None,
            query={"from": "integer", "limit": "integer"},
            media_type=MSGPACK_TYPE,
        ),
        "/v1/genesis": _get("The genesis file, byte for byte", _ANY),
        "/v1/status": _get("The state of the node", _ref(StatusAnswer)),
        "/checkpoint": _get(
            "Size and root of the tree, as a C2SP signed note", None, media_type="text/plain"
        ),
        "/health/live": _get("The process answers", _ANY),
        "/health/ready": _get("The node can take events", _ANY),
        "/openapi.json": _get("This document", _ANY),
    }
    return known | topics


def _describe_submitting() -> Json:
    responses: Json = {
        "200": _answer("A batch: what became of each", _ref(BatchAnswer)),
        "201": _answer("On the ledger", _ref(CommittedAnswer)),
        "202": _answer("Not decided in time; send it again", _ref(PendingAnswer)),
    }
    return _post("Submit a signed event, or a batch of up to 512", responses, _TIMEOUT)


def _describe_rehearsing() -> Json:
    responses: Json = {"200": _answer("What would become of each", _ref(RehearsalAnswer))}
    summary = "Would signed events be accepted; nothing is recorded"
    return _post(summary, responses, _CONSISTENCY, _TIMEOUT)


def _post(summary: str, responses: Json, *parameters: Json) -> Json:
    """Describe a request that carries envelopes."""
    content = {JSON_TYPE: {"schema": _ENVELOPES}, MSGPACK_TYPE: {}}
    return {
        "post": {
            "summary": summary,
            "parameters": list(parameters),
            "requestBody": {"required": True, "content": content},
            "responses": responses | _problems(),
        }
    }


def _describe_topic(topic: AnyTopic) -> Json:
    """Describe a question of the analysis; its parameters are the fields of its Struct."""
    _, components = msgspec.json.schema_components((topic.question,), ref_template=_REF)
    asked = _ask(topic.summary, _ref(topic.answer))
    fields = components[topic.question.__name__].get("properties", {})
    operation = asked["get"]
    if isinstance(operation, dict):
        operation["parameters"] = [
            *(
                {
                    "name": name,
                    "in": "query",
                    "required": False,
                    # Said in place: the same name may mean another type elsewhere.
                    "schema": components.get(_name_of(schema), {}) | _without_ref(schema),
                }
                for name, schema in fields.items()
            ),
            *operation["parameters"],
        ]
    return asked


def _name_of(schema: Json) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _without_ref(schema: Json) -> Json:
    return {name: value for name, value in schema.items() if name != "$ref"}


_TIMEOUT: Final[Json] = {
    "name": "timeout_ms",
    "in": "query",
    "required": False,
    "description": "How long to wait for consensus",
    "schema": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_TIMEOUT_MS,
        "default": DEFAULT_TIMEOUT_MS,
    },
}
_CONSISTENCY: Final[Json] = {
    "name": "consistency",
    "in": "query",
    "required": False,
    "description": "linearizable: the answer covers all that was acknowledged before the question",
    "schema": {"type": "string", "enum": list(Consistency), "default": Consistency.LOCAL},
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
    "oneOf": [_ENVELOPE, {"type": "array", "items": _ENVELOPE, "minItems": 1, "maxItems": 512}]
}


def _ask(summary: str, schema: Json, *path: str, query: dict[str, str] | None = None) -> Json:
    """Describe a question that is answered from the ledger."""
    asked = _get(summary, schema, *path, query=query)
    operation = asked["get"]
    if isinstance(operation, dict):
        operation["parameters"] = [*operation.get("parameters", ()), _CONSISTENCY, _TIMEOUT]
    return asked


def _get(
    summary: str,
    schema: Json | None,
    *path: str,
    query: dict[str, str] | None = None,
    media_type: str = JSON_TYPE,
) -> Json:
    parameters = [_parameter(name, "path", "string") for name in path]
    parameters += [_parameter(name, "query", kind) for name, kind in (query or {}).items()]
    operation: Json = {
        "summary": summary,
        "responses": {"200": _answer(summary, schema, media_type), **_problems()},
    }
    if parameters:
        operation["parameters"] = parameters
    return {"get": operation}


def _parameter(name: str, place: str, kind: str) -> Json:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": kind}}


def _answer(description: str, schema: Json | None, media_type: str = JSON_TYPE) -> Json:
    content = {} if schema is None else {"schema": schema}
    return {"description": description, "content": {media_type: content}}


def _problems() -> Json:
    problem = {"description": "Problem", "content": {PROBLEM_TYPE: {"schema": _ref(Problem)}}}
    return dict.fromkeys(_PROBLEM_STATUSES, problem)


def _list_of(name: str, item: Json) -> Json:
    return {"type": "object", "properties": {name: {"type": "array", "items": item}}}


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": _REF.format(name=kind.__name__)}


def _as_hex(schema: object) -> object:
    """Say that bytes are sent in hexadecimal, where msgspec would write base64."""
    if isinstance(schema, dict):
        if schema.get("contentEncoding") == "base64":
            return {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
        return {key: _as_hex(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_as_hex(one) for one in schema]
    return schema
