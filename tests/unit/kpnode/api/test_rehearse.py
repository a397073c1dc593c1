"""POST /v1/rehearsals: what would become of events, with nothing recorded."""

import msgpack
import pytest
from founding import make_certificate, make_event, opening_events
from serving import Reply, Served

from kpledger.api.routes import MSGPACK_TYPE
from kpledger.scheme.envelope import format_envelope_json
from kpledger.scheme.v1.events.certificate import CertificateIssued

OPENING = opening_events("BW/gaborone")
ISSUE = make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()))


async def rehearse(served: Served, body: bytes, media_type: str = MSGPACK_TYPE) -> Reply:
    headers = {"Content-Type": media_type}
    return await served.ask("POST", "/v1/rehearsals", data=body, headers=headers)


def outcomes(reply: Reply) -> list[tuple[bool, str]]:
    """Give whether each was accepted, and the rule and field that refused it."""
    results = reply.json["results"]
    assert isinstance(results, list)
    return [
        (
            one["accepted"],
            ""
            if one["problem"] is None
            else f"{one['problem']['rule']} {one['problem'].get('field', '')}",
        )
        for one in results
    ]


async def test_each_event_sees_what_those_before_it_would_change(served: Served) -> None:
    reply = await rehearse(served, msgpack.packb([*OPENING, OPENING[0]]))
    assert (reply.status, outcomes(reply)[:3]) == (200, [(True, "")] * 3)
    assert outcomes(reply)[3][0] is False
    alone = await rehearse(served, OPENING[1])
    assert outcomes(alone)[0][0] is False


async def test_nothing_is_recorded(served: Served) -> None:
    await rehearse(served, msgpack.packb(list(OPENING)))
    assert served.node.ledger.tip.tree.size == 0
    await served.record(OPENING[0])
    reply = await rehearse(served, OPENING[0])
    assert outcomes(reply) == [(False, "E6 nonce")]


async def test_json_is_as_good_and_what_is_no_event_is_refused_in_its_place(
    served: Served,
) -> None:
    text = b"[" + format_envelope_json(OPENING[0]) + b", {}]"
    reply = await rehearse(served, text, "application/json")
    first, second = outcomes(reply)
    assert (first, second[0]) == ((True, ""), False)


async def test_a_signature_that_is_wrong_is_refused(served: Served) -> None:
    forged = OPENING[0][:-1] + bytes([OPENING[0][-1] ^ 1])
    assert outcomes(await rehearse(served, forged))[0][0] is False


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        pytest.param(ISSUE, "text/plain", 415, id="another media type"),
        pytest.param(msgpack.packb([]), MSGPACK_TYPE, 400, id="nothing"),
        pytest.param(b"[", "application/json", 400, id="no JSON"),
    ],
)
async def test_what_is_no_request_is_a_problem(
    served: Served, body: bytes, media_type: str, status: int
) -> None:
    assert (await rehearse(served, body, media_type)).status == status
