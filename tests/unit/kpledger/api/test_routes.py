"""Routes: where a request goes, and that no two rows are the same."""

import msgspec
import pytest

from kpledger.api.route import NoParameters, Route
from kpledger.api.routes import (
    BLOCKS,
    ROUTES,
    STATUS,
    SUBMIT,
    BlocksQuestion,
    Consistency,
    ReadOptions,
    SubmitOptions,
)


class KeyQuestion(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    past: bool = False


class FileQuestion(msgspec.Struct, frozen=True, kw_only=True):
    path: str


KEY = Route("/v1/keys/{key}", "Whose a key is", (), question=KeyQuestion, options=ReadOptions)
REST = Route("/files/{path}", "A file", (), question=FileQuestion, takes_rest=True)
NOTE = Route("/notes", "Take a note", (), takes="text/plain")


@pytest.mark.parametrize(
    ("route", "parameters", "expected"),
    [
        (STATUS, (), "/v1/status"),
        (STATUS, (NoParameters(),), "/v1/status"),
        (SUBMIT, (SubmitOptions(timeout_ms=500),), "/v1/events?timeout_ms=500"),
        (BLOCKS, (BlocksQuestion(),), "/v1/blocks"),
        (BLOCKS, (BlocksQuestion(first=7, limit=2),), "/v1/blocks?from=7&limit=2"),
        (KEY, (KeyQuestion(key="ab"), ReadOptions()), "/v1/keys/ab"),
        (
            KEY,
            (
                KeyQuestion(key="a/b?", past=True),
                ReadOptions(consistency=Consistency.LINEARIZABLE),
            ),
            "/v1/keys/a%2Fb%3F?past=true&consistency=linearizable",
        ),
    ],
)
def test_a_target_says_what_differs_from_the_defaults(
    route: Route, parameters: tuple[msgspec.Struct, ...], expected: str
) -> None:
    assert route.target(*parameters) == expected


def test_rest_of_a_path_keeps_its_slashes() -> None:
    assert REST.target(FileQuestion(path="x001/067.p/8?")) == "/files/x001/067.p/8%3F"


def test_what_has_a_body_is_posted() -> None:
    assert [(one.method, one.has_body) for one in (NOTE, SUBMIT, STATUS)] == [
        ("POST", True),
        ("POST", True),
        ("GET", False),
    ]


def test_every_route_is_declared_once() -> None:
    places = [(route.method, route.path) for route in ROUTES]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_what_stands_in_a_path_is_a_field_of_the_question(route: Route) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(route.question)}
    options = {field.encode_name for field in msgspec.structs.fields(route.options)}
    assert set(route.names_in_path) <= fields
    assert not fields & options
