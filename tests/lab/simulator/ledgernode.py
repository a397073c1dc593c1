"""A simulated node with everything above the core: the real engine, machine and ledger.

Only what the driver adds around the engine is rewritten here, in a few lines: who waits for an
event, and that a refusal is said once the block that it rests on is committed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count

from lab.invariants import Invariant, ViolationError
from lab.simulator.clock import count_ticks
from lab.simulator.disk import SimDisk
from lab.simulator.founded import SKEW_MS, signing_key
from lab.simulator.machine import Applied
from lab.simulator.node import Answer, Moods, SimCore, SimNode, Stepped

from kpledger.log import layout
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.chain import ExecutedBlock
from kpledger.log.conviction import Guilt
from kpledger.log.genesis import Genesis
from kpledger.log.layout import StoredEntry
from kpledger.log.statements import Electorate, StatementSigner
from kpledger.scheme.event import SignedEvent
from kpnode.docket import Docket
from kpnode.engine import Engine
from kpnode.headers import OwnHeaders
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.notary import Notary
from kpnode.raft import Entry, EntryKind, Index, Input, RaftConfig, RoleChange
from kpnode.step import Step
from kpnode.submission import Committed, Refused

_MAX_BLOCK_EVENTS = 8
_MAX_BLOCK_BYTES = 1 << 20

_Undo = tuple[tuple[bytes, bytes | None], ...]


class SimStore:
    """Derived records in memory; those of the newest batches may be lost with the power."""

    def __init__(self, disk: SimDisk) -> None:
        self._disk = disk
        self._values: dict[bytes, bytes] = {}
        self._unsynced: list[_Undo] = []
        disk.on_sync = self._unsynced.clear

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key, None if there is none; the log's entries are here too."""
        if key.startswith(layout.BLOCK_PREFIX):
            entry = self._disk.log[layout.parse_block_key(key) - 1]
            stored = StoredEntry(entry.kind.value, entry.term, entry.payload)
            return layout.encode_stored_entry(stored)
        return self._values.get(key)

    def scan(self, prefix: bytes, *, limit: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix and their values, in byte order."""
        for key in sorted(key for key in self._values if key.startswith(prefix))[:limit]:
            yield key, self._values[key]

    def browse(self, prefix: bytes, first: bytes) -> Iterator[bytes]:
        """Yield the values under keys with the prefix from a key on."""
        found = sorted(key for key in self._values if key >= first and key.startswith(prefix))
        return map(self._values.__getitem__, found)

    def newest(self, prefix: bytes) -> bytes | None:
        """Return the value under the last key with the prefix."""
        last = max((key for key in self._values if key.startswith(prefix)), default=b"")
        return self._values.get(last)

    def apply(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        """Change derived records in one atomic step, which the next save makes durable."""
        undo = []
        for key, value in puts:
            undo.append((key, self._values.get(key)))
            self._values[key] = value
        undo += ((key, self._values.pop(key, None)) for key in deletes)
        self._unsynced.append(tuple(undo))

    @property
    def term_proof(self) -> bytes:
        """What was kept last for a term."""
        return self._values.get(layout.TERM_PROOF_KEY, b"")

    def keep_term_proof(self, encoded: bytes) -> None:
        """Keep the proof of a term with the next save."""
        self.apply([(layout.TERM_PROOF_KEY, encoded)])

    @property
    def promises(self) -> bytes:
        """What was kept last of promises."""
        return self._values.get(layout.PROMISES_KEY, b"")

    def keep_promises(self, encoded: bytes) -> None:
        """Keep promises with the next save."""
        self.apply([(layout.PROMISES_KEY, encoded)])

    def put_certificate(self, term: int, encoded: bytes) -> None:
        """Keep the newest commit certificate of a term with the next save."""
        self.apply([(layout.certificate_key(term), encoded)])

    def put_evidence(self, digest: bytes, encoded: bytes) -> None:
        """Keep evidence."""
        self.apply([(layout.evidence_key(digest), encoded)])

    def read_evidence(self) -> tuple[bytes, ...]:
        """Return all evidence."""
        found = self.scan(layout.EVIDENCE_PREFIX, limit=len(self._values))
        return tuple(value for _, value in found)

    def read_certificates(self) -> tuple[bytes, ...]:
        """Return the newest commit certificate of each term."""
        found = self.scan(layout.CERTIFICATE_PREFIX, limit=len(self._values))
        return tuple(value for _, value in found)

    def lose_all(self) -> None:
        """Forget everything; it can be derived from the log again."""
        self._values.clear()
        self._unsynced.clear()

    def lose_unsynced(self) -> None:
        """Forget what no save made durable."""
        for undo in reversed(self._unsynced):
            for key, value in reversed(undo):
                if value is None:
                    self._values.pop(key, None)
                else:
                    self._values[key] = value
        self._unsynced.clear()


class _SeenMachine(Machine):
    """The machine; what it applies is kept for those who watch."""

    def __init__(self, node: "LedgerNode", genesis: Genesis, ledger: Ledger) -> None:
        key = signing_key(f"{node.name}/consensus")
        super().__init__(genesis, node.name, key, ledger, skew_ms=SKEW_MS)
        self._node = node

    def apply(self, entry: Entry) -> ExecutedBlock:
        """Commit the block, and note what the ledger is then."""
        committed = super().apply(entry)
        tip, events = committed.tip, committed.events
        self._node.applied.append(
            Applied(
                entry,
                tip.head + tip.digest.digest + tip.tree.root(),
                self._node.genesis.configuration,
                events=tuple(event.event_id for event in events),
            )
        )
        return committed


class LedgerNode(SimNode):
    """A node whose entries are blocks of signed events."""

    def __init__(
        self,
        config: RaftConfig,
        genesis: Applied,
        disk: SimDisk,
        *,
        founded: Genesis,
        events: Mapping[bytes, SignedEvent],
        core_class: type[SimCore] = SimCore,
        tickets: "count[int]",
        counts: Counter[str],
    ) -> None:
        signed = replace(config, signed=True)
        super().__init__(signed, genesis, disk, core_class=core_class, tickets=tickets)
        self._starts = 0
        self._all_tickets = tickets
        self._founded = founded
        self._events = events
        self._records = SimStore(disk)
        self._engine: Engine | None = None
        self._seen: _SeenMachine | None = None
        self._waiting_for: dict[bytes, None] = {}
        self._counts = counts

    @property
    def ahead_ticks(self) -> int:
        """How long it takes until a right clock is past the newest block in the log."""
        blocks = (one.payload for one in reversed(self.disk.log) if one.kind is EntryKind.BLOCK)
        newest = next(blocks, None)
        if newest is None:
            return 0
        time_ms = decode_block_header(decode_block(newest).header).time_ms
        return max(0, count_ticks(time_ms) - self.clock.now)

    def start(self, moods: Moods, *, scan: bool) -> None:
        """Start from the disk and what is derived from it."""
        ledger = Ledger(self._founded, self._records)
        height = Index(ledger.tip.height)
        self.stored = Applied(
            self.disk.log[height - 1] if height else self.genesis.entry,
            b"",
            self.genesis.configuration,
        )
        core = self.core = self._build_core(scan=scan)
        core.late = moods.late
        seen = self._seen = _SeenMachine(self, self._founded, ledger)
        seen.recover(self.disk)
        self._engine = Engine(
            core,
            self.disk,
            seen,
            self._build_notary(core, seen),
            Docket(Electorate.of(self._founded), self._records, seen.signatures.check_statement),
            now_ms=self.clock.now_ms,
            election_ticks=self.config.election_ticks,
            max_block_events=_MAX_BLOCK_EVENTS,
            max_block_bytes=_MAX_BLOCK_BYTES,
        )
        # The engine begins at a random number, which no replay could repeat.
        self._engine.tickets = self._all_tickets
        self.status = core.status()

    def _build_notary(self, core: SimCore, machine: Machine) -> Notary:
        self._starts += 1
        key = signing_key(f"{self.name}/consensus")
        return Notary(
            core,
            StatementSigner(Electorate.of(self._founded), self.name, key, self._starts),
            OwnHeaders(machine, self.disk),
            self._records,
            election_ticks=self.config.election_ticks,
            check=machine.signatures.check_statement,
        )

    def stop(self) -> None:
        """Lose everything that is not on the disk."""
        super().stop()
        self._records.lose_unsynced()
        self._engine = self._seen = None
        self._waiting_for = {}

    def lose(self, keep: Index, stored: Applied, *, votes: bool) -> None:
        """While it is stopped, lose the log after `keep`, and all that was derived from it."""
        super().lose(keep, stored, votes=votes)
        self._records.lose_all()

    def step(self, items: list[Input], events: list[bytes]) -> Stepped:
        """Let the engine make one step.

        Raises:
            RuntimeError: The node does not run.
        """
        if self._engine is None or self._seen is None or self.status is None:
            raise RuntimeError(f"{self.name} does not run")
        before = self.status
        signed = [self._events[event] for event in dict.fromkeys(events)]
        step = self._engine.step(items, signed)
        applied = tuple(self.applied)
        self._counts["blocks refused by a node"] += len(step.refused)
        for exhibit in step.exhibits:
            self._counts["honest nodes found at fault"] += 1
            if exhibit.conviction.guilt is not Guilt.FAULT:
                raise ViolationError(Invariant.NobodyAccused, exhibit.conviction.words)
        changed = (before.role, before.term, before.leader) != (
            step.status.role,
            step.status.term,
            step.status.leader,
        )
        self.status = step.status if step.status != before else before
        return Stepped(
            outgoing=step.outgoing,
            reads=step.reads,
            dropped=step.dropped,
            roles=(RoleChange(step.status.role, step.status.term, step.status.leader),)
            if changed
            else (),
            answers=tuple(self._answer(step, events, applied)),
            values=tuple((grant.ticket, Index(step.status.applied)) for grant in step.reads),
        )

    def _answer(
        self, step: Step, events: list[bytes], applied: tuple[Applied, ...]
    ) -> Iterator[Answer]:
        self._waiting_for.update(dict.fromkeys(events))
        for event, answer in step.answers:
            if isinstance(answer, Committed):
                yield Answer(event, Index(answer.height), answer.duplicate)
            elif isinstance(answer, Refused):
                yield Answer(event, None, refused=True)
            else:
                yield Answer(event, None)
        yield from self._answer_proposed(step, applied)

    def _answer_proposed(self, step: Step, applied: tuple[Applied, ...]) -> Iterator[Answer]:
        """Say what became of the events in blocks."""
        if step.proposed is not None:
            ticket, events = step.proposed
            self._proposed[ticket] = events
        for dropped in step.dropped:
            yield from (Answer(event, None) for event in self._proposed.pop(dropped.ticket, ()))
        for one in applied:
            for event in one.events:
                if event in self._waiting_for:
                    del self._waiting_for[event]
                    yield Answer(event, one.entry.index)
