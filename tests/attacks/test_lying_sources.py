"""Sources that lie to a node which does not vote: it ends sound and current, and names the liar.

The liar stands before an honest node and changes what that one says; it holds a leader's key, too.
The honest node is heard only once the liar was asked, so that each lie is told.
"""

import asyncio
import itertools
from pathlib import Path

import msgpack
import msgspec
import pytest
from aiohttp import web
from electing import finalise
from following import following, honest_node
from founding import opening_events
from middleman import (
    Item,
    Middleman,
    Tell,
    branch,
    certify_by_few,
    corrupt,
    send,
    show_no_certificate,
    standing,
)
from neighbours import wait_until
from serving import Served, serve

from kpledger.base.codec import encode
from kpledger.log.certificates import CommitCertificate
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.log.statements import LogEnd
from kpnode.api.served import ApiLimits
from kpnode.replica.replica import Replica

pytestmark = pytest.mark.timeout(180)


async def open_terms(response: web.StreamResponse, items: list[Item]) -> None:
    """Open term after term after the first block, with the votes of none."""
    await send(response, *items[:2])
    for term in itertools.count(2):
        voteless = encode_stored_entry(StoredEntry(kind=0, term=term, payload=b""))
        await send(response, (term, voteless))


async def send_much(response: web.StreamResponse, items: list[Item]) -> None:
    """Begin a block of 300 MB, and go on with it for ever."""
    await send(response, items[0])
    await response.write(b"\x92\x01\xc6" + (300 << 20).to_bytes(4, "big"))
    while True:
        await response.write(bytes(1 << 20))


async def send_nonsense(response: web.StreamResponse, items: list[Item]) -> None:
    await send(response, items[0])
    await response.write(msgpack.packb({"height": 1}))


async def skip(response: web.StreamResponse, items: list[Item]) -> None:
    await send(response, items[0], *items[2:])


async def fall_silent(response: web.StreamResponse, items: list[Item]) -> None:
    await send(response, *items[: len(items) // 2])
    await asyncio.Event().wait()


async def trickle(response: web.StreamResponse, items: list[Item]) -> None:
    for byte in b"".join(map(msgpack.packb, items)):
        await response.write(bytes([byte]))
        await asyncio.sleep(1)


async def end_early(response: web.StreamResponse, items: list[Item]) -> None:
    await send(response, *items[: len(items) // 2])


LIES: dict[Tell, str] = {
    corrupt: "does not verify",
    branch: "is not what the voters signed",
    show_no_certificate: "sent blocks without a commit certificate",
    certify_by_few: "1 of 3 voters signed",
    open_terms: "sent",
    send_much: "sent no stream of blocks",
    send_nonsense: "sent",
    skip: "it comes where block 1 is due",
}
"""What no honest node sends, and what is said of it."""
FAILINGS: dict[Tell, str] = {
    fall_silent: "no answer in time",
    trickle: "no answer in time",
    end_early: "ended before block",
}
"""What may be a fault of the line."""


def is_level(replica: Replica, served: Served) -> bool:
    own, other = replica.ledger.tip, served.node.ledger.tip
    return (own.end, own.digest.digest) == (other.end, other.digest.digest)


@pytest.mark.parametrize(("tell", "said"), [*LIES.items(), *FAILINGS.items()])
async def test_node_ends_sound_and_current_and_names_the_liar(
    tmp_path: Path, tell: Tell, said: str
) -> None:
    async with honest_node(tmp_path) as (served, url):
        liar = Middleman(url, tell)
        other = Middleman(url, opens=liar.was_asked)
        async with (
            standing(liar) as lying,
            standing(other) as honest,
            following(tmp_path / "replica", lying, honest) as replica,
        ):
            await wait_until(lambda: said in told_of(replica, lying))
            await wait_until(lambda: is_level(replica, served))
            await wait_until(lambda: replica.status().obstacle is None)
            alarms = " ".join(replica.status().alarms)
            assert (lying in alarms, honest in alarms) == (tell in LIES, False)
            (one,) = [one for one in replica.sources.all if one.name == lying]
            assert (one.lie is not None) == (tell in LIES)


def told_of(replica: Replica, source: str) -> str:
    return next(one.problem or "" for one in replica.status().sources if one.source == source)


async def test_old_end_of_the_chain_keeps_nobody_there(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        await served.open_trade()
        url = f"http://127.0.0.1:{served.port}"
        old = served.node.ledger.newest_commit
        assert old is not None
        stored = [(h, served.node.ledger.block(h) or b"") for h in range(1, old.index + 1)]

        async def tell_of_old(response: web.StreamResponse, items: list[Item]) -> None:
            first = items[1][0] if len(items) > 1 else old.index + 1
            await send(response, (0, encode(old)), *stored[first - 1 :])

        liar = Middleman(url, tell_of_old, answer_commits=lambda _: show(old))
        other = Middleman(url, opens=liar.was_asked)
        async with (
            standing(liar) as lying,
            standing(other) as honest,
            following(tmp_path / "replica", lying, honest) as replica,
        ):
            await wait_until(lambda: replica.ledger.tip.height >= old.index)
            await served.record(opening_events("BW/maun", first=False)[0])
            await wait_until(lambda: is_level(replica, served))
            await wait_until(lambda: replica.status().obstacle is None)


def show(certificate: CommitCertificate) -> bytes:
    plain = msgspec.to_builtins(certificate, builtin_types=(bytes,))
    plain["head"] = plain["head"].hex()
    for one in plain["by"]:
        one["signature"] = one["signature"].hex()
    return msgspec.json.encode({"commits": [plain], "next": None})


async def test_stream_without_an_end_is_left_where_its_certificate_ends(tmp_path: Path) -> None:
    async def go_on(response: web.StreamResponse, items: list[Item]) -> None:
        await send(response, *items)
        height = items[-1][0]
        for later in itertools.count(height + 1):
            await send(response, (later, items[-1][1]))

    async with honest_node(tmp_path) as (served, url):
        liar = Middleman(url, go_on)
        async with (
            standing(liar) as lying,
            following(tmp_path / "replica", lying) as replica,
        ):
            await wait_until(lambda: is_level(replica, served))
            assert replica.status().last_index == served.node.ledger.tip.height


async def test_two_final_histories_end_the_part_of_a_node(tmp_path: Path) -> None:
    async with honest_node(tmp_path) as (served, url):
        newest = served.node.ledger.newest_commit
        assert newest is not None
        forked = finalise_another(newest)
        liar = Middleman(url, opens=None, answer_commits=lambda _: show(forked))
        liar.opens = asyncio.Event()
        async with (
            standing(liar) as lying,
            following(tmp_path / "replica", url, lying) as replica,
        ):
            await wait_until(lambda: is_level(replica, served))
            liar.opens.set()
            await wait_until(lambda: replica.status().failure is not None)
            status = replica.status()
            assert status.role == "stopped"
            assert any("two histories" in one or "E8" in one for one in status.alarms)
            assert [one.conviction.kind for one in status.exhibits] == ["E8"]


def finalise_another(newest: CommitCertificate) -> CommitCertificate:
    return finalise(LogEnd(term=newest.term, index=newest.index, head=bytes(32)))
