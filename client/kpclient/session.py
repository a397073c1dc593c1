"""What a command works with: the pinned ledger, its nodes, the memory of what was seen."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import msgspec

from kpclient.clock import now_ms
from kpclient.errors import ClientError, FileError, UsageError
from kpclient.files import expand, hand_over, place_for, read_text_bounded
from kpclient.input.options import ConnectionOptions, OfflineOptions
from kpclient.net.access_tokens import AccessTokens, load_tokens
from kpclient.net.checkpoints import CheckpointMemory, SplitViewError
from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NodeClient
from kpclient.net.refusals import NodeProblemError
from kpclient.outbox import Outbox
from kpclient.output.console import print_trouble
from kpclient.output.report import AuditFindings
from kpclient.recall import Recall
from kpclient.replay.audit_notes import AuditNotes, open_notes, open_scratch, try_notes
from kpclient.replay.copied_chain import CopiedChain
from kpclient.replay.lookout import Lookout
from kpclient.replay.replayed_ledger import EventStore, LedgerView, ReplayedLedger
from kpclient.replay.served_chain import ServedChain
from kpclient.replay.sources import HistoryReader
from kpclient.replay.verification import replay, verify_chain
from kpclient.seen import ForkError, Memory
from kpclient.sightings import position_of
from kpledger.api.answers import PublicStatusAnswer
from kpledger.api.decoding import read_answer
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.books.certificates import CERTIFICATE, CertificateQuestion
from kpledger.books.database import Books, open_books
from kpledger.books.query import NotOnLedgerError, Query
from kpledger.command import EXIT_REFUSED
from kpledger.log.audit import AuditReport, AuditVerdict, Observe
from kpledger.log.evidence import Evidence
from kpledger.log.genesis import MAX_GENESIS_BYTES, Genesis, parse_genesis
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate
from kpledger.reading import say_trouble
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.ids import parse_number
from kpledger.scheme.v1.records import CertificateRecord

_OLD_S: Final = 5
"""Seconds without a leader that are worth a warning: no election takes as long."""
T = TypeVar("T")
A = TypeVar("A", bound=msgspec.Struct)


class NotFoundError(ClientError):
    """The ledger does not know what was asked for."""

    EXIT_CODE = EXIT_REFUSED

    def __init__(self, what: str) -> None:
        super().__init__(f"there is no {what} on the ledger")


class NotToFollowError(NotFoundError):
    """Nor is a statement on it accepted: rule E6 would refuse it."""

    def __init__(self, what: str, *, field: str, accepted: str) -> None:
        super().__init__(what)
        self._place = {"field": field, "problem": str(self), "accepted": accepted}

    def describe(self) -> dict[str, str]:
        """Give what is known about it, as of any refusal."""
        return {"rule": Rule.E6.code, "clause": Rule.E6.clause, **self._place}


class Session:
    """One run of a command against one ledger."""

    def __init__(
        self,
        connection: ConnectionOptions,
        *,
        newest: bool = False,
        offline: OfflineOptions | None = None,
        recalls: bool | None = None,
    ) -> None:
        """Remember what was asked for; nothing is read or asked before it is needed.

        Answers are remembered unless ``recalls`` is None, and used without a line if it is true.
        """
        self._connection = connection
        self._newest = newest
        self._offline = offline or OfflineOptions()
        self._recalls = recalls
        self.home = expand("--home", connection.home)
        self._told_old: set[str] = set()
        self._told_fork = False

    @cached_property
    def genesis(self) -> Genesis:
        """The ledger that is meant."""
        path = self._connection.genesis or self.home / "genesis.json"
        if self._connection.genesis is None and not path.exists():
            accepted = f"the genesis file that founds it; KPLEDGER_GENESIS and {path} serve as well"
            raise UsageError("--genesis", "which ledger is meant is not said", accepted)
        return load_genesis(path)

    @cached_property
    def _tokens(self) -> AccessTokens:
        connection = self._connection
        return load_tokens(connection.token_file, in_clear=connection.token_in_clear)

    @property
    def _nodes(self) -> Sequence[str]:
        return self._connection.node or ()

    @cached_property
    def outbox(self) -> Outbox:
        """The events of this ledger that wait to be sent."""
        directory = self.home / "outbox" / self.genesis.chain.hex()
        return Outbox(directory, warn=print_trouble)

    def ask(self, call: Callable[[LedgerClient], Awaitable[T]]) -> T:
        """Ask the nodes something and wait for the answer."""
        return asyncio.run(self._ask(call))

    @cached_property
    def recall(self) -> Recall:
        """What is remembered of the answers about this ledger."""
        place = self.home / "known" / self.genesis.chain.hex()
        return Recall(place, answers=self._recalls is True)

    def answer(self, query: Query[msgspec.Struct, A], question: msgspec.Struct) -> A:
        """Ask what the books of the ledger tell: those of a node, or those of the chain itself.

        Raises:
            UsageError: there is no answer to such a question; names the parameter.
            ClientError: a node says no, no node answers, or the chain is not sound.
        """
        try:
            if not self.is_offline:
                return self.ask(lambda ledger: ledger.ask(query, question))
            with self.books.reading() as books:
                return read_answer(query.reply(books, question), query.answer)
        except sqlite3.Error as error:
            raise ClientError(f"the books cannot be read on this machine: {error}") from None
        except NodeProblemError as error:
            # A question that has no answer is the same mistake there as here.
            problem = error.problem
            if problem.status != HTTPStatus.BAD_REQUEST or not problem.field:
                raise
            said = problem.detail.removeprefix(f"{problem.field}: ")
            raise UsageError(problem.field, said, problem.accepted or "") from None

    @property
    def is_offline(self) -> bool:
        """Whether a chain that is verified here answers, and no node."""
        return self._offline.replay or self._offline.copy is not None

    def find(self, query: Query[msgspec.Struct, A], question: msgspec.Struct) -> A | None:
        """Ask likewise; None if the ledger does not hold what it is about."""
        if not self.is_offline:
            return self.ask(lambda ledger: ledger.find(query, question))
        try:
            return self.answer(query, question)
        except NotOnLedgerError:
            return None

    def view(self, call: Callable[[LedgerView], Awaitable[T]]) -> T:
        """Ask the nodes, or the chain itself, also for events; and wait for the answer.

        Raises:
            ClientError: a node says no, no node answers, or the chain is not sound.
        """
        if not self.is_offline:
            return self.ask(call)
        books, events = self._verified
        try:
            with books.reading():
                return asyncio.run(_call(call, ReplayedLedger(books, events)))
        except sqlite3.Error as error:
            raise ClientError(f"the books cannot be read on this machine: {error}") from None

    @cached_property
    def books(self) -> Books:
        """The books of the whole chain, verified here, in a temporary file; it is read once."""
        return self._replay(keep=None)

    @cached_property
    def _verified(self) -> tuple[Books, EventStore]:
        """Books likewise, and the events that they are made of."""
        events = EventStore()
        return self._replay(keep=events.keep), events

    def _replay(self, keep: Observe | None) -> Books:
        chain = self.open_chain()
        try:
            connection, lookout = open_books(""), self._look_out()
            report = replay(self.genesis, chain, connection, lookout, keep=keep)
            self._accept(chain, report, lookout)
        except sqlite3.Error as error:
            problem = f"the books cannot be written on this machine: {error}"
            raise ClientError(f"{problem} (TMPDIR says where they go)") from None
        return Books(connection)

    def write_books(self, file: Path, copy: Path | None) -> AuditReport:
        """Verify the whole chain, of a node or in a copy, and write its books into a new file.

        Raises:
            UsageError: there is no such copy, or the file cannot be written.
            ClientError: no node answers, or the chain is not sound, or not what was seen before.
        """
        self._offline = OfflineOptions(replay=True, copy=copy)
        chain = self.open_chain()
        # Under the name that was asked for stand complete books or none.
        try:
            with TemporaryDirectory(prefix=".kpledger-", dir=place_for(file)) as directory:
                partial = Path(directory) / "books.sqlite"
                lookout = self._look_out()
                with closing(open_books(str(partial))) as books:
                    report = replay(self.genesis, chain, books, lookout)
                    # One file alone, that can be copied and opened by anybody.
                    books.execute("PRAGMA journal_mode = DELETE")
                self._accept(chain, report, lookout)
                hand_over(partial, file)
        except (OSError, sqlite3.Error) as error:
            why = say_trouble(error) if isinstance(error, OSError) else error
            raise UsageError("--out", f"{file} cannot be written: {why}", "a new name") from None
        return report

    def open_chain(self) -> ServedChain | CopiedChain:
        """Give the chain in the copy that is named, or else of the first node to answer.

        Raises:
            UsageError: there is no such copy, or no node is named.
            ClientError: no node answers; says why not.
        """
        if self._offline.copy is not None:
            return CopiedChain(expand("--copy", self._offline.copy))
        if not self._nodes:
            raise UsageError("--node", "no node is named", "--node URL, or --copy DIR")
        return self._open_served(self._nodes)

    def open_node(self, url: str, *, after: int = 0) -> ServedChain:
        """Give the chain of a node, without the blocks up to a height.

        Raises:
            AnotherLedgerError: it is of another ledger.
            ClientError: it does not answer; says why not.
        """
        return self._open_served((url,), after)

    def _open_served(self, urls: Sequence[str], after: int = 0) -> ServedChain:
        timeout_s, tokens = self._connection.timeout_s, self._tokens
        return ServedChain(self.genesis, urls, timeout_s=timeout_s, tokens=tokens, after=after)

    def read_evidence(self, source: str) -> tuple[Evidence, ...]:
        """Give the evidence that lies beside a chain that was read, unverified.

        Raises:
            ClientError: it cannot be had.
        """
        if self._offline.copy is not None:
            return tuple(CopiedChain(Path(source)).evidence())
        (node,) = self.open_histories().ask_nodes([source])
        if node.problem and not node.accusations:
            raise ClientError(node.problem)
        return node.accusations

    def open_histories(self) -> HistoryReader:
        """Give what reads the histories of several nodes and copies."""
        return HistoryReader(self.genesis, self._connection.timeout_s, self._tokens)

    async def _ask(self, call: Callable[[LedgerClient], Awaitable[T]]) -> T:
        nodes = NodeClient(
            self.genesis,
            self._nodes,
            timeout_s=self._connection.timeout_s,
            observe=self._hear,
            tokens=self._tokens,
            asked_last=self.memory.load_hung(now_ms=now_ms()),
            checkpoints=CheckpointMemory(
                self.genesis, self.memory.load_checkpoint(), keep=self.memory.keep_checkpoint
            ),
        )
        async with nodes:
            try:
                recall = None if self._recalls is None else self.recall
                ledger = LedgerClient(self.genesis, nodes, newest=self._newest, recall=recall)
                return await call(ledger)
            except SplitViewError as error:
                self.memory.note_fork((), [error.evidence])
                file = self.memory.keep_evidence(error.evidence)
                if file is not None:
                    print_trouble(f"the evidence is kept: kpledger evidence verify {file}")
                raise
            finally:
                self.memory.note_hung(nodes.hung, answered=nodes.met, now_ms=now_ms())

    def _hear(self, node: str, status: PublicStatusAnswer) -> None:
        """Compare what a node claims with what was proven, and tell where other nodes say else."""
        if status.age_s >= _OLD_S and node not in self._told_old:
            self._told_old.add(node)
            age = timedelta(seconds=status.age_s)
            print_trouble(
                f"warning: {node} has heard no leader for {age}; what it has may be as old"
            )
        if self.memory.load().is_forked and not self._told_fork:
            self._told_fork = True
            print_trouble(
                "warning: fork: two histories of this ledger were seen, and both are kept (kpledger"
                " seen list); compare the nodes (kpledger compare URL URL) before anything is"
                " recorded or relied on"
            )
        for doubt in self.memory.hear(position_of(status), node=node):
            print_trouble(f"warning: {doubt}; at most one of them is right (kpledger audit)")

    def audit(
        self, jobs: int | None, *, since: Path | None = None, anew: bool = False
    ) -> AuditFindings:
        """Verify the whole chain; finds as well how what was seen before contradicts it.

        Args:
            jobs: how many other processes verify signatures; None: as many as there are cores.
            since: the directory of the notes to go on from; None: that in the home, for a node.
            anew: from the first block on, whatever an earlier audit has verified.

        Raises:
            ClientError: it cannot be had.
        """
        lookout = self._look_out()
        chain = self.open_chain()
        with ExitStack() as stack:
            kept = self._open_notes(stack, chain, since, anew=anew)
            notes = kept or stack.enter_context(open_scratch(self.genesis))
            report = verify_chain(self.genesis, chain, lookout, notes, jobs=jobs)
            fork = ""
            try:
                if report.verdict is AuditVerdict.SOUND:
                    self._accept(chain, report, lookout)
            except ForkError as error:
                fork = str(error)
            if kept is not None and report.verdict is AuditVerdict.SOUND and not fork:
                final = lookout.find_final(report)
                try_notes(lambda: kept.keep(final))
        return AuditFindings(
            report=report,
            origin=self.genesis.file.origin,
            source=chain.source,
            audited_at_ms=now_ms(),
            fork=fork,
            not_continued="" if notes is None else notes.problem,
        )

    def _open_notes(
        self, stack: ExitStack, chain: ServedChain | CopiedChain, since: Path | None, *, anew: bool
    ) -> AuditNotes | None:
        """Open the notes of the audits before; None where there are to be none, or can be none.

        Whoever audits a copy wants to know as well whether all that lies there is unharmed.

        Raises:
            ClientError: those that were asked for cannot be used.
        """
        if since is not None:
            named = expand("--since", since)
            return stack.enter_context(open_notes(named, self.genesis, anew=anew))
        if isinstance(chain, CopiedChain):
            return None
        place = self.home / "audited" / self.genesis.chain.hex()
        return try_notes(lambda: stack.enter_context(open_notes(place, self.genesis, anew=anew)))

    def _look_out(self) -> Lookout:
        """Give what looks on a chain for everything that was seen before."""
        return Lookout(self.memory.load())

    def _accept(
        self, chain: ServedChain | CopiedChain, report: AuditReport, lookout: Lookout
    ) -> None:
        """Compare what was verified here with what was proven before, and keep it."""
        if not report.height:
            return
        electorate = Electorate.of(self.genesis)
        for evidence in lookout.find_double_signing(electorate):
            file = self.memory.keep_evidence(evidence)
            told = f" (kpledger evidence verify {file})" if file is not None else ""
            print_trouble(f"{judge(evidence, electorate).words}{told}")
        end = lookout.find_end(report, is_served=isinstance(chain, ServedChain))
        heads = lookout.heads_up_to(end.height)
        self.memory.accept(end, node=chain.source, heads=heads, now_ms=now_ms())
        certificate = lookout.newest_certificate(report)
        if certificate is not None:
            self.memory.certify(certificate)

    @cached_property
    def memory(self) -> Memory:
        """What was seen of this ledger."""
        return Memory(self.home / "seen", self.genesis.chain, warn=print_trouble)


async def _call(call: Callable[[LedgerView], Awaitable[T]], ledger: LedgerView) -> T:
    return await call(ledger)


def load_genesis(path: Path) -> Genesis:
    """Read a genesis file.

    Raises:
        FileError: it cannot be read, or is none.
    """
    try:
        return parse_genesis(read_text_bounded(path, max_bytes=MAX_GENESIS_BYTES).encode())
    except LedgerError as error:
        raise FileError(path, str(error)) from None


def read_typed(parse: Callable[[str], T], text: str, option: str, accepted: str) -> T:
    """Read what somebody typed for an option.

    Raises:
        UsageError: it is not what is accepted.
    """
    try:
        return parse(text)
    except MalformedError as error:
        raise UsageError(option, error.problem, accepted) from None


def find_certificate(session: Session, number: str) -> CertificateRecord:
    """Give the record of a certificate.

    Raises:
        UsageError: the number is none.
        NotToFollowError: there is no such certificate.
    """
    accepted = "a country code, optional letters, then digits, such as BW00001234"
    wanted = read_typed(parse_number, number, "NUMBER", accepted)
    record = session.ask(
        lambda ledger: ledger.find(CERTIFICATE, CertificateQuestion(number=wanted))
    )
    if record is None:
        accepted = "the number of a certificate on the ledger"
        raise NotToFollowError(f"certificate {wanted}", field="subject", accepted=accepted)
    return record
