"""Pulling: one stream of certified blocks at a time, from one source after the other.

A source first shows a commit certificate, then the blocks up to it, and waits with its answer while
it has nothing new. Besides, another source is asked now and then how far it is, so that one which
shows an old end of the chain keeps nobody there.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from operator import lt
from typing import Final, NoReturn, TypeVar

import msgpack
import msgspec

from kpledger.api.answers import CommitsAnswer
from kpledger.api.decoding import read_answer
from kpledger.api.routes import BLOCKS, COMMITS, GENESIS, BlocksQuestion, CommitsQuestion
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.errors import LedgerError
from kpledger.base.text import clean, parse_count, shorten
from kpledger.log.certificates import CommitCertificate, decode_commit_certificate
from kpledger.log.genesis import MAX_GENESIS_BYTES, parse_genesis
from kpledger.log.layout import MAX_STORED_BYTES
from kpnode.contacts import Said, UnansweredError
from kpnode.replica.applying import Applier
from kpnode.replica.backlog import UncertifiedError
from kpnode.replica.sources import KnownSource, LyingSourceError, Sources

T = TypeVar("T")

WAIT_MS: Final = 2_000
"""For how long a source may wait with its answer while there is nothing new: then it says how old
its knowledge is."""
BEHIND_S: Final = 2.0
"""So long a source may be behind what others show before another is asked."""
_ANSWER_S: Final = 10.0
_PAUSE_S: Final = 0.1
"""Before a source is asked again that had nothing new."""
_LOOK_S: Final = 5.0
"""How often another source is asked how far it is, if a voter was in touch with the leader since;
else five times as often."""
_BATCH_BYTES: Final = 1 << 20
"""Blocks that are stored in one synced batch."""
_BATCH_S: Final = 5.0
"""Of a slow source they are stored after so long, however few."""
_TURN_S: Final = 30.0
"""So long one source may take for what it has; then whoever has most by then has its turn."""
_BLOCK_S: Final = 300.0
"""So long one block may take: at the slowest at which pieces may come, for two megabytes."""
_CHUNK_BYTES: Final = 256 << 10
_MAX_COMMITS_BYTES: Final = 4 << 20
_OK: Final = 200
_AGE_HEADER: Final = "KP-Age-S"

Do = Callable[[Callable[[], T]], Awaitable[T]]
"""Has something done by the thread that writes."""


@dataclass
class Puller:
    """Keeps a backlog filled."""

    applier: Applier
    sources: Sources
    do: Do[None]
    on_news: Callable[[], None]
    """Called when more may be known to be final, or be there."""
    clock: Callable[[], float] = time.monotonic
    fresh_s: float | None = None
    """The newest time at which a voter was in touch with the leader, as far as a source says that
    shows all that is known to be final; None if none ever did."""
    gained_s: float = -math.inf
    """When blocks have come last."""
    current: KnownSource | None = None
    """Who is asked now."""
    _senders: set[str] = field(default_factory=set)
    """Who has sent blocks that are not proven yet; with an empty name, those of an earlier run."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> NoReturn:
        """Pull until cancelled, or until an error that is no source's.

        Raises:
            ForkedError: there are two histories.
            StorageError: the disk has failed.
        """
        await self.do(self.applier.backlog.recall)
        if self.applier.backlog.height > self.applier.backlog.proven:
            self._senders.add("")
        while True:
            source = self.sources.choose()
            if source is None:
                self._woken.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.sources.pause_s):
                        await self._woken.wait()
                continue
            self.current = source
            await self._use(source)

    async def look_around(self) -> NoReturn:
        """Ask now and then one that is not asked for blocks how far it is."""
        while True:
            is_fresh = self.fresh_s is not None and self.clock() - self.fresh_s <= _LOOK_S
            await asyncio.sleep(self.sources.spread(_LOOK_S if is_fresh else _LOOK_S / 5))
            source = self.sources.look(but=self.current)
            if source is not None:
                await self._try(source, self._learn)

    async def _use(self, source: KnownSource) -> None:
        await self._try(source, self._follow)

    async def _try(
        self, source: KnownSource, ask: Callable[[KnownSource], Awaitable[None]]
    ) -> None:
        try:
            await ask(source)
            source.answered()
        except LyingSourceError as error:
            lie = f"{error}. No honest node sends that: its disk is damaged, or it lies"
            self.sources.lied(source, await self._find_other_ledger(source) or lie)
        except UnansweredError as error:
            self.sources.failed(source, str(error))

    async def _find_other_ledger(self, source: KnownSource) -> str | None:
        """Say so if a source shows the genesis file of another ledger: then it may be honest."""
        with suppress(UnansweredError, LedgerError):
            said = await source.line.get(
                GENESIS.path, timeout_s=_ANSWER_S, max_bytes=MAX_GENESIS_BYTES
            )
            chain = parse_genesis(said.body).chain
            if chain != self.applier.genesis.chain:
                return f"is of another ledger, {chain.hex()}"
        return None

    async def _learn(self, source: KnownSource) -> None:
        """Take in the certificates of all terms that this node may lack."""
        newest = self.applier.newest
        term: int | None = 0 if newest is None else newest.term
        while term is not None:
            target = COMMITS.target(CommitsQuestion(from_term=term))
            said = await source.line.get(target, timeout_s=_ANSWER_S, max_bytes=_MAX_COMMITS_BYTES)
            _expect_ok(said)
            try:
                answer = read_answer(said.body, CommitsAnswer)
            except (ValueError, RecursionError) as error:
                raise LyingSourceError(f"sent no commit certificates: {error}") from None
            # So there is an end of them: a majority has to sign for each further term.
            terms = [one.term for one in answer.commits]
            onward = [] if answer.next is None else [answer.next]
            if not all(map(lt, [term - 1, *terms], [*terms, *onward])) or (onward and not terms):
                raise LyingSourceError("sent commit certificates that do not go up by terms")
            await self.take_certificates(answer.commits)
            if answer.commits:
                self._note_seen(source, answer.commits[-1].index, said)
            term = answer.next

    async def take_certificates(self, certificates: Sequence[CommitCertificate]) -> None:
        """Take in certificates, whoever shows them; whoever has less is not enough from then on.

        Raises:
            LyingSourceError: one does not verify.
            ForkedError: there are two histories.
        """
        newest = self.applier.newest
        if newest is not None and all(one.end == newest.end for one in certificates):
            return
        try:
            await self.do(partial(self.applier.learn, certificates))
            self.on_news()
        except LedgerError as error:
            raise LyingSourceError(f"sent what does not hold: {_quote(error)}") from None

    def _note_seen(self, source: KnownSource, index: int, said: Said) -> None:
        """Note how far a source is, and how old its knowledge is if nobody shows more."""
        source.height = index
        newest = self.applier.newest
        if newest is not None and index >= newest.index:
            fresh_s = self.clock() - (parse_count(said.headers.get(_AGE_HEADER, "")) or 0)
            self.fresh_s = fresh_s if self.fresh_s is None else max(self.fresh_s, fresh_s)

    def hear_of(self, height: int) -> None:
        """Hear how far the ledger is, of somebody who need not be a source."""
        if height > self.applier.backlog.height:
            self.sources.hear_of(height)
            self._woken.set()

    async def _follow(self, source: KnownSource) -> None:
        """Take what a source has, as long as it has the newest."""
        await self._learn(source)
        behind_since_s: float | None = None
        while True:
            height = self.applier.backlog.height
            if not await self._take_news(source):
                return
            source.answered()
            if height == self.applier.backlog.height:
                # It need not have waited.
                await asyncio.sleep(_PAUSE_S)
            newest = self.applier.newest
            if newest is None or (source.height or 0) >= newest.index:
                behind_since_s = None
                continue
            if height == self.applier.backlog.height and self.sources.shows_more(source):
                return
            behind_since_s = behind_since_s or self.clock()
            if self.clock() - behind_since_s > BEHIND_S:
                raise UnansweredError(
                    f"is at block {source.height}, where others are at {newest.index}"
                )

    async def _take_news(self, source: KnownSource) -> bool:
        """Ask for what follows; tells whether it has come before the turn of the source is over."""
        first = self.applier.backlog.height + 1
        question = BlocksQuestion(first=first, certified=True, wait_ms=WAIT_MS)
        timeout_s = _ANSWER_S + WAIT_MS / 1000
        async with source.line.stream(BLOCKS.target(question), timeout_s=timeout_s) as (said, body):
            _expect_ok(said)
            batches = _read(body, self.clock)
            certificate = await self._read_certificate(source, said, batches)
            until_s = self.clock() + _TURN_S
            try:
                await self._take_blocks(source, batches, certificate.index, until_s)
            except (UncertifiedError, LedgerError) as error:
                self._blame(source, first, error)
            except TimeoutError:
                raise UnansweredError(f"sent no whole block in {_BLOCK_S:.0f} s") from None
        if self.applier.backlog.height < certificate.index:
            if self.clock() >= until_s:
                return False
            raise UnansweredError(
                f"ended before block {certificate.index}, up to which it said to be"
            )
        return True

    async def _read_certificate(
        self, source: KnownSource, said: Said, batches: AsyncIterator[list[tuple[int, bytes]]]
    ) -> CommitCertificate:
        """Read the certificate with which a source begins."""
        beginning = await anext(batches, None)
        if beginning is None:
            raise UnansweredError("shows no commit certificate")
        ((height, encoded),) = beginning
        if height:
            raise LyingSourceError("sent blocks without a commit certificate")
        try:
            certificate = decode_commit_certificate(encoded)
        except LedgerError as error:
            raise LyingSourceError(f"sent what does not hold: {_quote(error)}") from None
        await self.take_certificates((certificate,))
        self._note_seen(source, certificate.index, said)
        return certificate

    async def _take_blocks(
        self,
        source: KnownSource,
        batches: AsyncIterator[list[tuple[int, bytes]]],
        last: int,
        until_s: float,
    ) -> None:
        """Store what comes in time, up to a height: beyond it nothing is known to be final."""
        backlog = self.applier.backlog
        while backlog.height < last and self.clock() < until_s:
            async with asyncio.timeout(_BLOCK_S):
                batch = await anext(batches, None)
            if batch is None:
                return
            wanted = [block for block in batch if block[0] <= last]
            if not wanted:
                raise LyingSourceError(f"sent block {batch[0][0]} after its certificate's, {last}")
            try:
                await self.do(partial(self.applier.take, wanted))
                self.gained_s = self.clock()
            finally:
                self._senders = self._senders | {source.name}
                if backlog.height == backlog.proven:
                    self._senders = set()
                self.on_news()

    def _blame(self, source: KnownSource, first: int, error: LedgerError) -> NoReturn:
        """Say what follows from blocks that do not fit.

        Whose fault it is cannot be said if what does not fit is the end of what others have sent.
        Then all that is not proven is asked for again, of this one alone.
        """
        backlog = self.applier.backlog
        others = self._senders - {source.name}
        is_joint = isinstance(error, UncertifiedError) or backlog.height + 1 == first
        if is_joint and others:
            backlog.drop()
            self._senders = set()
            raise UnansweredError(f"does not go on where {_name(others)} ended")
        raise LyingSourceError(f"sent what does not hold: {_quote(error)}") from None


async def _read(
    body: AsyncIterator[bytes], clock: Callable[[], float]
) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Give the first item of a stream, then blocks, about as many as are stored at once."""
    unpacker = msgpack.Unpacker(
        max_buffer_size=MAX_STORED_BYTES + _CHUNK_BYTES,
        max_array_len=2,
        max_map_len=0,
        max_ext_len=0,
        max_str_len=0,
    )
    is_first = True
    items: list[tuple[int, bytes]] = []
    size, due_s = 0, clock() + _BATCH_S
    try:
        async for chunk in body:
            unpacker.feed(chunk)
            for item in unpacker:
                match item:
                    case [int(height), bytes(stored)]:
                        items.append((height, stored))
                        size += len(stored)
                    case _:
                        raise LyingSourceError(f"sent what is no block: {_quote(item)}")
                if is_first or size >= _BATCH_BYTES or clock() >= due_s:
                    yield items
                    is_first, items, size, due_s = False, [], 0, clock() + _BATCH_S
    except (ValueError, msgpack.UnpackException) as error:
        raise LyingSourceError(f"sent no stream of blocks: {_quote(error)}") from None
    if items:
        yield items


def _expect_ok(said: Said) -> None:
    if said.status != _OK:
        detail = said.body[:2000].decode(errors="replace")
        with suppress(*DECODE_ERRORS):
            detail = str(msgspec.json.decode(said.body, type=dict[str, object]).get("detail"))
        raise UnansweredError(f"answers with HTTP status {said.status}: {_quote(detail)}")


def _quote(found: object) -> str:
    return shorten(clean(str(found)))


def _name(names: set[str]) -> str:
    return ", ".join(sorted(one or "an earlier run" for one in names))
