"""A node answers for flags and for the analysts' tables."""

import msgspec
import pytest
from founding import make_certificate, make_event
from serving import Served

from kpledger.scheme.v1.events.certificate import CertificateIssued


async def test_a_finding_is_served_with_its_evidence(served: Served) -> None:
    await served.open_trade()
    await served.record(
        make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()))
    )
    answer = (await served.get("/v1/flags?flag=F1&at=2026-05-31")).json
    [found] = msgspec.convert(answer["findings"], list[dict[str, object]])
    told = (await served.get("/v1/certificates/BW000001/history")).json["events"]
    history = msgspec.convert(told, list[dict[str, object]])
    assert found["evidence"] == [history[0]["id"]]
    assert (found["subject"], found["measure"], answer["more"]) == ("BW000001", 31, False)
    later = await served.get("/v1/flags?flag=F1&at=2026-05-31&settings=F1.days%3D45")
    assert later.json["findings"] == []


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/flags?flag=F99", "flag"),
        ("/v1/flags?settings=F1.days", "settings"),
        ("/v1/flags?limit=0", "limit"),
        ("/v1/flags?codes=BW", "codes"),
        ("/v1/mirror?one=BW&other=BW&period=2026Q1", "other"),
        ("/v1/mirror?one=BW&other=EU&period=soon", "period"),
        ("/v1/balance", "participant"),
        ("/v1/production-check?participant=bw", "participant"),
        ("/v1/unconfirmed?days=-1", "days"),
        ("/v1/numbers?participant=BW&at=never", "at"),
    ],
)
async def test_a_wrong_parameter_is_named(served: Served, path: str, parameter: str) -> None:
    reply = await served.get(path)
    assert (reply.status, reply.json["field"]) == (400, parameter)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/mirror?one=BW&other=EU&period=2026",
        "/v1/balance?participant=BW",
        "/v1/production-check?participant=BW",
        "/v1/unconfirmed",
        "/v1/numbers?participant=BW",
        "/v1/flags",
    ],
)
async def test_an_empty_ledger_answers_too(served: Served, path: str) -> None:
    assert (await served.get(path)).status == 200


async def test_an_answer_holds_until_the_next_block_and_no_longer(served: Served) -> None:
    await served.open_trade()
    path = "/v1/flags?flag=F1&at=2026-05-31"
    before = [await served.get(path) for _ in range(2)]
    assert [one.json["findings"] for one in before] == [[], []]
    body = CertificateIssued(certificate=make_certificate())
    await served.record(make_event("BW/gaborone", body))
    after = [await served.get(path) for _ in range(2)]
    subjects = [
        [one["subject"] for one in msgspec.convert(reply.json["findings"], list[dict[str, object]])]
        for reply in after
    ]
    assert subjects == [["BW000001"], ["BW000001"]]
    assert after[0].headers["KP-Height"] != before[0].headers["KP-Height"]
