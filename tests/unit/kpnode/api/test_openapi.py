"""What a node answers, held against what its own OpenAPI document says of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from declared import DOCUMENT, check_answer
from founding import make_certificate, make_event, public_hex
from jsonschema import Draft202012Validator, FormatChecker
from serving import Served, serve

from kpledger.api.route import JSON_TYPE, Route
from kpledger.api.routes import BUNDLE, ROUTES, TILE
from kpledger.base.text import spell
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpnode.api.served import ApiLimits

Json = dict[str, "Json | list[Json] | str | int | bool"]
NUMBER: Final = make_certificate().number
ISSUED: Final = make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()))
NO_JSON: Final = [one for one in ROUTES if one.replies[0].media_type != JSON_TYPE]
GOOD: Final = {
    "after": NUMBER,
    "at": "2026-03-02",
    "code": "BW",
    "consistency": "linearizable",
    "destination": "EU",
    "flag": "F1,F2",
    "id": decode_envelope(ISSUED).event_id.hex(),
    "issuer": "BW",
    "key": public_hex("BW/root"),
    "known_at": "2026-03-02",
    "number": NUMBER,
    "one": "BW",
    "other": "EU",
    "participant": "BW",
    "path": "000.p/1",
    "past": "true",
    "period": "2026Q1",
    "settings": "F1.days=45",
    "source": "derived",
    "state": "VALIDATED,CONFIRMED",
    "subject": NUMBER,
    "year": "2026",
}
"""A value of each parameter that is no number and names something on the ledger."""
ASKED: Final = [route for route in ROUTES if not route.has_body]
BY_PATH: Final = pytest.mark.parametrize("route", ASKED, ids=lambda route: route.path)


def parameters_of(route: Route) -> list[Json]:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    return list(operation.get("parameters", []))


def target(route: Route, said: dict[str, str]) -> str:
    names = set(route.names_in_path)
    if route is TILE and said["path"] == GOOD["path"]:
        said = said | {"path": f"0/{said['path']}"}
    path = route.path.format(**{name: quote(said[name], safe="") for name in names})
    query = "&".join(f"{name}={quote(said[name])}" for name in said if name not in names)
    return f"{path}?{query}"


def a_value(parameter: Json) -> str:
    schema = parameter["schema"]
    assert isinstance(schema, dict)
    name = str(parameter["name"])
    return spell(GOOD.get(name, schema.get("default", schema.get("minimum", "2026-03-02"))))


def bad_values(schema: Json) -> Iterator[str]:
    """Give what a schema forbids, and what other readers of it would let pass."""
    yield from ("", "\x00", "\N{ARABIC-INDIC DIGIT FIVE}")
    if schema.get("type") == "integer":
        low, high = schema["minimum"], schema["maximum"]
        assert isinstance(low, int)
        assert isinstance(high, int)
        yield from (str(low - 1), str(high + 1), f"{low}.0", f"+{low}", f"{low}e0", f" {low}", "x")
    elif "enum" in schema or schema.get("type") == "boolean":
        yield from ("x", "Local", "TRUE", "1.0", "0", "1", "yes")
    else:
        yield from (one for one in OFF_FORM if not fits(schema, one))


def fits(schema: Json, text: str) -> bool:
    return bool(Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(text))


OFF_FORM: Final = ("x", "bw", "x" * 5000, "BW ", "bw00000001", "2026-1-1", "2026Q5", "2026-02-30")
"""Each is refused but where the pattern lets it pass; then what reads it looks more closely."""


def test_every_schema_of_the_document_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for route in ROUTES:
        for parameter in parameters_of(route):
            Draft202012Validator.check_schema(parameter["schema"])


def test_no_optional_parameter_is_empty_where_nothing_is_said() -> None:
    """What has to be said is required; what has not has a form all the same."""
    for route in ROUTES:
        for parameter in parameters_of(route):
            schema = parameter["schema"]
            assert isinstance(schema, dict)
            assert schema.get("default") != ""
            assert schema.keys() & {"pattern", "enum", "minimum"} or schema["type"] == "boolean"
            assert "\\Z" not in str(schema)


@pytest.fixture
async def trading(served: Served) -> Served:
    await served.open_trade()
    await served.record(ISSUED)
    served.seal()
    return served


async def test_every_answer_is_of_the_form_that_the_document_says(trading: Served) -> None:
    for route in ASKED:
        parameters = parameters_of(route)
        needed = [one for one in parameters if one["required"]]
        for chosen in (needed, parameters):
            said = {str(one["name"]): a_value(one) for one in chosen}
            reply = await trading.get(target(route, said))
            assert reply.status == 200, reply
            check_answer(route, reply.status, reply.headers["Content-Type"], reply.body)


@pytest.mark.parametrize("is_newest", [False, True])
async def test_a_bad_parameter_is_refused_by_its_name_before_anything_is_waited_for(
    tmp_path: Path, *, is_newest: bool
) -> None:
    """Nothing is newest where there is no leader: whoever waits for it hears 503."""
    async with serve(tmp_path / "ledger", ApiLimits(), leads=False) as served:
        for route in ASKED:
            parameters = parameters_of(route)
            names = {str(one["name"]) for one in parameters}
            said = {str(one["name"]): a_value(one) for one in parameters if one["required"]}
            if is_newest and "consistency" in names:
                said |= {"consistency": "linearizable", "timeout_ms": "50"}
            for parameter in parameters:
                name, schema = str(parameter["name"]), parameter["schema"]
                assert isinstance(schema, dict)
                for bad in bad_values(schema):
                    if not bad and name in route.names_in_path:
                        continue
                    reply = await served.get(target(route, {**said, name: bad}))
                    assert (reply.status, reply.json.get("field")) == (400, name), (bad, reply)
                    assert reply.json["accepted"]
                    check_answer(route, reply.status, reply.headers["Content-Type"], reply.body)
                if parameter["required"] and name not in route.names_in_path:
                    left_out = {one: value for one, value in said.items() if one != name}
                    reply = await served.get(target(route, left_out))
                    assert (reply.status, reply.json.get("field")) == (400, name), reply
                    check_answer(route, reply.status, reply.headers["Content-Type"], reply.body)
            reply = await served.get(target(route, {**said, "further": "1"}))
            assert (reply.status, reply.json.get("field")) == (400, "further")
            check_answer(route, reply.status, reply.headers["Content-Type"], reply.body)


@pytest.mark.parametrize("route", [one for one in ASKED if one.names_in_path], ids=lambda r: r.path)
async def test_a_path_without_its_parameter_is_not_found(served: Served, route: Route) -> None:
    reply = await served.get(route.path.format(**dict.fromkeys(route.names_in_path, "")))
    # Under a tile's address, entries are no level.
    assert reply.status == (400 if route is BUNDLE else 404)
    check_answer(route, reply.status, reply.headers["Content-Type"], reply.body)
