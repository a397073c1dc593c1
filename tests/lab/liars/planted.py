"""Bugs of signed consensus, one for each rule, to see whether the simulator would find them.

Each takes one rule away from every voter, for one life.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from lab.liars.disk import ProofDisk
from lab.liars.kinds import HONEST

from kpledger.log import certificates
from kpledger.log.certificates import LeaderCertificate
from kpledger.log.statements import Electorate, SignatureCheck, VoterStatement, verify_statement
from kpnode.notary import candidates
from kpnode.notary.admission import Admission
from kpnode.raft import Entry, HardState, Index, Message, following
from kpnode.raft.messages import AppendRequest
from kpnode.raft.state import RaftState

_HANDED_OVER: Final = {
    "transfer": 30,
    "propose": 300,
    "partition": 0,
    "loss": 0,
    "straggle": 0,
    "crash": 0,
    "crash_in_save": 0,
}
_CRASHES: Final = {"crash": 20, "restart": 300, "restore": 0}


@dataclass(frozen=True, slots=True)
class SignedBug:
    """A rule that is left out, and where its lack shows soonest."""

    what: str
    """What is done instead."""
    owner: object
    name: str
    """Of what is replaced in the owner, a class or a module."""
    instead: Callable[..., object]
    kind: str
    """Of the lie."""
    voters: int = 4
    liars: int = 1
    climate: Mapping[str, int] = field(default_factory=dict)

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Replace the sound part for a while."""
        sound = getattr(self.owner, self.name)
        setattr(self.owner, self.name, self.instead)
        try:
            yield
        finally:
            setattr(self.owner, self.name, sound)


_SOUND_SAVE: Final = ProofDisk.save
_SOUND_APPEND: Final = following.handle_append_request


def _save_vote_later(
    disk: ProofDisk, hard_state: HardState | None, entries: tuple[Entry, ...]
) -> None:
    """Save a vote with the next entries, although it is signed before."""
    if hard_state is not None and not entries:
        hard_state = HardState(hard_state.term, None, hard_state.acknowledged)
    _SOUND_SAVE(disk, hard_state, entries)


def _overwrite(state: RaftState, sender: str, request: AppendRequest) -> None:
    """Take whatever the leader sends, also in the place of what was acknowledged to it."""
    state.verified = Index(0)
    _SOUND_APPEND(state, sender, request)  # type: ignore[arg-type]


def _count_signatures(
    what: str, statements: tuple[VoterStatement, ...], electorate: Electorate
) -> None:
    """Count signatures, not voters."""
    if len(statements) < electorate.majority:
        raise certificates.CertificateError(what, "too few")


def _begin_anywhere(electorate: Electorate, tag: bytes, term: int) -> bytes:
    """Leave out of what is signed among which voters it is said."""
    return tag + b"\x00" + electorate.chain + term.to_bytes(8, "big")


def _believe_commit(admission_: Admission, message: Message) -> Message:
    """Believe what a leader says of commits."""
    del admission_
    return message


def _verify_votes(
    certificate: LeaderCertificate, electorate: Electorate, check: SignatureCheck
) -> None:
    """Verify each vote, and not how many there are."""
    for vote in certificate.votes:
        verify_statement(vote, electorate, check)


def _compare_ends(*_: object, **__: object) -> None:
    """Compare the ends of logs alone, as the core does."""


def _know_every_term(*_: object) -> bool:
    return True


def _start_unnumbered(disk: ProofDisk, now: int) -> None:
    """Start without counting it."""
    del now
    disk.generation = 1


SIGNED_BUGS: Mapping[str, SignedBug] = MappingProxyType(
    {
        "vote-signed-before-durable": SignedBug(
            "Signs a vote that is saved only with what comes next",
            *(ProofDisk, "save", _save_vote_later, HONEST, 3, 0),
            _CRASHES,
        ),
        "acknowledges-another-branch": SignedBug(
            "Lets a leader overwrite what was acknowledged to it",
            *(following, "handle_append_request", _overwrite, "equivocate"),
        ),
        "signer-counted-twice": SignedBug(
            "Counts the signatures in a certificate, not the voters",
            *(certificates, "_verify_voters", _count_signatures, "certify-alone"),
        ),
        "certificate-of-other-voters": SignedBug(
            "Takes signatures that were made among other voters",
            *(Electorate, "begin", _begin_anywhere, "certify-alone"),
        ),
        "commit-without-certificate": SignedBug(
            "Commits what its leader says is committed",
            *(Admission, "follow", _believe_commit, "certify-alone"),
        ),
        "opening-without-majority": SignedBug(
            "Follows whoever shows a vote",
            *(LeaderCertificate, "verify", _verify_votes, "usurp"),
        ),
        "vote-for-another-branch": SignedBug(
            "Votes for a log because it is as long as its own",
            *(candidates, "find_objection", _compare_ends, "equivocate", 4, 1),
            _HANDED_OVER,
        ),
        "term-without-proof": SignedBug(
            "Enters every term that anybody names",
            *(Admission, "_may_know_term", _know_every_term, "name-terms"),
        ),
        "start-not-counted": SignedBug(
            "Signs after every start as if it were the first",
            *(ProofDisk, "start", _start_unnumbered, HONEST, 3, 0),
        ),
    }
)
"""By name."""
