"""The audit: the whole chain re-derived from the genesis file, which alone is trusted.

An :class:`Auditor` is fed the stored entries of the log from height 1 on and executes each as every
node does: hashes, links, signatures, rules, roots and state digest are computed again and compared.
It asks nobody and reads nothing itself; where the entries come from is the caller's business.

Key ids are the public keys themselves, so a signature can be verified before any state is known:
:func:`find_bad_signature` looks at signatures and nothing else, for blocks in any order and in any
process. A caller that runs it over every block may give the auditor :func:`defer_signatures` and
must believe in a block only when both agree.

What an audit cannot see: that a chain was cut at its end is no contradiction in it, nor that a
voter has written its newest part anew. Each block is signed by the one voter that led when it was
made; who signs a later one has executed it too and builds on it. So a report ends at the last block
that a voter signed, and says which voters have signed how far up: whoever wrote a part anew needed
the keys of all of them. Only a checkpoint or a copy from elsewhere shows that there was more.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from enum import StrEnum
from typing import Final

from kpledger.base.codec import DECODE_ERRORS, decode_trusted
from kpledger.base.errors import AnotherLedgerError, BadSignatureError, LedgerError
from kpledger.base.selftest import check_libraries
from kpledger.base.state import MemoryState
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.chain import ExecutedBlock, Tip, Verify, execute_entry, genesis_tip
from kpledger.log.genesis import Genesis
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import BLOCK_ENTRY, decode_stored_entry
from kpledger.scheme.envelope import Envelope, decode_envelope, verify_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.rulebook import RELEASED, Rulebook, UnknownRulesError

Observe = Callable[[ExecutedBlock], None]
"""Sees each block that was found sound, in order; its signatures may still be deferred."""

EMPTY_CHAIN: Final = "the chain is empty: it has no signed block"
"""Why a chain that was read to its end is neither sound nor not."""


class AuditVerdict(StrEnum):
    """What an audit ends with."""

    SOUND = "SOUND"
    """Every block follows from the genesis file, up to the last one that a voter signed."""
    VIOLATION = "VIOLATION"
    """A block does not."""
    UNDECIDED = "UNDECIDED"
    """Not all could be read, or there was nothing to judge; what was read is sound."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The first block that does not follow from the chain before it."""

    height: int
    field: str
    """What of it: a header field, ``signature``, ``events[n]``, ``entry`` or ``height``."""
    problem: str


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """How far an audit has come: a value, one for each height."""

    tip: Tip
    signed_tip: Tip
    """Where the last block stands that a voter signed; the genesis before the first."""
    terms: int = 0
    """How many terms were opened up to there."""
    openings: int = 0
    """How many more since; nobody signs the opening of a term."""
    signed_blocks: int = 0
    """How many blocks carried events and their leader's signature."""
    events_by_type: Mapping[str, int] = field(default_factory=dict)
    signed_up_to: Mapping[str, int] = field(default_factory=dict)
    """The newest block that each voter signed, by its name."""


@dataclass(frozen=True, slots=True)
class Signer:
    """How far up one voter has signed the chain."""

    voter: str
    height: int
    """Of the newest block that it signed: it vouches for this one and all below."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The verdict, and what the ledger is up to the last sound block that a voter signed."""

    verdict: AuditVerdict
    chain: str
    """Hash of the genesis file; hexadecimal, as all hashes here."""
    height: int
    head: str
    block_time_ms: int
    tree_size: int
    """How many events."""
    tree_root: str
    state_digest: str
    terms: int
    signed_blocks: int
    unsigned_openings: int
    """Openings of a term above ``height``: everybody can write them, so they are not counted."""
    voters: int
    """How many voters the ledger has."""
    signers: tuple[Signer, ...]
    """Who has signed how far up, the newest first."""
    one_voter_from: int | None
    """From this height on all rests on the word of the first of them alone; null without any."""
    events_by_type: Mapping[str, int]
    first_bad_height: int | None = None
    field: str | None = None
    """Where in the first bad block."""
    problem: str | None = None
    """What is wrong, or why nothing can be decided."""


@dataclass(slots=True)
class Auditor:
    """Re-derives a chain, block by block; stands before block 1 at first.

    Raises:
        LibraryError: a library does not give the answers that it is known to give.
    """

    genesis: Genesis
    """What is trusted."""
    _: KW_ONLY
    verify_event: Verify = verify_envelope
    """Verifies the signatures of an event."""
    rules: Rulebook = RELEASED
    """The versions of the rules that the caller knows."""
    observe: Observe | None = None
    """Sees what each block changes, after its rules were checked."""
    progress: AuditProgress = field(init=False)
    """How far it has come."""
    _state: MemoryState = field(init=False, default_factory=MemoryState)

    def __post_init__(self) -> None:
        check_libraries()
        changes = self.genesis.seed_state(self._state, self.rules)
        tip = genesis_tip(self.genesis, changes)
        self.progress = AuditProgress(tip, tip)
        self._state.apply(changes)

    def feed(self, height: int, stored: bytes) -> Violation | None:
        """Verify the next entry of the log; on a violation nothing has changed.

        Args:
            height: where its source says that it stands.
            stored: as under :func:`kpledger.log.layout.block_key`.

        Raises:
            AnotherLedgerError: the first signed block names another ledger; the chain may be sound,
                and is not the one that the genesis file founds.
            UnknownRulesError: the block is under rules that this program does not have, so that it
                cannot say whether it is sound.
        """
        tip = self.progress.tip
        if height != tip.height + 1:
            problem = f"block {height} comes where block {tip.height + 1} is due"
            return Violation(tip.height + 1, "height", problem)
        try:
            executed = execute_entry(
                self.genesis,
                tip,
                self._state,
                decode_stored_entry(stored),
                verify_event=self.verify_event,
                rules=self.rules,
            )
        except InvalidBlockError as error:
            if error.field == "chain" and not self.progress.signed_blocks:
                self._check_ledger(stored)
            return Violation(error.height, error.field, error.problem)
        except BadSignatureError as error:
            return Violation(height, "signature", str(error))
        except UnknownRulesError:
            raise
        except LedgerError as error:
            return Violation(height, "entry", str(error))
        if self.observe is not None:
            self.observe(executed)
        self._state.apply(executed.changes)
        self.progress = _advance(self.progress, executed)
        return None

    def _check_ledger(self, stored: bytes) -> None:
        """Tell another ledger from a chain id that is wrong: there authors have signed that id.

        Raises:
            AnotherLedgerError: the events of the block are of the ledger that its header names.
        """
        block = decode_block(decode_stored_entry(stored).payload)
        chain = decode_block_header(block.header).chain
        if all(_is_of(chain, encoded) for encoded in block.events):
            found, pinned = chain.hex(), self.genesis.chain.hex()
            raise AnotherLedgerError("the chain", found=found, pinned=pinned) from None


def _is_of(chain: bytes, encoded: bytes) -> bool:
    try:
        event = decode_envelope(encoded)
        verify_envelope(event)
    except LedgerError:
        return False
    return event.header.chain == chain


def _advance(progress: AuditProgress, executed: ExecutedBlock) -> AuditProgress:
    if not executed.events:
        return replace(progress, tip=executed.tip, openings=progress.openings + 1)
    counts = Counter(progress.events_by_type)
    counts.update(event.header.type for event in executed.events)
    return AuditProgress(
        tip=executed.tip,
        signed_tip=executed.tip,
        terms=progress.terms + progress.openings,
        signed_blocks=progress.signed_blocks + 1,
        events_by_type=counts,
        signed_up_to={**progress.signed_up_to, executed.header.leader: executed.tip.height},
    )


def report_sound(genesis: Genesis, progress: AuditProgress) -> AuditReport:
    """Report on a chain that was read to its end.

    Without one signed block the verdict is UNDECIDED: blocks that open a term follow from any
    genesis file, so that such a chain is nobody's.
    """
    if progress.signed_blocks == 0:
        return report_undecided(genesis, progress, EMPTY_CHAIN)
    return _report(genesis, progress, AuditVerdict.SOUND)


def report_undecided(genesis: Genesis, progress: AuditProgress, why: str) -> AuditReport:
    """Report on a chain that could not be read to its end."""
    return _report(genesis, progress, AuditVerdict.UNDECIDED, why)


def report_violation(
    genesis: Genesis, progress: AuditProgress, violation: Violation
) -> AuditReport:
    """Report a violation; ``progress`` is that before the bad block."""
    report = _report(genesis, progress, AuditVerdict.VIOLATION, violation.problem)
    return replace(report, first_bad_height=violation.height, field=violation.field)


def _report(
    genesis: Genesis, progress: AuditProgress, verdict: AuditVerdict, problem: str | None = None
) -> AuditReport:
    tip = progress.signed_tip
    signers = sorted(progress.signed_up_to.items(), key=lambda one: -one[1])
    alone_above = signers[1][1] if len(signers) > 1 else 0
    return AuditReport(
        verdict=verdict,
        chain=genesis.chain.hex(),
        height=tip.height,
        head=tip.head.hex(),
        block_time_ms=tip.time_ms,
        tree_size=tip.tree.size,
        tree_root=tip.tree.root().hex(),
        state_digest=tip.digest.digest.hex(),
        terms=progress.terms,
        signed_blocks=progress.signed_blocks,
        unsigned_openings=progress.openings,
        voters=len(genesis.consensus_keys),
        one_voter_from=alone_above + 1 if signers else None,
        signers=tuple(Signer(voter, height) for voter, height in signers),
        events_by_type=dict(sorted(progress.events_by_type.items())),
        problem=problem,
    )


def defer_signatures(_event: SignedEvent) -> None:
    """Leave the signatures of an event to :func:`find_bad_signature`."""


def find_bad_signature(height: int, stored: bytes) -> Violation | None:
    """Verify the signatures of the events of one stored entry, whatever else is wrong with it.

    Bytes that cannot be decoded have no signatures here: the auditor refuses them, and also those
    that are not canonical.
    """
    try:
        entry = decode_stored_entry(stored)
        events = decode_block(entry.payload).events if entry.kind == BLOCK_ENTRY else ()
    except LedgerError:
        return None
    for position, encoded in enumerate(events):
        try:
            verify_envelope(decode_trusted(encoded, Envelope))
        except BadSignatureError as error:
            return Violation(height, f"events[{position}]", str(error))
        except DECODE_ERRORS:
            continue
    return None
