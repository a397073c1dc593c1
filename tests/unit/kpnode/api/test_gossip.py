"""``/v1/gossip``: anybody may tell and be told, as much as is good for the node."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from electing import elect
from founding import make_genesis
from serving import NAME, Served, serve
from split_views import cosign, tree_of, write_note

from kpledger.api.gossip import (
    MAX_GOSSIP_BYTES,
    GossipMessage,
    Rumour,
    decode_gossip,
    decode_rumour,
    encode_gossip,
)
from kpledger.api.routes import MSGPACK_TYPE
from kpledger.base.codec import encode
from kpledger.base.hashing import hash_leaf
from kpnode.api.served import ApiLimits
from kpnode.config import AccessSection

PATH: Final = "/v1/gossip"
STRANGERS: Final = AccessSection(addresses=())


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Serve a node that lists nobody."""
    async with serve(tmp_path / "ledger", ApiLimits(), access=STRANGERS) as node:
        await node.open_trade()
        yield node


def message(*rumours: Rumour) -> bytes:
    genesis = make_genesis()
    told = tuple(map(encode, rumours))
    return encode_gossip(
        GossipMessage(chain=genesis.chain, config_hash=genesis.config_hash, has=(), rumours=told)
    )


async def post(served: Served, body: bytes, media_type: str = MSGPACK_TYPE) -> tuple[int, bytes]:
    headers = {"Content-Type": media_type}
    reply = await served.ask("POST", PATH, data=body, headers=headers)
    return reply.status, reply.body


def read(body: bytes) -> list[Rumour]:
    return [decode_rumour(one) for one in decode_gossip(body, make_genesis()).rumours]


async def test_stranger_is_told_what_is_final_and_who_was_elected(served: Served) -> None:
    status, body = await post(served, message())
    assert status == 200
    told = read(body)
    newest = served.node.ledger.newest_commit
    assert newest is not None
    assert newest.end in [one.certificate.end for one in told if one.certificate is not None]
    reply = await served.get(PATH)
    assert (reply.status, reply.headers["Content-Type"]) == (200, MSGPACK_TYPE)
    assert read(reply.body) == told


async def test_two_checkpoints_that_are_handed_in_are_evidence_in_the_answer(
    served: Served,
) -> None:
    trees = [tree_of([hash_leaf(b"%d" % at)]) for at in range(2)]
    notes = [write_note(tree, cosign(tree, "eu-1")) for tree in trees]
    for note in notes:
        status, body = await post(served, message(Rumour(checkpoint=note)))
        assert status == 200
    assert any(one.evidence is not None for one in read(body))


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"x", MSGPACK_TYPE, 400),
        (b"", MSGPACK_TYPE, 400),
        (message(), "application/json", 415),
        (message(), "", 415),
        (bytes(MAX_GOSSIP_BYTES + 1), MSGPACK_TYPE, 413),
        (
            encode_gossip(GossipMessage(chain=bytes(32), config_hash=bytes(32), has=())),
            MSGPACK_TYPE,
            400,
        ),
    ],
    ids=["nonsense", "nothing", "JSON", "no type", "much", "another ledger"],
)
async def test_what_is_no_message_is_refused(
    served: Served, body: bytes, media_type: str, status: int
) -> None:
    found, _ = await post(served, body, media_type)
    assert found == status


async def test_who_tells_what_does_not_hold_is_not_heard_any_more(served: Served) -> None:
    """The node goes on meanwhile, and others are answered."""
    statuses = []
    for at in range(100):
        few = elect("eu-1", term=at + 2, base=served.node.ledger.tip.end, voters=("eu-1",))
        status, _ = await post(served, message(Rumour(opening=few.encoded)))
        statuses.append(status)
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert (await served.get(PATH)).status == 200
    assert (await served.get("/health/ready")).status == 200
    assert served.node.name == NAME
