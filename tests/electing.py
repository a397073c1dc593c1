"""Voters that sign: elections, final blocks and chains that carry their proof, for tests.

The voters are those of :mod:`founding`, under its keys; with three of them, two decide.
"""

from collections.abc import Sequence

from founding import (
    CHAIR,
    OFFICES,
    MemoryLedger,
    make_decision,
    make_event,
    make_genesis,
    opening_events,
    signing_key,
)

from kpledger.log.certificates import CommitCertificate, LeaderCertificate, certify_commit
from kpledger.log.genesis import Genesis
from kpledger.log.statements import Electorate, LogEnd, StatementSigner


def signer_of(
    voter: str, *, genesis: Genesis | None = None, generation: int = 1
) -> StatementSigner:
    """Give what signs as a voter; on the ledger of :func:`founding.make_genesis` by default."""
    electorate = Electorate.of(genesis or make_genesis())
    return StatementSigner(electorate, voter, signing_key(f"{voter}/consensus"), generation)


def majority_of(genesis: Genesis) -> tuple[str, ...]:
    """Give the first voters that are a majority."""
    return genesis.file.voters[: Electorate.of(genesis).majority]


def elect(
    candidate: str,
    *,
    term: int,
    base: LogEnd,
    voters: Sequence[str] = (),
    genesis: Genesis | None = None,
    generation: int = 1,
) -> LeaderCertificate:
    """Elect a leader after a block, by the first voters that are a majority or by those given."""
    genesis = genesis or make_genesis()
    return LeaderCertificate(
        tuple(
            signer_of(voter, genesis=genesis, generation=generation).vote(
                candidate, term=term, candidate_end=base, voter_end=base
            )
            for voter in voters or majority_of(genesis)
        )
    )


def finalise(
    end: LogEnd,
    *,
    voters: Sequence[str] = (),
    genesis: Genesis | None = None,
    generation: int = 1,
) -> CommitCertificate:
    """Make a block final, by the first voters that are a majority or by those given."""
    genesis = genesis or make_genesis()
    chosen = voters or majority_of(genesis)
    signers = (signer_of(one, genesis=genesis, generation=generation) for one in chosen)
    return certify_commit(one.acknowledge(end) for one in signers)


def open_voted_term(ledger: MemoryLedger, term: int, leader: str = "bw-1") -> None:
    """Append the block that opens a term, with the votes of a majority for its leader."""
    opening = elect(leader, term=term, base=ledger.tip.end, genesis=ledger.genesis)
    ledger.open_term(term, opening)


def open_signed_trade() -> MemoryLedger:
    """Give the ledger of :func:`founding.open_trade`, its term opened with votes for bw-1."""
    ledger = MemoryLedger(make_genesis())
    open_voted_term(ledger, 1)
    for office in OFFICES[:-1]:
        ledger.record(*opening_events(office))
    ledger.record(*opening_events(OFFICES[-1]), make_event(CHAIR, make_decision()))
    return ledger
