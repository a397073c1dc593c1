"""The audit: the whole chain re-derived from the genesis file, which alone is trusted.

An :class:`Auditor` is fed the stored entries of the log from height 1 on and executes each as every
node does: hashes, links, signatures, rules, roots and state digest are computed again and compared.
It asks nobody and reads nothing itself; where the entries come from is the caller's business.

Key ids are the public keys themselves, so a signature can be verified before any state is known:
:func:`find_bad_signature` looks at signatures and nothing else, for blocks in any order and in any
process. A caller that runs it over every block may give the auditor :func:`defer_signatures` and
must believe in a block only when both agree.

That a chain follows from the genesis file does not make it the only one that does. What does is a
*commit certificate*: a majority of the voters has signed that its disks hold a block, and with it
all before. Given the certificates that stand beside a chain, the auditor says up to which block it
is final and by whose signatures; one of another block shows a fork.

Above that, each block is signed by the one voter that led when it was made; who signs a later one
has executed it too and builds on it. So a report ends at the last block that a voter signed, and
says which voters have signed how far up: whoever wrote the newest part anew needed the keys of all
of them. That a chain was cut at its end is no contradiction in it; only a certificate, a checkpoint
or a copy from elsewhere shows that there was more.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, InitVar, dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

from kpledger.base.codec import DECODE_ERRORS, decode_trusted
from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.base.selftest import check_libraries
from kpledger.base.state import ChangeSet, MemoryState, StateReader, read_record
from kpledger.log.another_ledger import check_ledger
from kpledger.log.block import decode_block
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import ExecutedBlock, Tip, Verify, execute_entry, genesis_tip
from kpledger.log.finality import NOTHING_FINAL, CertifiedChain, Ends, Finality
from kpledger.log.genesis import Genesis
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import BLOCK_ENTRY, decode_stored_entry
from kpledger.log.statements import Electorate
from kpledger.scheme.envelope import Envelope, verify_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.rulebook import RELEASED, Rulebook, UnknownRulesError
from kpledger.scheme.version import RULES_KEY, RulesRecord, RulesSince

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
    """Where the last block stands that a voter signed, or voted for; the genesis before the
    first."""
    terms: int = 0
    """How many terms were opened up to there."""
    openings: int = 0
    """How many more since without votes: nobody has signed those."""
    elected: Mapping[str, int] = field(default_factory=dict)
    """In how many of the terms each voter was elected, by its name; the others show no votes."""
    signed_blocks: int = 0
    """How many blocks carried events and their leader's signature."""
    events_by_type: Mapping[str, int] = field(default_factory=dict)
    signed_up_to: Mapping[str, int] = field(default_factory=dict)
    """The newest block that each voter signed, by its name."""
    rules: tuple[RulesSince, ...] = ()
    """Which rules hold from which height on, ascending; those to come are among them."""
    continued_from: int = 0
    """Up to this height an earlier audit has verified all."""


class AuditState(StateReader, Protocol):
    """Where an auditor keeps the state of the ledger."""

    def apply(self, changes: ChangeSet) -> None:
        """Take over what a change-set says."""


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
    voteless_terms: int
    """How many of them show no votes: they were opened by a version that did not sign any."""
    elected: Mapping[str, int]
    """Who was elected in the others, by a majority's signed votes, and in how many."""
    signed_blocks: int
    unsigned_openings: int
    """Openings without votes above ``height``: everybody can write them, so none is counted."""
    voters: int
    """How many voters the ledger has."""
    final_up_to: int
    """The highest block that is final by a certificate; 0 if none is shown to be."""
    final_by: tuple[str, ...]
    """The voters who signed that: a majority, or more."""
    uncertified: int
    """How many blocks above it are not covered by any certificate: the newest."""
    signers: tuple[Signer, ...]
    """Who has signed how far up, the newest first."""
    one_voter_from: int | None
    """From this height on all rests on the word of the first of them alone; null if nothing does:
    without any, or where all that it signed is final."""
    events_by_type: Mapping[str, int]
    rules: tuple[RulesSince, ...]
    """By which versions of the rules all this was verified, each with its first block."""
    first_bad_height: int | None = None
    field: str | None = None
    """Where in the first bad block; ``certificate`` where a majority signed for another one."""
    problem: str | None = None
    """What is wrong, or why nothing can be decided."""
    continued_from: int = 0
    """Up to this height an earlier audit had verified all; 0: this one has, from the first block.
    """


@dataclass(slots=True)
class Auditor:
    """Re-derives a chain, block by block; stands before block 1 at first.

    Or it stands where an earlier audit ended, and goes on with what that has kept: its state, its
    ends, and its progress, which are all trusted.

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
    state: AuditState = field(default_factory=MemoryState)
    """Where the state of the ledger is kept; empty, if there was no earlier audit."""
    ends: Ends = field(default_factory=bytearray)
    """Where the ends of the chain are kept; likewise."""
    earlier: InitVar[AuditProgress | None] = None
    """How far an earlier audit had come."""
    progress: AuditProgress = field(init=False)
    """How far it has come."""
    _certified: CertifiedChain = field(init=False)

    def __post_init__(self, earlier: AuditProgress | None) -> None:
        check_libraries()
        self._certified = CertifiedChain(Electorate.of(self.genesis), self.ends)
        if earlier is not None:
            self.progress = replace(earlier, continued_from=earlier.tip.height)
            return
        changes = self.genesis.seed_state(self.state, self.rules)
        tip = genesis_tip(self.genesis, changes)
        self.progress = AuditProgress(tip, tip, rules=_read_rules(changes))
        self.state.apply(changes)
        self._certified.append(tip.end)

    def certify(self, certificate: CommitCertificate) -> None:
        """Hold a certificate of this chain against it: the newest of each term are enough.

        Raises:
            LedgerError: it does not convince; that says nothing of the chain.
        """
        self._certified.certify(certificate)

    def settle(self) -> None:
        """Forget certificates that show no more than the highest one does; who follows has many."""
        self._certified.settle(self.progress.tip.height)

    def finality_of(self, progress: AuditProgress) -> Finality:
        """Say what certificates show of the chain as far as an audit has come."""
        return self._certified.judge(progress.tip.height)

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
            entry = decode_stored_entry(stored)
            executed = execute_entry(
                self.genesis,
                tip,
                self.state,
                entry,
                verify_event=self.verify_event,
                rules=self.rules,
            )
        except InvalidBlockError as error:
            is_chain = error.field == "chain" and not self.progress.signed_blocks
            if is_chain or (error.field == "payload" and not tip.height):
                check_ledger(self.genesis.chain, entry)
            return Violation(error.height, error.field, error.problem)
        except BadSignatureError as error:
            return Violation(height, "signature", str(error))
        except UnknownRulesError:
            raise
        except LedgerError as error:
            return Violation(height, "entry", str(error))
        if self.observe is not None:
            self.observe(executed)
        self.state.apply(executed.changes)
        self._certified.append(executed.tip.end)
        self.progress = _advance(self.progress, executed)
        return None


def _read_rules(changes: ChangeSet) -> tuple[RulesSince, ...]:
    """Give the rules that a change-set leaves in force."""
    record = read_record(changes, RULES_KEY, RulesRecord)
    return () if record is None else record.versions


def _advance(progress: AuditProgress, executed: ExecutedBlock) -> AuditProgress:
    tip, opening = executed.tip, executed.opening
    if not executed.events:
        opened = replace(progress, tip=tip, openings=progress.openings + 1)
        if opening is None:
            return opened
        times = progress.elected.get(opening.candidate, 0) + 1
        elected = {**progress.elected, opening.candidate: times}
        terms = progress.terms + opened.openings
        return replace(opened, signed_tip=tip, terms=terms, openings=0, elected=elected)
    is_activated = RULES_KEY in executed.changes.written
    counts = Counter(progress.events_by_type)
    counts.update(event.header.type for event in executed.events)
    return replace(
        progress,
        tip=tip,
        signed_tip=tip,
        terms=progress.terms + progress.openings,
        openings=0,
        signed_blocks=progress.signed_blocks + 1,
        events_by_type=counts,
        signed_up_to={**progress.signed_up_to, executed.header.leader: tip.height},
        rules=_read_rules(executed.changes) if is_activated else progress.rules,
    )


def report_sound(
    genesis: Genesis, progress: AuditProgress, finality: Finality = NOTHING_FINAL
) -> AuditReport:
    """Report on a chain that was read to its end.

    Without one signed block the verdict is UNDECIDED: blocks that open a term follow from any
    genesis file, so that such a chain is nobody's. So it is where a certificate shows that there
    was more.
    """
    if progress.signed_blocks == 0:
        return report_undecided(genesis, progress, EMPTY_CHAIN, finality)
    if finality.beyond:
        end = f"the chain ends with block {progress.tip.height}"
        why = f"{end}, and a majority signed that block {finality.beyond} is final: more is missing"
        return report_undecided(genesis, progress, why, finality)
    return _report(genesis, progress, finality, AuditVerdict.SOUND)


def report_undecided(
    genesis: Genesis, progress: AuditProgress, why: str, finality: Finality = NOTHING_FINAL
) -> AuditReport:
    """Report on a chain that could not be read to its end."""
    return _report(genesis, progress, finality, AuditVerdict.UNDECIDED, why)


def report_violation(
    genesis: Genesis,
    progress: AuditProgress,
    violation: Violation,
    finality: Finality = NOTHING_FINAL,
) -> AuditReport:
    """Report a violation; ``progress`` is that before the bad block, and ``finality`` up to it."""
    report = _report(genesis, progress, finality, AuditVerdict.VIOLATION, violation.problem)
    if finality.other is not None:
        return report
    return replace(report, first_bad_height=violation.height, field=violation.field)


def _report(
    genesis: Genesis,
    progress: AuditProgress,
    finality: Finality,
    verdict: AuditVerdict,
    problem: str | None = None,
) -> AuditReport:
    tip = progress.signed_tip
    signers = sorted(progress.signed_up_to.items(), key=lambda one: -one[1])
    alone_above = max(signers[1][1] if len(signers) > 1 else 0, finality.up_to)
    is_one_voter = bool(signers) and alone_above < signers[0][1]
    report = AuditReport(
        verdict=verdict,
        chain=genesis.chain.hex(),
        height=tip.height,
        head=tip.head.hex(),
        block_time_ms=tip.time_ms,
        tree_size=tip.tree.size,
        tree_root=tip.tree.root().hex(),
        state_digest=tip.digest.digest.hex(),
        terms=progress.terms,
        voteless_terms=progress.terms - sum(progress.elected.values()),
        elected=dict(sorted(progress.elected.items())),
        signed_blocks=progress.signed_blocks,
        unsigned_openings=progress.openings,
        voters=len(genesis.consensus_keys),
        final_up_to=finality.up_to,
        final_by=finality.by,
        uncertified=max(0, tip.height - finality.up_to),
        one_voter_from=alone_above + 1 if is_one_voter else None,
        signers=tuple(Signer(voter, height) for voter, height in signers),
        events_by_type=dict(sorted(progress.events_by_type.items())),
        rules=tuple(one for one in progress.rules if one.height <= max(1, tip.height)),
        problem=problem,
        continued_from=progress.continued_from,
    )
    if finality.other is None:
        return report
    return replace(
        report,
        verdict=AuditVerdict.VIOLATION,
        first_bad_height=finality.other.index,
        field="certificate",
        problem=_describe_fork(finality.other, finality),
    )


def _describe_fork(other: CommitCertificate, finality: Finality) -> str:
    """Say who has signed for which of two histories; that alone convicts nobody."""
    voters = [one.voter for one in other.by]
    told = (
        f"fork: another block {other.index} is final as well, {other.head.hex()}:"
        f" {_list(voters)} signed for it, a majority of the voters"
    )
    if finality.up_to < other.index:
        return f"{told}; no certificate says so of the one that stands here"
    both = _list(voter for voter in voters if voter in finality.by)
    return f"{told}; {_list(finality.by)} signed for the history that stands here; {both} for both"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


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
