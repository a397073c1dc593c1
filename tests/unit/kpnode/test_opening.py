"""What the core opens a term with is the leader certificate that the library reads and verifies."""

from founding import VOTERS, make_genesis, signing_key
from memory_storage import MemoryStorage

from kpledger.base.codec import encode
from kpledger.log.certificates import decode_opening
from kpledger.log.statements import Electorate, LogEnd, StatementSigner
from kpnode.pump import pump
from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    Index,
    Message,
    NodeId,
    PreVoteReply,
    RaftConfig,
    RaftCore,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
    VoteReply,
    VoteSigned,
)

CANDIDATE, *OTHERS = sorted(VOTERS, reverse=True)
END = LogEnd(term=0, index=0, head=bytes(32))


class Machine:
    """Takes no notice of anything."""

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Forget them."""

    def apply(self, entry: Entry) -> None:
        """Forget it."""


def sign_vote(voter: str) -> bytes:
    electorate = Electorate.of(make_genesis())
    signer = StatementSigner(electorate, voter, signing_key(f"{voter}/consensus"), 1)
    return encode(signer.vote(CANDIDATE, term=1, candidate_end=END, voter_end=END))


def test_opening_of_the_core_is_a_leader_certificate() -> None:
    storage = MemoryStorage()
    voters = Configuration(tuple(NodeId(voter) for voter in sorted(VOTERS)))
    recovered = Recovered(storage.hard_state, voters, Index(0))
    core = RaftCore(RaftConfig(NodeId(CANDIDATE), signed=True), recovered, storage)

    def hear(voter: str, body: PreVoteReply | VoteReply) -> None:
        core.handle(Received(Message(NodeId(voter), NodeId(CANDIDATE), body)))

    while core.role is not Role.CANDIDATE:
        core.handle(Tick())
        for voter in OTHERS:
            hear(voter, PreVoteReply(Term(1), granted=True))
    pump(core, storage, Machine())
    # The driver signs what is saved by now.
    assert storage.hard_state.voted_for == CANDIDATE
    core.handle(VoteSigned(Term(1), sign_vote(CANDIDATE)))
    for voter in OTHERS:
        hear(voter, VoteReply(Term(1), granted=True, attached=sign_vote(voter)))
    pump(core, storage, Machine())

    (opening,) = storage.log
    assert opening.kind is EntryKind.NOOP
    certificate = decode_opening(opening.payload)
    certificate.verify(Electorate.of(make_genesis()))
    assert (certificate.term, certificate.candidate, certificate.base) == (1, CANDIDATE, END)
    assert certificate.encoded == opening.payload
