"""POST /v1/events: what is answered to one envelope and to a batch."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from founding import (
    CHAIR,
    NOW_MS,
    event_id_of,
    make_certificate,
    make_confirmation,
    make_event,
    opening_events,
    public_hex,
    signing_key,
)
from serving import Reply, Served, serve

from kpledger.api.route import JSON_TYPE
from kpledger.api.routes import MAX_BATCH, MSGPACK_TYPE
from kpledger.base.codec import encode
from kpledger.scheme.envelope import format_envelope_json, open_envelope, sign_event
from kpledger.scheme.event import MAX_EVENT_BYTES, EventSignature
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpnode.api.served import ApiLimits

ISSUE = make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()))
OPENING = opening_events("BW/gaborone")
URN = "urn:kpledger:problem:"


def alter_signature(envelope: bytes) -> bytes:
    opened = open_envelope(envelope)
    (first, *rest) = opened.signatures
    flipped = EventSignature(keyid=first.keyid, sig=bytes([first.sig[0] ^ 1]) + first.sig[1:])
    return encode(msgspec.structs.replace(opened, signatures=(flipped, *rest)))


def problem_of(reply: Reply) -> tuple[int, str, object, object]:
    """Give what a program would act on: status, slug, rule and field."""
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json
    assert problem["status"] == reply.status
    kind = str(problem["type"]).removeprefix(URN)
    return reply.status, kind, problem.get("rule"), problem.get("field")


async def test_an_event_is_answered_when_it_is_committed(served: Served) -> None:
    reply = await served.post(OPENING[0])
    assert (reply.status, reply.json) == (
        201,
        {
            "status": "committed",
            "id": event_id_of(OPENING[0]).hex(),
            "height": 2,
            "index": 0,
            "block_time_ms": NOW_MS,
            "duplicate": False,
            "signers": sorted(public_hex(name) for name in ("BW/root", CHAIR)),
            "sealed": False,
        },
    )
    assert served.node.ledger.tip.height == 2


async def test_the_same_event_again_is_the_same_answer_marked_as_duplicate(served: Served) -> None:
    first = await served.post(OPENING[0])
    again = await served.post(OPENING[0])
    assert again.status == 201
    assert again.json == {**first.json, "duplicate": True}


async def test_dsse_json_is_as_good_as_messagepack(served: Served) -> None:
    reply = await served.post(format_envelope_json(OPENING[0]), JSON_TYPE)
    assert reply.status == 201
    again = await served.post(OPENING[0], MSGPACK_TYPE)
    assert again.json == {**reply.json, "duplicate": True}


async def test_a_content_type_may_have_parameters(served: Served) -> None:
    reply = await served.post(format_envelope_json(OPENING[0]), "Application/JSON; charset=utf-8")
    assert reply.status == 201


async def test_a_rule_that_refuses_is_named_with_clause_field_and_what_is_accepted(
    served: Served,
) -> None:
    await served.open_trade()
    certificate = make_certificate(number="BW999999")
    reply = await served.post(make_event("BW/gaborone", CertificateIssued(certificate=certificate)))
    assert (reply.status, reply.json) == (
        422,
        {
            "type": f"{URN}refused",
            "title": "A rule refuses the event",
            "status": 422,
            "detail": "BW999999 is not in a range of BW",
            "rule": "E3",
            "clause": "Annex I.A",
            "field": "body.certificate.number",
            "accepted": "a number in a range",
        },
    )


async def test_an_event_that_does_not_fit_its_subject_is_a_conflict(served: Served) -> None:
    await served.open_trade()
    await served.record(ISSUE)
    certificate = make_certificate()
    stale = make_event("EU/antwerp", make_confirmation(certificate), prev=bytes(32))
    assert problem_of(await served.post(stale)) == (409, "conflict", "E6", "prev")


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        pytest.param(
            alter_signature(OPENING[1]),
            (422, "bad-signature", "E1", "signatures"),
            id="signature altered",
        ),
        pytest.param(
            make_event("BW/root", CertificateIssued(certificate=make_certificate())),
            (422, "refused", "E1", "author"),
            id="author without the office",
        ),
        pytest.param(
            make_event(
                "KPCS/chair",
                ParticipantStatusChanged(
                    code="BW", status=Standing.SUSPENDED, effective_from=NOW_MS, decision="D-1"
                ),
                signers=("stranger",),
            ),
            (422, "refused", "E1", "signatures"),
            id="key nobody registered",
        ),
        pytest.param(
            make_event("BW/root", make_confirmation(make_certificate()), chain=bytes(32)),
            (422, "refused", "E12", "chain"),
            id="another ledger",
        ),
        pytest.param(b"", (400, "malformed", "E12", None), id="nothing"),
        pytest.param(b"\xc1", (400, "malformed", "E12", None), id="no MessagePack"),
        pytest.param(OPENING[0] + b"\x00", (400, "malformed", "E12", None), id="a byte too many"),
        pytest.param(
            b"\xde\x00\x03" + OPENING[0][1:],
            (400, "not-canonical", "E12", None),
            id="a second spelling",
        ),
        pytest.param(
            sign_event(b"\xc0", [signing_key("BW/root")]),
            (400, "malformed", "E12", None),
            id="no event inside",
        ),
        pytest.param(
            bytes(MAX_EVENT_BYTES + 5000), (413, "oversized", "E12", None), id="oversized envelope"
        ),
    ],
)
async def test_what_is_refused_says_why(
    served: Served, envelope: bytes, expected: tuple[int, str, str, str | None]
) -> None:
    assert problem_of(await served.post(envelope)) == expected


async def test_a_field_missing_in_the_body_of_a_known_event_is_rule_e5(served: Served) -> None:
    (payload,) = [open_envelope(OPENING[1]).payload]
    shortened = msgspec.msgpack.decode(payload)
    del shortened["body"]["valid_from"]
    altered = msgspec.msgpack.encode(shortened, order="sorted")
    reply = await served.post(sign_event(altered, [signing_key("BW/root")]))
    assert problem_of(reply) == (400, "malformed", "E5", "body")
    assert "valid_from" in str(reply.json["detail"])


ONE = b'{"keyid":"%b","sig":"%b=="}' % (b"00" * 32, b"A" * 86)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b"{", None),
        (b'"event"', None),
        (b"{}", None),
        (b'{"payload":1,"payloadType":"","signatures":[]}', "payload"),
        (b'{"payload":"","payloadType":"","signatures":[],"extra":1}', None),
        (b'{"payload":"AA==","payloadType":"","signatures":[]}', "signatures"),
        (b'{"payload":"AA==","payloadType":"text/plain","signatures":[%b]}' % ONE, "payloadType"),
    ],
)
async def test_malformed_json_is_refused(served: Served, text: bytes, field: str | None) -> None:
    reply = await served.post(text, JSON_TYPE)
    assert problem_of(reply) == (400, "malformed", "E12", field)


async def test_a_batch_is_answered_in_order_each_for_itself(served: Served) -> None:
    batch = msgspec.msgpack.encode([OPENING[0], b"\xc0", alter_signature(OPENING[1]), OPENING[0]])
    reply = await served.post(batch)
    assert reply.status == 200
    results = msgspec.json.decode(reply.body, type=dict[str, list[dict[str, object]]])["results"]
    assert [(one["status"], one.get("id")) for one in results] == [
        ("committed", event_id_of(OPENING[0]).hex()),
        ("refused", None),
        ("refused", event_id_of(OPENING[1]).hex()),
        ("committed", event_id_of(OPENING[0]).hex()),
    ]
    problem = results[2]["problem"]
    assert isinstance(problem, dict)
    assert problem["type"] == f"{URN}bad-signature"


async def test_a_json_batch_refuses_only_what_is_malformed(served: Served) -> None:
    text = b" [" + format_envelope_json(OPENING[0]) + b', {"payload": 1}]'
    reply = await served.post(text, JSON_TYPE)
    results = msgspec.json.decode(reply.body, type=dict[str, list[dict[str, object]]])["results"]
    assert [one["status"] for one in results] == ["committed", "refused"]


@pytest.mark.parametrize("size", [0, MAX_BATCH + 1])
async def test_an_empty_or_too_large_batch_is_refused(served: Served, size: int) -> None:
    packed = msgspec.msgpack.encode([b"x"] * size)
    assert problem_of(await served.post(packed)) == (400, "malformed", "E12", None)
    text = msgspec.json.encode(["x"] * size)
    assert problem_of(await served.post(text, JSON_TYPE)) == (400, "malformed", "E12", None)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_refused(served: Served, media_type: str) -> None:
    reply = await served.post(OPENING[0], media_type)
    assert problem_of(reply) == (415, "unsupported-media-type", None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?timeout_ms=0", "timeout_ms"),
        ("?timeout_ms=60001", "timeout_ms"),
        ("?timeout_ms=-1", "timeout_ms"),
        ("?timeout_ms=1e3", "timeout_ms"),
        ("?timeout_ms=1&timeout_ms=2", "timeout_ms"),
        ("?timeout=1", "timeout"),
    ],
)
async def test_a_bad_parameter_is_named(served: Served, query: str, field: str) -> None:
    reply = await served.post(OPENING[0], query=query)
    assert problem_of(reply) == (400, "bad-parameter", None, field)
    assert served.node.ledger.tip.tree.size == 0


async def test_a_body_above_the_limit_is_refused(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(max_body_bytes=2000)) as served:
        announced = await served.post(bytes(2001))
        assert problem_of(announced) == (413, "oversized", "E12", None)

        async def chunks() -> object:
            for _ in range(21):
                yield bytes(100)

        headers = {"Content-Type": MSGPACK_TYPE}
        unannounced = await served.ask("POST", "/v1/events", data=chunks(), headers=headers)
        assert problem_of(unannounced) == (413, "oversized", "E12", None)
        assert (await served.post(OPENING[0])).status == 201


async def test_more_submissions_than_the_limit_are_told_to_come_again(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(max_submissions=1)) as served:
        batch = msgspec.msgpack.encode([OPENING[0], OPENING[1]])
        reply = await served.post(batch)
        assert problem_of(reply) == (503, "busy", None, None)
        assert reply.headers["Retry-After"] == "1"
        assert (await served.post(OPENING[0])).status == 201
        assert (await served.post(OPENING[1])).status == 201


async def test_without_a_leader_an_event_is_told_to_come_again(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(), leads=False) as served:
        reply = await served.post(OPENING[0], query="?timeout_ms=50")
        assert problem_of(reply) == (503, "no-leader", None, None)
        assert reply.headers["Retry-After"] == "1"


async def test_a_node_that_has_failed_says_so_and_still_answers_questions(served: Served) -> None:
    await served.record(OPENING[0])
    served.clock.broken = True
    reply = await served.post(OPENING[1])
    assert problem_of(reply) == (503, "stopped", None, None)
    assert (await served.get("/health/ready")).status == 503
    assert (await served.get("/health/live")).status == 200
    assert (await served.get("/v1/participants/BW")).status == 200


async def test_events_sent_at_once_are_all_committed_once(served: Served) -> None:
    await served.open_trade()
    envelopes = [
        make_event(
            "BW/gaborone",
            CertificateIssued(certificate=make_certificate(number=f"BW{serial:06d}")),
        )
        for serial in range(1, 41)
    ]
    replies = await asyncio.gather(*(served.post(envelope) for envelope in envelopes * 2))
    assert {reply.status for reply in replies} == {201}
    places = {(str(reply.json["id"]), reply.json["index"]) for reply in replies}
    assert len(places) == len(envelopes)
    assert served.node.ledger.tip.tree.size == 9 + len(envelopes)
