"""Answers of a node, held against what its own OpenAPI document declares."""

from typing import Final

import msgspec
from jsonschema import Draft202012Validator

from kpledger.api.route import Route
from kpnode.api.openapi import build_openapi

DOCUMENT: Final = msgspec.json.decode(build_openapi())


def closed(schema: object) -> object:
    """Let no object have a member that its schema does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    names = {"additionalProperties": False} if "properties" in schema else {}
    return names | {key: closed(value) for key, value in schema.items()}


COMPONENTS: Final = {"components": closed(DOCUMENT["components"])}


def check_answer(route: Route, status: int, media_type: str, body: bytes) -> None:
    """See that the document has the status, the type of content and the form of an answer."""
    responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    assert str(status) in responses, body
    content = responses[str(status)]["content"]
    assert media_type in content, body
    schema = content[media_type].get("schema")
    if schema is not None:
        found = Draft202012Validator({**schema, **COMPONENTS}).iter_errors(
            msgspec.json.decode(body)
        )
        assert [f"{one.json_path}: {one.message}" for one in found] == []
