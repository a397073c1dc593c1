"""The notary of one node: between its core and the world.

It belongs to the thread of the core and knows no clock but the core's ticks. Where there are
many signatures, they were verified on the way in and are known by then; a few are verified here.
"""

from collections.abc import Iterable
from contextlib import suppress

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import LeaderCertificate
from kpledger.log.evidence import Evidence
from kpledger.log.statements import (
    BindingStatement,
    LogEnd,
    SignatureCheck,
    StatementSigner,
    verifies,
)
from kpnode.notary.accusations import (
    find_forgotten,
    find_fork_here,
    find_in_blocks,
    find_other_history,
)
from kpnode.notary.admission import Admission
from kpnode.notary.commits import Commits
from kpnode.notary.ports import OwnChain, ProofStore
from kpnode.notary.promises import Promises
from kpnode.notary.records import Records, Unproven
from kpnode.notary.release import Release
from kpnode.notary.terms import Terms
from kpnode.raft import (
    AppendRequest,
    Certified,
    Index,
    Input,
    Message,
    RaftCore,
    Role,
    Term,
    VoteSigned,
)


class Notary:
    """Lets in what is proven, and signs what goes out.

    The driver calls, for each message: :meth:`admit`, then, when the blocks in it were verified,
    :meth:`follow`, then the core. Before each pump :meth:`enter`, after it :meth:`inputs`, which
    are for the core, until there are none; then :meth:`release` for what may leave.

    Attributes:
        records: what it has found and what it goes by.
    """

    def __init__(
        self,
        core: RaftCore,
        signer: StatementSigner,
        chain: OwnChain,
        store: ProofStore,
        *,
        election_ticks: int,
        check: SignatureCheck = verifies,
        voteless_up_to: int = 0,
    ) -> None:
        """Take up what was stored; ``check`` may remember what it has verified."""
        terms = Terms(signer.electorate, check)
        commits = Commits(signer.electorate, chain, store, check)
        commits.recall()
        terms.recall(core.term, store.term_proof)
        promises = Promises(core, chain, store)
        self.records = Records(
            core, signer, chain, check, terms, commits, promises, voteless_up_to, election_ticks
        )
        self._store = store
        self._admission = Admission(self.records)
        self._release = Release(self.records)
        self._entered = core.term
        self._kept = store.term_proof
        self._voted = Term(0)
        self._seen = (0, 0, 0)

    def tick(self) -> None:
        """Let one tick pass."""
        self.records.ticks += 1
        self._admission.tick()
        self._release.tick()

    def admit(self, message: Message) -> Message | None:
        """Give a message as the core may see it, None if it may not."""
        return self._admission.admit(message)

    def follow(self, message: Message) -> Message:
        """Take out of a leader's message what it says of commits beyond what is proven."""
        return self._admission.follow(message)

    @property
    def final(self) -> int:
        """Up to this height the own log is known to be final."""
        return self.records.commits.index

    @property
    def said(self) -> tuple[BindingStatement | LeaderCertificate, ...]:
        """What peers said last, and who was elected lately; for any thread."""
        records = self.records
        return *records.said.values(), *records.terms.openings.values()

    @property
    def held(self) -> int:
        """So much of what is known to be final is in the own log: it grows in catching up, too."""
        commits = self.records.commits
        return max(commits.index, min(commits.goal, self.records.core.last_index))

    def look(self, message: Message, problem: LedgerError | None) -> None:
        """Look for evidence in the blocks of an append, which this node takes or refuses."""
        body = message.body
        if isinstance(body, AppendRequest):
            # What cannot even be read is no evidence; whoever refuses it says why.
            with suppress(LedgerError):
                self.records.accuse(*find_in_blocks(self.records, body, problem))
                if problem is not None:
                    self.records.accuse(*find_other_history(self.records, body))

    def drain(self) -> tuple[list[Evidence], list[Unproven]]:
        """Give what was found since the last time, and what was not let in."""
        records = self.records
        self._compare()
        found, records.found = records.found, []
        unproven, records.unproven = records.unproven, []
        return found, unproven

    def _compare(self) -> None:
        """Compare certificates that are new with each other."""
        records = self.records
        if records.commits.conflicting is not None:
            records.accuse(*find_fork_here(records))
        newest, terms = records.commits.newest, records.terms.openings
        if newest is None or not terms or max(terms) <= newest.term:
            return
        seen = newest.index, len(terms), max(terms)
        if seen != self._seen:
            self._seen = seen
            records.accuse(*find_forgotten(records))

    def enter(self) -> None:
        """Keep in the next save's batch what proves its term, and what the last one promised."""
        self.records.promises.keep()
        core, terms = self.records.core, self.records.terms
        if core.term != self._entered:
            self._entered = core.term
            self.records.enter_term()
            self._release.enter_term()
            if core.role is Role.CANDIDATE:
                own = self.records.signer.pre_vote(core.node, term=core.term)
                terms.begin_own(core.term, own)
        proof = terms.proofs.get(core.term, b"")
        if proof != self._kept:
            self._kept = proof
            self._store.keep_term_proof(proof)

    def inputs(self) -> list[Input]:
        """Give the core what follows from what is saved now: the own vote, what is final."""
        records, core = self.records, self.records.core
        records.commits.settle()
        found: list[Input] = []
        is_held = records.promise is None
        if core.role is Role.CANDIDATE and self._voted < core.term and is_held:
            self._voted = core.term
            end = records.chain.end
            vote = records.signer.vote(core.node, term=core.term, candidate_end=end, voter_end=end)
            found.append(VoteSigned(core.term, encode(vote)))
        return found + self.certify()

    def certify(self) -> list[Input]:
        """Give the core what is final now, if this node leads and the others have said enough."""
        records, core = self.records, self.records.core
        opened_at = core.opened_at
        if opened_at is None or opened_at > core.persisted:
            return []
        if records.terms.leader(core.term) is None:
            (opening,) = records.chain.shown(opened_at, opened_at)
            records.terms.learn_opening(opening.seal)
        index = records.commits.find_certifiable(core.term, core.persisted)
        head = None if index is None else records.chain.head_at(index)
        if index is None or head is None or core.term_at(Index(index)) != core.term:
            return []
        end = LogEnd(term=core.term, index=index, head=head)
        records.commits.certify(records.signer.acknowledge(end))
        return [Certified(Index(index), core.term)]

    def release(self, messages: Iterable[Message]) -> tuple[Message, ...]:
        """Give messages with what they rest on; to be called after the save."""
        released = (self._release.release(one) for one in messages)
        return tuple(one for one in released if one is not None)
