"""The node about itself: status, health, genesis file."""

import asyncio
import re
import socket
from pathlib import Path

import msgspec
from founding import NODES, NOW_MS, make_genesis, opening_events
from fullness import files_limited_to
from serving import Served, serve

from kpledger import __version__
from kpledger.api.answers import CommittedAnswer, PeerAnswer
from kpledger.api.routes import ROUTES
from kpnode.api.openapi import build_openapi
from kpnode.api.served import ApiLimits

ORIGIN = make_genesis().file.origin
PATIENCE_S = 60.0
GLANCE_S = 0.01


async def test_the_status_names_ledger_and_consensus(served: Served) -> None:
    await served.record(opening_events("BW/gaborone")[0])
    tip = served.node.ledger.tip
    await served.books.reach(tip.height)
    found = (await served.get("/v1/status")).json
    assert isinstance(found.pop("uptime_s"), int)
    peers = msgspec.convert(found.pop("peers"), dict[str, PeerAnswer])
    assert [*peers] == ["eu-1", "za-1"]
    assert not any(one.connected for one in peers.values())
    assert 2 in [one.match for one in peers.values()]
    assert found == {
        "node": "bw-1",
        "participant": "BW",
        "chain": make_genesis().chain.hex(),
        "origin": ORIGIN,
        "version": __version__,
        "role": "leader",
        "term": 1,
        "leader": "bw-1",
        "voters": ["bw-1", "eu-1", "za-1"],
        "height": 2,
        "last_index": 2,
        "head": tip.head.hex(),
        "tree_size": 1,
        "tree_root": tip.tree.root().hex(),
        "ready": True,
        "age_s": 0,
        "final_height": 2,
        "evidence": 0,
        "behind": 0,
        "state_digest": tip.digest.digest.hex(),
        "block_time_ms": NOW_MS,
        "storage": {"durability": "fsync before every acknowledgement", "failed": None},
        "failed": None,
        "alarms": [],
        "books": {"height": 2, "behind": 0, "building": False, "problem": None},
        "pending": 0,
        "refused_blocks": [],
        "sources": [],
        "addresses": {key: {"configured": None, "told": None, "since_ms": None} for key in NODES},
    }


async def test_a_node_that_leads_is_ready(served: Served) -> None:
    await served.record(opening_events("BW/gaborone")[0])
    assert (await served.get("/health/ready")).json == {"status": "ready"}


async def test_a_node_without_a_leader_lives_but_is_not_ready(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(), leads=False) as served:
        assert (await served.get("/health/live")).json == {"status": "live"}
        reply = await served.get("/health/ready")
        assert (reply.status, reply.json["type"]) == (503, "urn:kpledger:problem:no-leader")


async def test_a_node_whose_disk_fails_says_that_it_takes_no_part(served: Served) -> None:
    first, second = opening_events("BW/gaborone")[:2]
    await served.record(first)
    await served.books.reach(served.node.ledger.tip.height)
    with files_limited_to(1):
        assert (await served.post(second)).json["type"] == "urn:kpledger:problem:storage-failed"
    found = (await served.get("/v1/status")).json
    assert (found["role"], found["leader"], found["height"]) == ("stopped", None, 2)
    assert "File too large" in str(found["failed"])
    assert found["storage"] == {
        "durability": "fsync before every acknowledgement",
        "failed": found["failed"],
    }
    advice = "Make room on the disk or replace it, then start the node again."
    assert found["alarms"] == [f"The node has stopped taking part: {found['failed']}. {advice}"]
    ready = await served.get("/health/ready")
    assert (ready.status, ready.json["type"]) == (503, "urn:kpledger:problem:storage-failed")
    newest = await served.get("/v1/participants/BW?consistency=linearizable")
    assert (newest.status, newest.json["type"]) == (503, "urn:kpledger:problem:storage-failed")
    assert (await served.get("/v1/participants/BW")).status == 200


async def test_a_mistake_of_the_node_is_not_blamed_on_its_disk(served: Served) -> None:
    await served.record(opening_events("BW/gaborone")[0])
    served.clock.broken = True
    await served.post(opening_events("BW/gaborone")[1])
    found = (await served.get("/v1/status")).json
    assert (found["role"], found["failed"]) == ("stopped", "OSError: the clock is broken")
    assert found["storage"] == {
        "durability": "fsync before every acknowledgement",
        "failed": None,
    }
    advice = "Keep its log for those who maintain the program, then start the node again."
    assert found["alarms"] == [f"The node has stopped taking part: {found['failed']}. {advice}"]


async def test_books_that_have_ended_are_an_alarm(tmp_path: Path) -> None:
    async def end_at_once(feed: socket.socket, listener: socket.socket) -> str:
        with feed, listener:
            return "the shelf broke"

    async with serve(tmp_path / "ledger", ApiLimits(), run=end_at_once) as served:
        async with asyncio.timeout(PATIENCE_S):
            while served.books.status().problem is None:  # noqa: ASYNC110 (there is no event)
                await asyncio.sleep(GLANCE_S)
        found = (await served.get("/v1/status")).json
        assert found["books"] == {
            "height": None,
            "behind": found["height"],
            "building": True,
            "problem": "the shelf broke",
        }
        assert "process that keeps the books has ended: the shelf broke." in str(found["alarms"])


async def test_the_genesis_file_is_given_byte_for_byte(served: Served) -> None:
    assert (await served.get("/v1/genesis")).body == make_genesis().encoded


async def test_the_openapi_document_lists_the_routes_there_are(served: Served) -> None:
    await served.record(opening_events("BW/gaborone")[0])
    served.seal()
    document = (await served.get("/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    paths = document["paths"]
    assert isinstance(paths, dict)
    described = {(path, method) for path, operations in paths.items() for method in operations}
    assert described == {(route.path, route.method.lower()) for route in ROUTES}
    for route in ROUTES:
        path = re.sub(r"{\w+}", "0" * 64, route.path)
        reply = await served.ask(route.method, path)
        # Whatever is wrong with what is asked, somebody has looked at it.
        assert reply.status < 500
        assert b"there is no /" not in reply.body
        assert reply.headers["Content-Type"].partition("+")[0]


def test_every_schema_that_is_referred_to_is_there() -> None:
    text = build_openapi()
    document = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    components = msgspec.json.decode(document["components"], type=dict[str, dict[str, object]])
    schemas = components["schemas"]
    references = {part.split(b'"')[0].decode() for part in text.split(b"#/components/schemas/")[1:]}
    assert references <= set(schemas)
    assert CommittedAnswer.__name__ in references
    assert b"base64" not in bytes(document["components"])
