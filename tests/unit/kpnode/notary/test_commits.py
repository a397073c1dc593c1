"""What is known to be final, and acknowledgements on their way to a commit certificate."""

from dataclasses import dataclass, field
from typing import Final

import msgspec
import pytest
from branches import Branch
from electing import finalise, signer_of
from founding import make_genesis

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import decode_commit_certificate
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Electorate, LogEnd, verifies
from kpnode.notary.commits import Commits

ELECTORATE: Final = Electorate.of(make_genesis())
CHAIN: Final = Branch().open(1, "bw-1").make(count=4)
SHORT: Final = Branch(CHAIN.shown[:3])
OTHER: Final = SHORT.make(1, count=2)


@dataclass
class Held:
    """The log of a node (a :class:`kpnode.notary.ports.OwnChain`)."""

    branch: Branch

    @property
    def end(self) -> LogEnd:
        return self.branch.end

    def head_at(self, index: int) -> bytes | None:
        heads = (make_genesis().chain, *self.branch.heads)
        return heads[index] if index < len(heads) else None

    def holds(self, end: LogEnd) -> bool:
        return self.head_at(end.index) == end.head

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        return self.branch.shown[first - 1 : last]


@dataclass
class Kept:
    """A disk (a :class:`kpnode.notary.ports.ProofStore`)."""

    term_proof: bytes = b""
    promises: bytes = b""
    certificates: dict[int, bytes] = field(default_factory=dict)

    def keep_term_proof(self, encoded: bytes) -> None:
        self.term_proof = encoded

    def keep_promises(self, encoded: bytes) -> None:
        self.promises = encoded

    def put_certificate(self, term: int, encoded: bytes) -> None:
        self.certificates[term] = encoded

    def read_certificates(self) -> tuple[bytes, ...]:
        return tuple(encoded for _, encoded in sorted(self.certificates.items()))


def make_commits(branch: Branch = CHAIN, electorate: Electorate = ELECTORATE) -> Commits:
    return Commits(electorate, Held(branch), Kept(), verifies)


def test_certificate_of_a_held_block_is_believed_and_stored() -> None:
    commits = make_commits()
    commits.learn(None)
    assert commits.index == 0
    for branch in (SHORT, CHAIN, SHORT):
        commits.learn(encode(branch.finalise()))
    assert (commits.newest, commits.index) == (CHAIN.finalise(), 5)
    assert commits.store.read_certificates() == (encode(CHAIN.finalise()),)
    assert commits.conflicting is None


@pytest.mark.parametrize("branch", [OTHER, CHAIN.make()])
def test_certificate_of_a_block_that_is_not_held_says_nothing(branch: Branch) -> None:
    commits = make_commits()
    commits.learn(encode(branch.finalise()))
    assert (commits.index, commits.conflicting) == (0, None)


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x80",
        encode(CHAIN.finalise("bw-1")),
        encode(finalise(LogEnd(term=2, index=5, head=CHAIN.end.head), voters=("bw-1",))),
    ],
)
def test_certificate_that_is_none_is_refused(encoded: bytes) -> None:
    commits = make_commits()
    with pytest.raises(LedgerError):
        commits.learn(encoded)
    assert (commits.index, commits.store.read_certificates()) == (0, ())


def test_certificate_of_another_block_in_a_final_place_is_a_fork() -> None:
    commits = make_commits()
    commits.learn(encode(CHAIN.finalise()))
    with pytest.raises(LedgerError):
        commits.learn(encode(OTHER.finalise("bw-1")))
    assert (commits.conflicting, commits.index) == (None, 5)
    commits.learn(encode(OTHER.finalise()))
    assert commits.conflicting == OTHER.finalise()
    assert commits.newest == CHAIN.finalise()


def test_log_that_is_behind_knows_how_far_it_has_to_go() -> None:
    commits = make_commits(branch=Branch(CHAIN.shown[:1]))
    assert (commits.learn(encode(SHORT.finalise())), commits.goal) == (0, 3)
    # Until it is there it looks at no other.
    assert (commits.learn(encode(CHAIN.finalise())), commits.goal) == (0, 3)
    forged = msgspec.structs.replace(CHAIN.finalise(), index=9)
    with pytest.raises(LedgerError):
        make_commits(branch=SHORT).learn(encode(forged))


def test_stored_certificate_counts_after_a_restart_if_its_block_is_there() -> None:
    later = CHAIN.open(2, "eu-1")
    store = Kept(certificates={1: encode(SHORT.finalise()), 2: encode(later.finalise())})
    for branch, index in ((later, 6), (CHAIN, 3), (Branch(SHORT.shown[:2]), 0)):
        commits = Commits(ELECTORATE, Held(branch), store, verifies)
        commits.recall()
        assert commits.index == index


def test_majority_of_acknowledgements_of_one_block_makes_a_certificate() -> None:
    commits = make_commits()
    assert commits.find_certifiable(1, 5) is None
    commits.gather(SHORT.acknowledge("eu-1"))
    commits.gather(CHAIN.acknowledge("za-1"))
    # Only what the own disk holds, and what is of the own term.
    assert [commits.find_certifiable(1, held) for held in (2, 3, 4, 5)] == [None, 3, 3, 5]
    assert commits.find_certifiable(2, 5) is None
    certificate = commits.certify(SHORT.acknowledge("bw-1"))
    certificate.verify(ELECTORATE)
    assert (certificate.end, [one.voter for one in certificate.by]) == (
        SHORT.end,
        ["bw-1", "eu-1"],
    )
    assert (commits.newest, commits.find_certifiable(1, 5)) == (certificate, 5)
    stored = map(decode_commit_certificate, commits.store.read_certificates())
    assert tuple(stored) == (certificate,)


def test_no_more_acknowledgements_are_used_than_are_needed() -> None:
    commits = make_commits()
    for voter in ("eu-1", "za-1"):
        commits.gather(CHAIN.acknowledge(voter))
    assert len(commits.certify(CHAIN.acknowledge("bw-1")).by) == 2


def test_what_is_certified_or_of_an_earlier_term_is_forgotten() -> None:
    commits = make_commits()
    for branch in (SHORT, CHAIN):
        commits.gather(branch.acknowledge("eu-1"))
    commits.certify(CHAIN.acknowledge("bw-1"))
    commits.gather(SHORT.acknowledge("za-1"))
    assert commits.find_certifiable(1, 5) is None
    commits = make_commits()
    commits.gather(CHAIN.acknowledge("eu-1"))
    commits.begin_term()
    assert commits.find_certifiable(1, 5) is None


def test_one_voter_needs_nobody_else() -> None:
    alone = Electorate(ELECTORATE.chain, ELECTORATE.config_hash, {"bw-1": ELECTORATE.key("bw-1")})
    commits = make_commits(electorate=alone)
    assert commits.find_certifiable(1, 5) == 5
    signer = signer_of("bw-1")
    commits.certify(type(signer)(alone, "bw-1", signer.key, 1).acknowledge(CHAIN.end))
    assert (commits.index, commits.find_certifiable(1, 5)) == (5, None)
