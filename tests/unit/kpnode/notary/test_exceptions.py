"""Where a node needs nobody else's word: a ledger with one voter, and one of an earlier version."""

from dataclasses import replace
from pathlib import Path

import pytest
from admitting import admit, notary_of, problem_of
from electing import finalise
from engines import make_engine
from founding import NOW_MS, make_genesis_file, signing_key
from single_engine import HONEST, ME, World

from kpledger.base.codec import encode
from kpledger.log.certificates import decode_commit_certificate
from kpledger.log.genesis import format_genesis, parse_genesis
from kpledger.log.statements import Electorate
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    Configuration,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    PreVoteRequest,
    RaftConfig,
    RaftCore,
    Recovered,
    Role,
    Term,
    Tick,
    VoteRequest,
)
from kpnode.storage.leveldb import LevelStorage


def test_one_voter_elects_itself_and_certifies_what_it_holds(tmp_path: Path) -> None:
    genesis = parse_genesis(format_genesis(make_genesis_file(voters=(ME,))))
    storage = LevelStorage(tmp_path, chain=genesis.chain, create=True)
    ledger = Ledger(genesis, storage)
    machine = Machine(genesis, ME, signing_key(f"{ME}/consensus"), ledger, skew_ms=0)
    recovered = Recovered(storage.hard_state, Configuration((ME,)), Index(0))
    core = RaftCore(RaftConfig(ME, signed=True), recovered, storage)
    engine = make_engine(core, machine, storage, now_ms=lambda: NOW_MS, election_ticks=10)
    while engine.status().role is not Role.LEADER:
        engine.step([Tick()], [])
    assert (ledger.tip.height, ledger.tip.leader) == (1, ME)
    [stored] = storage.read_certificates()
    certificate = decode_commit_certificate(stored)
    certificate.verify(Electorate.of(genesis))
    assert (certificate.end, len(certificate.by)) == (ledger.tip.end, 1)
    storage.close()


@pytest.fixture
def migrated(world: World) -> World:
    """Nothing of its ledger was signed yet: an earlier version has made it."""
    notary_of(world).records.voteless_up_to = 5
    return world


@pytest.mark.parametrize(
    "body",
    [
        VoteRequest(Term(64), Index(0), Term(0), transfer=False),
        PreVoteRequest(Term(65), Index(0), Term(0)),
        HeartbeatReply(Term(64), 0, Index(0)),
    ],
)
def test_term_of_an_earlier_version_may_be_caught_up_with(
    migrated: World, body: VoteRequest | PreVoteRequest | HeartbeatReply
) -> None:
    """Its voters stopped in whatever terms they were in, and can prove none of them."""
    said = migrated.honest.say(body)
    assert admit(migrated, said) == body
    further = migrated.honest.say(replace(body, term=Term(body.term + 1)))
    assert admit(migrated, further) is None
    notary_of(migrated).records.voteless_up_to = 0
    assert admit(migrated, said) is None


def test_leader_of_such_a_term_needs_votes_all_the_same(migrated: World) -> None:
    said = migrated.honest.say(HeartbeatRequest(Term(1), Index(0), 0))
    assert admit(migrated, said) is None
    assert problem_of(migrated) is None


def test_nothing_is_let_in_unproven_once_something_is_final(migrated: World) -> None:
    reign = migrated.elect(HONEST, 1)
    migrated.engine.step([reign.append(reign.noop)], [])
    said = migrated.honest.say(HeartbeatReply(Term(3), 0, Index(0)))
    assert admit(migrated, said) is not None
    notary_of(migrated).records.commits.learn(encode(finalise(migrated.end)))
    assert admit(migrated, said) is None
