"""The chain: executing events into a block, and checking a block that somebody else made.

A :class:`Tip` is all that the next block depends on besides the state: head, height, time, tree and
state digest. Leader, voter, replica and auditor run the same lines: a leader *seals* what its rules
accept, everybody else *verifies* by executing the same events and comparing every field.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest, hash_leaf
from kpledger.base.keys import SigningKey
from kpledger.base.multiset import MultisetHash
from kpledger.base.state import ChangeSet, MemoryState, StateReader
from kpledger.log.block import (
    MAX_COUNT,
    BlockHeader,
    BlockKind,
    compute_head,
    decode_block,
    decode_block_header,
    encode_block,
    verify_leader,
)
from kpledger.log.certificates import LeaderCertificate, decode_opening
from kpledger.log.genesis import Genesis
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import NOOP_ENTRY, StoredEntry, decode_stored_entry
from kpledger.log.merkle import Frontier, compute_root
from kpledger.log.opening import derive_opening, verify_base
from kpledger.log.statements import Electorate, LogEnd, SignatureCheck, verifies
from kpledger.scheme.envelope import decode_envelope, verify_envelope
from kpledger.scheme.event import EventPlace, SignedEvent
from kpledger.scheme.outcome import Refusal
from kpledger.scheme.rulebook import RELEASED, Rulebook, UnknownRules, UnknownRulesError

_KINDS: Final = (BlockKind.NOOP, BlockKind.BLOCK, BlockKind.CONFIG)
"""Kinds of block by the number that stands for them in an entry of the log."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of a chain, as far as the next block depends on it."""

    height: int
    term: int
    head: Digest
    time_ms: int
    tree: Frontier
    digest: MultisetHash
    leader: str | None = None
    """Who was elected in ``term`` by the votes in the block that opened it; None if it has none."""

    @property
    def end(self) -> LogEnd:
        """The place of the last block, as voters name it."""
        return LogEnd(term=self.term, index=self.height, head=self.head)


@dataclass(frozen=True, slots=True)
class ExecutedBlock:
    """A block and what it changes: the next tip, and the change-set over the state before it."""

    tip: Tip
    changes: ChangeSet
    events: tuple[SignedEvent, ...]
    leaves: tuple[Digest, ...]
    """The hashes of the events, as the tree has them."""
    header: BlockHeader
    opening: LeaderCertificate | None = None
    """The votes in a block that opens a term."""


def genesis_tip(genesis: Genesis, changes: ChangeSet) -> Tip:
    """Give the tip before block 1; ``changes`` is the seeded state over an empty one."""
    return Tip(
        height=0,
        term=0,
        head=genesis.chain,
        time_ms=genesis.file.created_at,
        tree=Frontier.empty(),
        digest=changes.digest_over(MultisetHash()),
    )


class BlockExecutor:
    """Executes events one by one on a tip; both the leader and whoever checks it use it."""

    def __init__(
        self, genesis: Genesis, tip: Tip, base: StateReader, now_ms: int, rules: Rulebook = RELEASED
    ) -> None:
        """Start a block at ``now_ms``; ``base`` is the state at the tip."""
        self.genesis = genesis
        self.rules = rules
        self.before = tip
        self.changes = ChangeSet(base)
        self.now_ms = now_ms
        self.events: list[SignedEvent] = []
        self._leaves: list[Digest] = []

    @property
    def _at(self) -> EventPlace:
        return EventPlace(
            chain=self.genesis.chain,
            now_ms=self.now_ms,
            index=self.before.tree.size + len(self.events),
            height=self.before.height + 1,
        )

    def may_sign(self, event: SignedEvent) -> Refusal | None:
        """Say why the keys of an event may not sign it; asked before a signature is verified.

        Raises:
            UnknownRulesError: the block is under rules that this program does not have.
        """
        return self.rules.may_sign(event, self.changes, self._at)

    def add(self, event: SignedEvent) -> Refusal | None:
        """Execute an event; it becomes part of the block unless it is refused.

        Raises:
            UnknownRulesError: the block is under rules that this program does not have.
        """
        at = self._at
        refusal = self.rules.execute(event, self.changes, at)
        if refusal is None:
            self._leaves.append(hash_leaf(event.encoded))
            self.events.append(self.rules.read(event, self.changes, at.height))
        return refusal

    def finish(
        self, term: int, leader: str, kind: BlockKind, opening: LeaderCertificate | None = None
    ) -> ExecutedBlock:
        """Give the block that these events make, or these votes."""
        digest = self.changes.digest_over(self.before.digest)
        tree = self.before.tree.extend(self._leaves)
        header = BlockHeader(
            chain=self.genesis.chain,
            era=0,  # the only one until disaster recovery exists
            term=term,
            height=self.before.height + 1,
            prev_head=self.before.head,
            first_event=self.before.tree.size,
            event_count=len(self.events),
            payload_root=compute_root(self._leaves),
            tree_size=tree.size,
            tree_root=tree.root(),
            state_digest=digest.digest,
            config_hash=self.genesis.config_hash,
            leader=leader,
            time_ms=self.now_ms,
            kind=kind,
        )
        tip = Tip(
            height=header.height,
            term=term,
            head=compute_head(encode(header)),
            time_ms=self.now_ms,
            tree=tree,
            digest=digest,
            leader=self.before.leader if opening is None else opening.candidate,
        )
        events, leaves = tuple(self.events), tuple(self._leaves)
        return ExecutedBlock(tip, self.changes, events, leaves, header, opening)


def execute_noop(
    genesis: Genesis,
    tip: Tip,
    base: StateReader,
    term: int,
    payload: bytes = b"",
    *,
    check: SignatureCheck = verifies,
) -> ExecutedBlock:
    """Derive the block that opens a term, and verify the votes that it carries.

    Earlier versions let terms be opened without votes. Once one was opened with them, every later
    one needs them.

    Raises:
        InvalidBlockError: the term does not rise, the votes are missing, or are for another term or
            another log, or are no leader certificate.
    """
    if not tip.term < term <= MAX_COUNT:
        _fail(tip, "term", f"{term} is not above {tip.term}, or is larger than {MAX_COUNT}")
    executor = BlockExecutor(genesis, tip, base, tip.time_ms)
    if not payload:
        if tip.leader is not None:
            _fail(tip, "payload", "no votes open the term, as they did an earlier one")
        return executor.finish(term, "", BlockKind.NOOP)
    try:
        opening = decode_opening(payload)
        executed = executor.finish(term, "", BlockKind.NOOP, opening)
        verify_base(opening, executed.header, tip.term)
        opening.verify(Electorate.of(genesis), check)
    except InvalidBlockError:
        raise
    except LedgerError as error:
        _fail(tip, "payload", str(error))
    return executed


def seal_block(executed: ExecutedBlock, key: SigningKey) -> bytes:
    """Sign and encode an executed block as its leader."""
    events = tuple(event.encoded for event in executed.events)
    return encode_block(executed.header, events, key)


Verify = Callable[[SignedEvent], None]
"""Verifies the signatures of an event, or knows that they were verified; raises LedgerError."""

VerifyLeader = Callable[[BlockHeader, Digest, bytes, bytes], None]
"""The same for the signature of a block (:func:`kpledger.log.block.verify_leader`)."""


def execute_entry(
    genesis: Genesis,
    tip: Tip,
    base: StateReader,
    entry: StoredEntry,
    *,
    verify_event: Verify = verify_envelope,
    verify_block: VerifyLeader = verify_leader,
    check: SignatureCheck = verifies,
    rules: Rulebook = RELEASED,
) -> ExecutedBlock:
    """Check an entry of the log, of whichever kind, against the chain before it, by executing it.

    Args:
        genesis: what is trusted.
        tip: the end of the chain before the entry.
        base: the state at the tip.
        entry: as stored and sent.
        verify_event: verifies an event's signatures.
        verify_block: verifies the signature of a block's leader.
        check: verifies the votes that open a term.
        rules: the versions of the rules that the caller knows.

    Raises:
        LedgerError: it is not canonical, a signature is wrong, a rule refuses an event
            (:class:`InvalidBlockError` with its refusal), or a header field is not what executing
            the events gives.
        UnknownRulesError: the block is under rules that this program does not have, or activates
            them: it cannot say whether the block is sound.
    """
    kind = _KINDS[entry.kind]
    if kind is BlockKind.NOOP:
        return execute_noop(genesis, tip, base, entry.term, entry.payload, check=check)
    if kind is BlockKind.CONFIG:
        _fail(tip, "kind", "the voters cannot be changed yet")
    block = decode_block(entry.payload)
    header = decode_block_header(block.header)
    _verify_place(genesis, tip, header)
    leader_key = genesis.consensus_keys.get(header.leader)
    if leader_key is None:
        _fail(tip, "leader", f"{header.leader!r} is not a voter")
    verify_block(header, compute_head(block.header), block.signature, leader_key)
    executor = BlockExecutor(genesis, tip, base, header.time_ms, rules)
    _execute_events(executor, block.events, verify_event)
    executed = executor.finish(header.term, header.leader, BlockKind.BLOCK)
    if executed.header != header:
        _compare(tip, executed.header, header)
    if header.term != entry.term:
        _fail(tip, "term", f"the header is of term {header.term}, the entry of {entry.term}")
    return executed


def _execute_events(executor: BlockExecutor, events: Sequence[bytes], verify_event: Verify) -> None:
    """Execute the events of somebody else's block."""
    tip, rules = executor.before, executor.rules
    for position, encoded in enumerate(events):
        try:
            event = decode_envelope(encoded, rules)
            verify_event(event)
        except LedgerError as error:
            _fail(tip, f"events[{position}]", str(error))
        refusal = executor.add(event)
        if isinstance(refusal, UnknownRules):
            raise UnknownRulesError(tip.height + 1, refusal.version, rules.known)
        if refusal is not None:
            _fail(tip, f"events[{position}]", str(refusal), refusal)


class CommittedBlocks:
    """Reads entries of a log that somebody verified: from the first, or from any block of events.

    Nothing is executed and no signature is looked at; only that each block chains to the one
    before it.

    Attributes:
        head: of the block that was read last; None before the first.
        seal: what makes that block somebody's: its leader's signature, or votes.
    """

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._last: BlockHeader | None = None
        self.head: Digest | None = None
        self.seal = b""

    def read(self, height: int, stored: bytes) -> tuple[BlockHeader, tuple[bytes, ...]]:
        """Give the header of a block, and its events as envelopes.

        Raises:
            LedgerError: it is none, or does not follow the one before.
        """
        entry = decode_stored_entry(stored)
        if entry.kind != NOOP_ENTRY:
            block = decode_block(entry.payload)
            header, events, encoded = decode_block_header(block.header), block.events, block.header
            seal = block.signature
        else:
            header, events = self._open_term(height, entry.term), ()
            encoded, seal = encode(header), entry.payload
        if header.height != height or self.head not in (None, header.prev_head):
            raise InvalidBlockError(height, "prev_head", "it does not follow the block before")
        self._last, self.head, self.seal = header, compute_head(encoded), seal
        return header, events

    def _open_term(self, height: int, term: int) -> BlockHeader:
        """Derive the header of a block that opens a term."""
        if self._last is None:
            if height != 1:
                raise InvalidBlockError(height, "kind", "a block that opens a term is read first")
            state = MemoryState()
            tip = genesis_tip(self._genesis, self._genesis.seed_state(state))
            return execute_noop(self._genesis, tip, state, term).header
        head = compute_head(encode(self._last)) if self.head is None else self.head
        return derive_opening(self._last, head, term)


def _verify_place(genesis: Genesis, tip: Tip, header: BlockHeader) -> None:
    """Check what a header must have in common with the chain before its events are looked at."""
    if header.kind is not BlockKind.BLOCK:
        _fail(tip, "kind", f"{header.kind} does not carry events")
    for field, found, expected in (
        ("chain", header.chain, genesis.chain),
        ("height", header.height, tip.height + 1),
        ("prev_head", header.prev_head, tip.head),
        ("config_hash", header.config_hash, genesis.config_hash),
    ):
        if found != expected:
            _fail(tip, field, f"{_show(found)} is not {_show(expected)}")
    if header.term < tip.term:
        _fail(tip, "term", f"{header.term} is below {tip.term}")
    if tip.leader is not None and (header.term, header.leader) != (tip.term, tip.leader):
        problem = f"{header.leader} in term {header.term}, where {tip.leader} was elected"
        _fail(tip, "leader", f"{problem} in term {tip.term}")
    if header.time_ms < tip.time_ms:
        _fail(tip, "time_ms", f"{header.time_ms} is before {tip.time_ms}")


def _compare(tip: Tip, computed: BlockHeader, claimed: BlockHeader) -> NoReturn:
    for field in computed.__struct_fields__:
        ours, theirs = getattr(computed, field), getattr(claimed, field)
        if ours != theirs:
            _fail(tip, field, f"{_show(theirs)} claimed, {_show(ours)} computed")
    raise InvalidBlockError(tip.height + 1, "header", "differs from what was computed")


def _show(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _fail(tip: Tip, field: str, problem: str, refusal: Refusal | None = None) -> NoReturn:
    raise InvalidBlockError(tip.height + 1, field, problem, refusal)
