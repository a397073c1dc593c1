"""What a source may answer, and what becomes of a node that hears it: it goes on all the same."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import msgpack
import msgspec
import pytest
from electing import finalise, open_signed_trade, open_voted_term
from founding import (
    OFFICES,
    MemoryLedger,
    make_genesis,
    make_genesis_file,
    opening_events,
    vary,
)
from neighbours import wait_until

from kpledger.api.routes import COMMITS, EVENT, GENESIS
from kpledger.base.codec import encode
from kpledger.log.certificates import CommitCertificate
from kpledger.log.genesis import format_genesis, parse_genesis
from kpledger.log.statements import LogEnd
from kpnode.contacts import Said, UnansweredError
from kpnode.ledger import Ledger
from kpnode.process import end_tasks
from kpnode.replica.applying import Applier
from kpnode.replica.pulling import Puller
from kpnode.replica.replica import Replica
from kpnode.replica.sources import Sources
from kpnode.storage.leveldb import LevelStorage

HUGE = "9" * 5000
"""More digits than ``int`` reads."""
BEYOND_FLOATS = "9" * 400
Pieces = Callable[[int], AsyncIterator[bytes]]


@dataclass
class Scripted:
    """A source that answers what it is told to (a :class:`kpnode.contacts.NodeLine`)."""

    answer: Callable[[str], Said]
    name: str = "source"
    pieces: Pieces | None = None
    """Gives what follows from a height on."""

    async def get(self, target: str, *, timeout_s: float, max_bytes: int) -> Said:  # noqa: ARG002 (a NodeLine's)
        await asyncio.sleep(0)
        return self.answer(target)

    async def post(
        self,
        target: str,
        body: bytes,  # noqa: ARG002 (a NodeLine's)
        headers: Mapping[str, str],  # noqa: ARG002 (likewise)
        *,
        timeout_s: float,
        max_bytes: int,
    ) -> Said:
        return await self.get(target, timeout_s=timeout_s, max_bytes=max_bytes)

    @asynccontextmanager
    async def stream(
        self,
        target: str,
        *,
        timeout_s: float,  # noqa: ARG002 (a NodeLine's)
    ) -> AsyncIterator[tuple[Said, AsyncIterator[bytes]]]:
        first = int(target.partition("from=")[2].partition("&")[0] or 1)
        yield self.answer(target), self._stream(first)

    async def _stream(self, first: int) -> AsyncIterator[bytes]:
        if self.pieces is not None:
            async for piece in self.pieces(first):
                yield piece


@asynccontextmanager
async def following(
    directory: Path, answer: Callable[[str], Said], pieces: Pieces | None = None
) -> AsyncIterator[Replica]:
    genesis = make_genesis()
    with closing(LevelStorage(directory, chain=genesis.chain, create=True)) as storage:
        replica = Replica(genesis, "obs-1", storage, [Scripted(answer, pieces=pieces)])
        replica.start()
        try:
            yield replica
        finally:
            await replica.stop()


def certify(term: int) -> CommitCertificate:
    return finalise(LogEnd(term=term, index=term, head=bytes(32)))


def show(*certificates: CommitCertificate, onward: int | None = None) -> Said:
    commits = []
    for one in certificates:
        plain = msgspec.to_builtins(one, builtin_types=(bytes,))
        plain["head"] = plain["head"].hex()
        for by in plain["by"]:
            by["signature"] = by["signature"].hex()
        commits.append(plain)
    return Said(200, {}, msgspec.json.encode({"commits": commits, "next": onward}))


REFUSALS = (
    b'{"detail": ' + b"[" * 100_000,
    b'{"detail": "\xff"}',
    b'{"detail": "\\ud800"}',
    b'{"detail": 1e999}',
    b"[]",
    b"",
)


@pytest.mark.parametrize("body", REFUSALS, ids=lambda body: repr(body[:20]))
async def test_refusal_that_cannot_be_read_is_one(tmp_path: Path, body: bytes) -> None:
    async with following(tmp_path, lambda _: Said(503, {}, body)) as replica:
        (source,) = replica.sources.all
        await wait_until(lambda: replica.stopped is not None or source.problem is not None)
        assert replica.stopped is None
        assert "503" in (source.problem or "")


@pytest.mark.parametrize("age", [HUGE, BEYOND_FLOATS, "-1", "\N{ARABIC-INDIC DIGIT ONE}", ""])
async def test_age_that_is_none_says_nothing(tmp_path: Path, age: str) -> None:
    def answer(target: str) -> Said:
        said = show(certify(1))
        return Said(200 if target.startswith(COMMITS.path) else 503, {"KP-Age-S": age}, said.body)

    async with following(tmp_path, answer) as replica:
        (source,) = replica.sources.all
        await wait_until(lambda: replica.stopped is not None or source.problem is not None)
        assert replica.stopped is None


@pytest.mark.parametrize("height", [HUGE, BEYOND_FLOATS, "-1", ""])
async def test_height_that_is_none_confirms_nothing(tmp_path: Path, height: str) -> None:
    def answer(target: str) -> Said:
        if target.startswith(EVENT.path.partition("{")[0]):
            return Said(200, {"KP-Height": height}, b"")
        return show()

    async with following(tmp_path, answer) as replica:
        assert await replica.catch_up(0.1) is not None
        assert replica.stopped is None


def _go_on(target: str) -> Said:
    return show(onward=int(target.partition("from_term=")[2] or 0) + 1)


def _again(_: str) -> Said:
    return show(certify(1), certify(2), onward=10**9)


def _twice(_: str) -> Said:
    return show(certify(1), certify(1))


@pytest.mark.parametrize("answer", [_go_on, _again, _twice])
async def test_certificates_that_do_not_go_up_by_terms_are_a_lie(
    tmp_path: Path, answer: Callable[[str], Said]
) -> None:
    async with following(tmp_path, answer) as replica:
        (source,) = replica.sources.all
        await wait_until(lambda: source.lie is not None)


async def test_certificates_of_many_pages_are_taken(tmp_path: Path) -> None:
    def answer(target: str) -> Said:
        if not target.startswith(COMMITS.path):
            raise UnansweredError("shows no blocks")
        term = int(target.partition("from_term=")[2] or 0)
        return show(certify(max(term, 1)), onward=term + 1 if 1 <= term < 5 else None)

    async with following(tmp_path, answer) as replica:
        (source,) = replica.sources.all
        await wait_until(lambda: source.problem == "shows no blocks")


async def test_certificate_that_no_source_has_shown_makes_a_node_know_what_it_lacks(
    tmp_path: Path,
) -> None:
    async with following(tmp_path, lambda _: show(certify(1))) as replica:
        await wait_until(lambda: replica.status().behind == 1)
        bad = msgspec.structs.replace(certify(9), head=b"\1" * 32)
        replica.take_certificates([bad])
        replica.take_certificates([certify(7)])
        await wait_until(lambda: replica.status().behind == 7)


@dataclass
class Clock:
    """Stands still until somebody puts it forward."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def test_slow_source_has_its_turn_and_no_more(tmp_path: Path) -> None:
    """It sends nothing wrong, and each piece in time: so it could keep a node behind for ever."""
    ledger, clock, slowly = open_signed_trade(), Clock(), list[int]()
    newest = finalise(ledger.tip.end)

    async def send(first: int, *, after_s: float) -> AsyncIterator[bytes]:
        yield msgpack.packb((0, encode(newest)))
        for height, stored in enumerate(ledger.entries[first - 1 :], first):
            clock.now_s += after_s
            if after_s:
                slowly.append(height)
            yield msgpack.packb((height, stored))

    genesis = make_genesis()
    slow = Scripted(lambda _: show(newest), "slow", partial(send, after_s=19))
    fast = Scripted(lambda _: show(newest), "fast", partial(send, after_s=0))
    with closing(LevelStorage(tmp_path / "ledger", chain=genesis.chain, create=True)) as storage:
        applier = Applier(genesis, storage, Ledger(genesis, storage))

        async def do(job: Callable[[], None]) -> None:
            job()

        sources = Sources([slow, fast], clock=clock, chance=Random(1))
        sources.failed(sources.all[1], "was not there yet")
        puller = Puller(applier, sources, do, lambda: None, clock)
        pulling = asyncio.create_task(puller.run())
        await wait_until(lambda: applier.backlog.proven == newest.index or pulling.done())
        await end_tasks([pulling])
    assert 0 < len(slowly) < newest.index
    assert sources.liars() == ()


async def test_source_with_nothing_new_is_left_for_one_that_has_shown_more(tmp_path: Path) -> None:
    """As after a cut, by a node of the side that stood still; nobody is to blame."""
    genesis, clock = make_genesis(), Clock()
    ledger = MemoryLedger(genesis)
    open_voted_term(ledger, 1)
    older = finalise(ledger.tip.end)
    ledger.record(*opening_events(OFFICES[0]))
    newest = finalise(ledger.tip.end)

    async def send(first: int, *, upto: CommitCertificate) -> AsyncIterator[bytes]:
        if first > upto.index:
            clock.now_s += 1
            sources.all[1].height = newest.index
            await puller.take_certificates((newest,))
        yield msgpack.packb((0, encode(upto)))
        for block in enumerate(ledger.entries[first - 1 : upto.index], first):
            yield msgpack.packb(block)

    stale = Scripted(lambda _: show(older), "stale", partial(send, upto=older))
    ahead = Scripted(lambda _: show(newest), "ahead", partial(send, upto=newest))
    with closing(LevelStorage(tmp_path / "ledger", chain=genesis.chain, create=True)) as storage:
        applier = Applier(genesis, storage, Ledger(genesis, storage))

        async def do(job: Callable[[], None]) -> None:
            job()

        sources = Sources([stale, ahead], clock=clock, chance=Random(1))
        sources.failed(sources.all[1], "was not there yet")
        puller = Puller(applier, sources, do, lambda: None, clock)
        pulling = asyncio.create_task(puller.run())
        await wait_until(lambda: applier.backlog.proven == newest.index or pulling.done())
        await end_tasks([pulling])
    assert applier.backlog.proven == newest.index
    assert [one.problem for one in sources.all] == [None, None]


async def test_source_of_another_ledger_is_said_to_be_that_and_no_liar(tmp_path: Path) -> None:
    other = parse_genesis(format_genesis(vary(make_genesis_file(), origin="ledger.example/other")))

    def answer(target: str) -> Said:
        if target == GENESIS.path:
            return Said(200, {}, other.encoded)
        return show(vary(certify(1), by=()))

    async with following(tmp_path, answer) as replica:
        (source,) = replica.sources.all
        await wait_until(lambda: source.lie is not None)
        (alarm,) = replica.status().alarms
        assert f"The source source is of another ledger, {other.chain.hex()}." in alarm
        assert "lies" not in alarm


async def test_block_that_trickles_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpnode.replica.pulling._BLOCK_S", 0.05)

    async def trickle(_: int) -> AsyncIterator[bytes]:
        yield msgpack.packb((0, encode(certify(1))))
        yield b"\x92\x01\xc6" + (16 << 20).to_bytes(4, "big")
        await asyncio.Event().wait()

    async with following(tmp_path, lambda _: show(certify(1)), trickle) as replica:
        (source,) = replica.sources.all
        await wait_until(lambda: "sent no whole block" in (source.problem or ""))
        assert source.lie is None
