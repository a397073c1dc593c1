"""One node that does not vote: it follows the chain, answers like a voter, and passes events on.

It takes from its sources what a majority of the voters has signed to be final, executes it, and
serves it to others in turn. It has no consensus core, signs nothing, and counts for no majority.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CommitCertificate, LeaderCertificate
from kpledger.log.chain import ExecutedBlock
from kpledger.log.genesis import Genesis
from kpledger.log.statements import BindingStatement
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Refusal
from kpnode.contacts import NodeLine
from kpnode.fairness import Slices
from kpnode.headers import LoggedHeaders
from kpnode.ledger import Ledger
from kpnode.process import end_tasks
from kpnode.raft import Entry, EntryKind, Index, NodeId
from kpnode.replica.applying import Applier, CertifiedError
from kpnode.replica.checking import BlockChecker
from kpnode.replica.condition import Condition
from kpnode.replica.pulling import Puller
from kpnode.replica.relaying import Relay
from kpnode.replica.sources import LyingSourceError, Sources
from kpnode.runtime.intake import UNLIMITED, Allowance, Intake
from kpnode.runtime.ordering import Ordering
from kpnode.runtime.reads import Reads
from kpnode.runtime.verifier import Verifier
from kpnode.standing import STOPPING, Cause, Failure, NodeStanding, explain_error
from kpnode.storage.leveldb import LevelStorage
from kpnode.submission import Answer, Outcome, Submissions, Unavailable

T = TypeVar("T")

_MAX_QUEUE: Final = 10_000
_FEW_BLOCKS: Final = 8
"""So few are read, verified and executed in one go: each change of threads costs about as much."""
_FEW_BYTES: Final = 64 << 10

_log = logging.getLogger(__name__)


class Replica:
    """One node: follows, answers, passes on.

    Attributes:
        genesis: what the ledger was founded on.
        name: this node.
        ledger: what is final and executed, for questions.
        headers: the headers of its log.
        slices: for whatever is long in its event loop.
        sources: where it gets blocks.
    """

    def __init__(
        self, genesis: Genesis, name: str, storage: LevelStorage, lines: Sequence[NodeLine]
    ) -> None:
        """Stand where the storage ends; nothing is asked before :meth:`start`.

        Raises:
            LedgerError: what is stored is damaged, or does not follow from the genesis file.
        """
        self.genesis = genesis
        self.name = name
        self.ledger = Ledger(genesis, storage)
        self.headers = LoggedHeaders(genesis, storage)
        self.slices = Slices()
        self.sources = Sources(lines)
        self._storage = storage
        applier = self._applier = Applier(genesis, storage, self.ledger)
        self._verifier = Verifier(applier.signatures, name="blocks")
        self._checker = BlockChecker(self._verifier, genesis.consensus_keys)
        self._clients_verifier = verifier = Verifier(applier.signatures, name="clients")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="replica")
        self._proven = asyncio.Event()
        self._puller = Puller(applier, self.sources, self._do, self._note_news)
        self._relay = Relay(self, self.sources)
        self._submissions = Submissions(_MAX_QUEUE)
        self._reads = Reads(self._relay.ask_index, _MAX_QUEUE)
        self._intake = Intake(self.ledger, verifier, self.catch_up, self.slices)
        self._ordering = Ordering(self._submissions, self._intake, verifier, self._relay)
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: Failure | None = None
        self._started_s = time.monotonic()
        self._behind_since_s: float | None = None

    def _do(self, job: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._writer, job)

    def start(self) -> None:
        """Begin to follow."""
        self._started_s = time.monotonic()
        self._verifier.start()
        self._clients_verifier.start()
        work = {
            "pull": self._puller.run(),
            "look around": self._puller.look_around(),
            "execute": self._execute(),
            "reads": self._reads.run(),
        }
        self._tasks = [
            asyncio.create_task(self._guard(one), name=name) for name, one in work.items()
        ]

    async def stop(self) -> None:
        """Finish what is being written, and stop; whoever waits hears that the node is stopping."""
        await end_tasks(self._tasks)
        await self._relay.close()
        self._checker.close()
        # What is being written cannot be cancelled in the middle.
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.gather(self._verifier.close(), self._clients_verifier.close())
        self._fail(STOPPING)

    async def _guard(self, work: Coroutine[None, None, None]) -> None:
        """Do work for ever; whatever ends it ends this node's part in the network."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 (whatever it is, the node must stop here)
            _log.exception("the node stops following")
            is_ours = isinstance(error, CertifiedError)
            self._fail(Failure(Cause.INTERNAL, str(error)) if is_ours else explain_error(error))

    def _fail(self, failure: Failure) -> None:
        self._failure = self._failure or failure
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._reads.give_up()
        for event_id in self._submissions.awaited:
            self._submissions.answer(event_id, Unavailable(event_id, failure.text))

    def _note_news(self) -> None:
        """Note that more may be known to be final, or be there."""
        self._proven.set()
        if not self._behind:
            self._behind_since_s = None
        elif self._behind_since_s is None:
            self._behind_since_s = time.monotonic()

    @property
    def _behind(self) -> int:
        newest = self._applier.newest
        return 0 if newest is None else max(0, newest.index - self.ledger.tip.height)

    async def _execute(self) -> None:
        """Execute what is proven; signatures of what comes next are verified meanwhile."""
        while True:
            await self._proven.wait()
            self._proven.clear()
            if 0 < self._applier.backlog.proven - self.ledger.tip.height <= _FEW_BLOCKS:
                few = partial(self._applier.execute_next, _FEW_BYTES)
                self._take_in(await self._do(few))
            window = await self._read_after(self.ledger.tip.height)
            while window:
                executing = self._do(partial(self._applier.execute, window))
                following = self._read_after(window[-1].index)
                done, window = await asyncio.gather(executing, following)
                self._take_in(done)

    async def _read_after(self, height: int) -> tuple[Entry, ...]:
        """Read the next blocks that are proven, and verify their signatures."""
        if height >= self._applier.backlog.proven:
            return ()
        entries = await asyncio.to_thread(self._applier.read_window, height + 1)
        await self._checker.check([one.payload for one in entries if one.kind is EntryKind.BLOCK])
        return entries

    def _take_in(self, done: Sequence[ExecutedBlock]) -> None:
        """Tell those who wait what has become final."""
        for executed in done:
            self._intake.applied(executed)
            self._submissions.commit(executed)
        self._reads.applied(self.ledger.tip.height)
        self._note_news()

    def status(self) -> NodeStanding:
        """Give a picture of this moment."""
        tip, newest = self.ledger.tip, self._applier.newest
        since_s, now_s = self._behind_since_s, time.monotonic()
        lag_s = stuck_s = 0.0
        if since_s is not None and newest is not None:
            lag_s = now_s - since_s
            if self._applier.backlog.height < newest.index:
                stuck_s = min(lag_s, now_s - self._puller.gained_s)
        condition = Condition(
            failure=self._failure,
            age_s=self.age_s,
            has_heard=self._puller.fresh_s is not None,
            height=tip.height,
            behind=self._behind,
            lag_s=lag_s,
            stuck_s=stuck_s,
            sources=self.sources.all,
            liars=self.sources.liars(),
            exhibits=self._applier.exhibits,
        )
        return NodeStanding(
            role="stopped" if self._failure else "replica",
            term=tip.term if newest is None else max(tip.term, newest.term),
            leader=tip.leader if condition.is_current else None,
            hears_leader=condition.is_current and tip.height > 0,
            last_index=self._storage.last_index(),
            behind=condition.behind,
            age_s=condition.age_s,
            uptime_s=int(time.monotonic() - self._started_s),
            obstacle=condition.obstacle,
            failure=self._failure,
            alarms=condition.alarms,
            peers={},
            sources=tuple(one.answer() for one in self.sources.all),
            pending=len(self._submissions.awaited),
            refused=(),
            exhibits=condition.exhibits,
        )

    @property
    def age_s(self) -> int:
        """How many seconds ago a voter was in touch with the leader, as far as sources say.

        Rounded up: nodes that hear only each other do not keep each other young.
        """
        fresh_s = self._puller.fresh_s
        return math.ceil(time.monotonic() - (self._started_s if fresh_s is None else fresh_s))

    @property
    def stopped(self) -> str | None:
        """Why nothing is taken in any more."""
        return None if self._failure is None else self._failure.text

    async def submit(
        self, events: Sequence[SignedEvent], timeout_s: float, allowance: Allowance = UNLIMITED
    ) -> list[Outcome]:
        """Bring events onto the ledger, through sources of this node; outcomes in order.

        Those of strangers, or with bad signatures, go no further and cost ``allowance``.
        """
        return await self._ordering.submit(events, timeout_s, allowance)

    @property
    def said(self) -> tuple[BindingStatement | LeaderCertificate, ...]:
        """Nothing: no voter says anything in consensus to a node that does not vote."""
        return ()

    def take_evidence(self, peer: NodeId, encoded: bytes) -> None:  # noqa: ARG002 (a node's)
        """Take evidence that somebody shows; it is judged by this node itself."""

        async def judge() -> None:
            await self._do(partial(self._applier.judge, encoded))

        self._begin(judge(), "evidence")

    def take_certificates(self, certificates: Sequence[CommitCertificate]) -> None:
        """Take what somebody tells of how far the ledger is, who need not be a source."""

        async def learn() -> None:
            with suppress(LyingSourceError):
                await self._puller.take_certificates(certificates)
                self._puller.hear_of(max(one.index for one in certificates))

        self._begin(learn(), "certificates")

    def _begin(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(self._guard(work), name=name)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    async def verify(self, event: SignedEvent) -> LedgerError | None:
        """Verify the signatures of an event, in a thread; says what is wrong, or None."""
        return await self._clients_verifier.begin_event(event)

    def judge(self, event: SignedEvent) -> Refusal | None:
        """Say what the rules say to an event on this ledger."""
        return self._intake.judge(event)

    def answer(self, event_id: bytes, answer: Answer) -> None:
        """Tell who waits for an event what became of it."""
        self._submissions.answer(event_id, answer)

    async def catch_up(self, timeout_s: float) -> str | None:
        """Wait until the ledger holds all that was acknowledged before this call.

        A source that votes is believed how far that is. Gives None when it does, else what stood
        in the way.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if self._failure is None:
                    index = await self._reads.confirm()
                    height = self.ledger.tip.height
                    if index is not None and await self._reads.reach(index, height):
                        return None
        except TimeoutError:
            return f"not confirmed by a source of this node within {timeout_s:g} s"
        return self.stopped or "too many questions wait"

    async def reach(self, height: int) -> None:
        """Wait until the ledger holds a block: for ever, if it never will."""
        if not await self._reads.reach(Index(height), self.ledger.tip.height):
            await asyncio.get_running_loop().create_future()
