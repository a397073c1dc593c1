"""GET /v1/...: questions about events, certificates, participants and keys."""

from pathlib import Path

import msgspec
import pytest
from founding import (
    NOW_MS,
    TODAY,
    event_id_of,
    make_certificate,
    make_confirmation,
    make_event,
    make_genesis,
    number_of,
    opening_events,
    public_hex,
)
from serving import Reply, Served, serve

from kpledger.scheme.envelope import format_envelope_json
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.events.importing import ArrivalRecorded
from kpnode.api.served import ApiLimits


def issue(number: str, author: str = "BW/gaborone", destination: str = "EU") -> bytes:
    certificate = make_certificate(number=number, destination=destination)
    return make_event(author, CertificateIssued(certificate=certificate))


def numbers_in(reply: Reply) -> list[object]:
    certificates = reply.json["certificates"]
    assert isinstance(certificates, list)
    return [certificate["number"] for certificate in certificates]


async def test_answers_name_the_block_they_are_of(served: Served) -> None:
    await served.open_trade()
    tip = served.node.ledger.tip
    reply = await served.get("/v1/participants")
    names = ("KP-Height", "KP-Head", "KP-Block-Time-Ms")
    assert [reply.headers[name] for name in names] == [
        str(tip.height),
        tip.head.hex(),
        str(NOW_MS),
    ]


async def test_an_unknown_event_is_unknown(served: Served) -> None:
    reply = await served.get(f"/v1/events/{'0' * 64}")
    assert (reply.status, reply.json) == (200, {"id": "0" * 64, "status": "unknown"})


async def test_a_committed_event_is_shown_with_its_envelope(served: Served) -> None:
    envelope = opening_events("BW/gaborone")[1]
    await served.record(opening_events("BW/gaborone")[0], envelope)
    event_id = event_id_of(envelope).hex()
    reply = await served.get(f"/v1/events/{event_id}")
    assert reply.json == {
        "id": event_id,
        "status": "committed",
        "height": 3,
        "index": 1,
        "block_time_ms": NOW_MS,
        "event": {
            "chain": make_genesis().chain.hex(),
            "type": "key_added",
            "version": 1,
            "author": {"participant": "BW", "authority": "root"},
            "nonce": "00" * 16,
            "occurred_at": NOW_MS,
            "subject": public_hex("BW/gaborone"),
            "prev": None,
            "body": {
                "authority": "gaborone",
                "key": public_hex("BW/gaborone"),
                "valid_from": make_genesis().file.created_at,
                "officer": None,
            },
        },
        "envelope": msgspec.json.decode(format_envelope_json(envelope)),
    }


async def test_a_certificate_is_shown_as_recorded(served: Served) -> None:
    await served.open_trade()
    envelope = issue("BW000001")
    await served.record(envelope)
    party = msgspec.to_builtins(make_certificate().exporter)
    reply = await served.get("/v1/certificates/BW000001")
    assert reply.json == {
        "number": "BW000001",
        "kind": "NORMAL",
        "state": "VALIDATED",
        "marks": [],
        "head": event_id_of(envelope).hex(),
        "issuer": "BW",
        "authority": "gaborone",
        "destination": "EU",
        "issued_on": TODAY,
        "expires_on": "2026-04-30",
        "expiry": "EXPORT_BY",
        "recorded_at": NOW_MS,
        "exporter": party,
        "importer": msgspec.to_builtins(make_certificate().importer),
        "origins": ["BW"],
        "zones": [],
        "parcels": 2,
        "carat_thousandths": 100_000,
        "value_usd_cents": 5_000_000,
        "lines": [msgspec.to_builtins(line) for line in make_certificate().lines],
        "sources": [],
        "case": "",
        "exported_on": None,
        "arrived_on": None,
        "prior": None,
        "lost": False,
        "holder": None,
        "found": None,
        "replaces": None,
        "replaced_by": None,
    }


async def test_a_history_lists_the_events_on_a_certificate_oldest_first(served: Served) -> None:
    await served.open_trade()
    issued = issue("BW000001")
    arrival = ArrivalRecorded(
        arrived_on=TODAY,
        seals_intact=True,
        opened=False,
        found_carat_thousandths=None,
        remarks="",
    )
    arrived = make_event("EU/antwerp", arrival, subject="BW000001", prev=event_id_of(issued))
    confirmed = make_event(
        "EU/antwerp", make_confirmation(make_certificate()), prev=event_id_of(arrived)
    )
    for envelope in (issued, issue("BW000002"), arrived, confirmed):
        await served.record(envelope)
    reply = await served.get("/v1/certificates/BW000001/history")
    events = reply.json["events"]
    assert isinstance(events, list)
    assert [(one["type"], one["id"], one["height"]) for one in events] == [
        ("certificate_issued", event_id_of(issued).hex(), 11),
        ("arrival_recorded", event_id_of(arrived).hex(), 13),
        ("import_confirmed", event_id_of(confirmed).hex(), 14),
    ]
    assert events[1] == {
        "id": event_id_of(arrived).hex(),
        "type": "arrival_recorded",
        "author": {"participant": "EU", "authority": "antwerp"},
        "occurred_at": NOW_MS,
        "height": 13,
        "index": 11,
        "block_time_ms": NOW_MS,
        "suspect": False,
    }


async def test_certificates_are_listed_by_filter(served: Served) -> None:
    await served.open_trade()
    for envelope in (
        issue("BW000001"),
        issue("BW000002", destination="ZA"),
        issue("ZA000001", author="ZA/joburg"),
    ):
        await served.record(envelope)
    confirmed = make_event(
        "EU/antwerp",
        make_confirmation(make_certificate("ZA000001")),
        prev=event_id_of(issue("ZA000001", author="ZA/joburg")),
    )
    await served.record(confirmed)
    for query, expected in (
        ("", ["BW000001", "BW000002", "ZA000001"]),
        ("?issuer=BW", ["BW000001", "BW000002"]),
        ("?destination=EU", ["BW000001", "ZA000001"]),
        ("?state=CONFIRMED", ["ZA000001"]),
        ("?issuer=BW&destination=ZA&state=VALIDATED", ["BW000002"]),
        ("?after=BW000001", ["BW000002", "ZA000001"]),
        ("?issuer=EU", []),
        ("?issuer=ZA&after=BW000001", ["ZA000001"]),
        ("?issuer=BW&after=ZA000001", []),
    ):
        reply = await served.get(f"/v1/certificates{query}")
        assert (query, numbers_in(reply)) == (query, expected)
        assert reply.json["next"] is None


async def test_pages_follow_each_other_to_the_end(served: Served) -> None:
    await served.open_trade()
    numbers = [number_of("BW", serial) for serial in range(1, 6)]
    for number in numbers:
        await served.record(issue(number))
    found: list[object] = []
    after: object = "AA0"
    while after is not None:
        reply = await served.get(f"/v1/certificates?limit=2&after={after}")
        found += numbers_in(reply)
        after = reply.json["next"]
    assert found == numbers


async def test_a_participant_is_shown_with_offices_ranges_and_standing(served: Served) -> None:
    await served.open_trade()
    reply = await served.get("/v1/participants/BW")
    assert reply.json == {
        "code": "BW",
        "name": "Botswana",
        "kind": "STATE",
        "status": "ACTIVE",
        "standings": [
            {
                "status": "ACTIVE",
                "effective_from": 0,
                "decision": "genesis",
                "lapses_at": None,
                "event": None,
            }
        ],
        "authorities": [
            {
                "authority": "gaborone",
                "title": "Diamond Office, gaborone",
                "place": "Gaborone",
                "roles": ["EXPORTING", "IMPORTING"],
                "contact": "",
                "territory": None,
                "closed_at": None,
                "observer": None,
            }
        ],
        "ranges": [
            {
                "authority": "gaborone",
                "range": {
                    "prefix": "BW",
                    "width": 6,
                    "first": 1,
                    "last": 99_999,
                    "use_from": "2026-01-01",
                    "use_until": "2027-12-31",
                },
                "retired_at": None,
                "height": 4,
                "retired_height": None,
            }
        ],
    }


async def test_a_suspended_participant_is_shown_as_such(served: Served) -> None:
    suspended = ParticipantStatusChanged(
        code="BW", status=Standing.SELF_SUSPENDED, effective_from=NOW_MS, decision="N-1"
    )
    await served.record(make_event("BW/root", suspended))
    assert (await served.get("/v1/participants/BW")).json["status"] == "SELF_SUSPENDED"


async def test_all_participants_are_listed(served: Served) -> None:
    participants = (await served.get("/v1/participants")).json["participants"]
    assert isinstance(participants, list)
    assert [one["code"] for one in participants] == ["BW", "EU", "IN", "ZA"]


async def test_a_key_is_shown_with_its_owner(served: Served) -> None:
    key = public_hex("ZA/root")
    reply = await served.get(f"/v1/keys/{key}")
    assert reply.json == {
        "key": key,
        "participant": "ZA",
        "authority": "root",
        "valid_from": 0,
        "revoked_at": None,
        "reason": None,
        "suspect_since": None,
        "office_closed_at": None,
        "officer": None,
    }


@pytest.mark.parametrize(
    ("path", "status", "slug", "field"),
    [
        ("/", 404, "not-found", None),
        ("/v1/nothing", 404, "not-found", None),
        ("/v1/certificates/BW000001", 404, "not-found", None),
        ("/v1/certificates/BW000001/history", 404, "not-found", None),
        ("/v1/participants/XX", 404, "not-found", None),
        (f"/v1/keys/{'0' * 64}", 404, "not-found", None),
        ("/v1/certificates/17", 400, "bad-parameter", "number"),
        ("/v1/participants/Botswana", 400, "bad-parameter", "code"),
        ("/v1/keys/00", 400, "bad-parameter", "key"),
        (f"/v1/events/{'A' * 64}", 400, "bad-parameter", "id"),
        ("/v1/events", 405, "method-not-allowed", None),
        ("/v1/certificates?state=SUNK", 400, "bad-parameter", "state"),
        ("/v1/certificates?issuer=bw", 400, "bad-parameter", "issuer"),
        ("/v1/certificates?issuer=XX", 400, "bad-parameter", "issuer"),
        ("/v1/certificates?destination=", 400, "bad-parameter", "destination"),
        ("/v1/certificates?destination=XX", 400, "bad-parameter", "destination"),
        ("/v1/certificates?after=1", 400, "bad-parameter", "after"),
        ("/v1/certificates?limit=0", 400, "bad-parameter", "limit"),
        ("/v1/certificates?limit=1001", 400, "bad-parameter", "limit"),
        ("/v1/certificates?limit=%D9%A3", 400, "bad-parameter", "limit"),
        ("/v1/certificates?issuers=BW", 400, "bad-parameter", "issuers"),
        ("/v1/certificates?issuer=BW&issuer=ZA", 400, "bad-parameter", "issuer"),
        ("/v1/participants?code=BW", 400, "bad-parameter", "code"),
        ("/v1/status?x", 400, "bad-parameter", "x"),
        ("/v1/blocks?from=0", 400, "bad-parameter", "from"),
        ("/v1/blocks?from=-1", 400, "bad-parameter", "from"),
        ("/v1/blocks?limit=0", 400, "bad-parameter", "limit"),
    ],
)
async def test_a_question_that_cannot_be_answered_says_why(
    served: Served, path: str, status: int, slug: str, field: str | None
) -> None:
    reply = await served.get(path)
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json
    assert (reply.status, problem["type"], problem.get("field")) == (
        status,
        f"urn:kpledger:problem:{slug}",
        field,
    )


async def test_a_method_that_is_not_possible_names_those_that_are(served: Served) -> None:
    reply = await served.ask("DELETE", "/v1/certificates/BW000001")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


PATHS = (
    f"/v1/events/{'0' * 64}",
    "/v1/certificates",
    "/v1/certificates/BW000001",
    "/v1/certificates/BW000001/history",
    "/v1/participants",
    "/v1/participants/BW",
    f"/v1/keys/{public_hex('BW/root')}",
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_question_may_ask_for_what_is_newest(served: Served, path: str) -> None:
    await served.open_trade()
    await served.record(issue("BW000001"))
    plain = await served.get(path)
    newest = await served.get(f"{path}?consistency=linearizable&timeout_ms=5000")
    assert plain == newest == await served.get(f"{path}?consistency=local")
    assert (plain.status, newest.headers["KP-Height"]) == (200, str(served.node.ledger.tip.height))


@pytest.mark.parametrize(
    ("query", "field", "accepted"),
    [
        ("consistency=newest", "consistency", "local, linearizable"),
        ("consistency=", "consistency", "local, linearizable"),
        ("consistency=linearizable&timeout_ms=0", "timeout_ms", "an integer from 1 to 60000"),
        ("timeout_ms=60001", "timeout_ms", "an integer from 1 to 60000"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
async def test_a_consistency_that_there_is_not_is_refused(
    served: Served, path: str, query: str, field: str, accepted: str
) -> None:
    reply = await served.get(f"{path}?{query}")
    assert (reply.status, reply.json["field"], reply.json["accepted"]) == (400, field, accepted)


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_newest_is_not_guessed_without_a_leader(tmp_path: Path, path: str) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(), leads=False) as served:
        reply = await served.get(f"{path}?consistency=linearizable&timeout_ms=20")
        assert (reply.status, reply.json["type"]) == (503, "urn:kpledger:problem:no-leader")
        assert reply.headers["Retry-After"] == "1"
        # Nor is it told that there is nothing by a node that has never heard the others.
        reply = await served.get(path)
        assert (reply.status, "never heard" in str(reply.json["detail"])) == (503, True)
