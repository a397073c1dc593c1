"""Lists may be written in any order: each becomes the one that the rules ask for (E5)."""

import msgspec
import pytest
from founding import make_certificate, make_event, open_trade, vary
from statements import SOUND

from kpclient.input.forms import read_struct
from kpclient.input.order import put_in_order
from kpledger.base.hashing import sha256
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    ExportNotified,
    HsCode,
    Origin,
    OriginKind,
    Source,
)

DRAFT: dict[str, object] = {
    "number": "BW00000042",
    "destination": "IN",
    "exporter": {"name": "A", "address": "B"},
    "importer": {"name": "C", "address": "D"},
    "lines": [
        {"hs": hs, "carats": "1.5", "value_usd": "100"} for hs in ("710231", "710210", "710221")
    ],
}


def _turn_round(value: object) -> object:
    """Give a value with its lists the other way round, but for seals, which are in any order."""
    if isinstance(value, tuple):
        return tuple(_turn_round(one) for one in reversed(value))
    if not isinstance(value, msgspec.Struct):
        return value
    fields = msgspec.structs.asdict(value)
    turned = {name: _turn_round(one) for name, one in fields.items() if name != "seals"}
    return msgspec.structs.replace(value, **turned)


@pytest.mark.parametrize("name", sorted(SOUND))
def test_order_of_lists_says_nothing(name: str) -> None:
    _, body = SOUND[name]
    turned = _turn_round(body)
    assert isinstance(turned, Body)
    assert put_in_order(turned) == body


def test_certificate_from_a_file_in_any_order_is_accepted() -> None:
    origin = Origin(
        kind=OriginKind.MIXED,
        countries=("ZA", "BW"),
        shares=(7_500, 2_500),
        zones=("ZA/north", "BW/orapa"),
    )
    certificate = vary(
        make_certificate(),
        origin=origin,
        languages=("fr", "en"),
        photos=(sha256(b"2"), sha256(b"1"), sha256(b"3")),
        sources=tuple(Source(number=one, carat_thousandths=1) for one in ("ZA000002", "ZA000001")),
        lines=tuple(reversed(make_certificate().lines)),
    )
    ledger = open_trade()
    refused = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    assert ledger.attempt(refused) is not None
    read = read_struct(CertificateIssued, {"certificate": certificate}, within="body")
    assert ledger.attempt(make_event("BW/gaborone", read)) is None
    assert (read.certificate.origin.countries, read.certificate.origin.shares) == (
        ("BW", "ZA"),
        (2_500, 7_500),
    )
    assert read.certificate.seals == certificate.seals


def test_lines_of_a_draft_are_sorted() -> None:
    read = read_struct(Certificate, DRAFT)
    assert [line.hs for line in read.lines] == sorted(HsCode)
    shared = read_struct(Certificate, DRAFT | {"origin": ["ZA", "BW"], "shares": ["75", "25"]})
    assert (shared.origin.countries, shared.origin.shares) == (("BW", "ZA"), (2_500, 7_500))


def test_line_that_is_there_twice_is_named() -> None:
    lines = make_certificate().lines
    certificate = vary(make_certificate(), lines=(*lines, lines[0]))
    read = read_struct(CertificateIssued, {"certificate": certificate}, within="body")
    assert len(read.certificate.lines) == 3
    whole = vary(
        read.certificate,
        carat_thousandths=sum(line.carat_thousandths for line in read.certificate.lines),
        value_usd_cents=sum(line.value_usd_cents for line in read.certificate.lines),
    )
    refusal = open_trade().attempt(make_event("BW/gaborone", CertificateIssued(certificate=whole)))
    assert refusal is not None
    assert (refusal.rule.code, refusal.field) == ("E5", "body.certificate.lines")
    assert refusal.problem == f"{lines[0].hs} is named twice"


def test_countries_of_transit_stay_in_the_order_of_the_journey() -> None:
    _, body = SOUND["export_notified"]
    told = vary(body, transit=("CH", "AE", "IL"))
    assert isinstance(told, ExportNotified)
    assert put_in_order(told) == told
