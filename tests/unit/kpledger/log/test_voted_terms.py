"""Terms are opened by votes, and whoever they elected makes the blocks of the term, nobody else."""

from dataclasses import replace
from typing import Final

import pytest
from electing import elect, open_signed_trade, open_voted_term, signer_of
from founding import (
    MemoryLedger,
    found_ledger,
    make_certificate,
    make_event,
    make_genesis,
    number_of,
    opening_events,
    signing_key,
    vary,
)
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError
from kpledger.base.state import MemoryState
from kpledger.log.block import decode_block, decode_block_header, encode_block
from kpledger.log.certificates import LeaderCertificate
from kpledger.log.chain import Tip, execute_entry, execute_noop, genesis_tip
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import StoredEntry, decode_stored_entry
from kpledger.log.statements import Electorate, LogEnd, StatementSigner
from kpledger.scheme.v1.events.certificate import CertificateIssued

LEDGER: Final = open_signed_trade()
END: Final = LEDGER.tip.end
NOBODY: Final = StatementSigner(
    Electorate.of(make_genesis()), "eu-1", signing_key("in-1/consensus"), 1
)


def fault(payload: bytes, ledger: MemoryLedger = LEDGER, term: int = 2) -> InvalidBlockError:
    """Give what is wrong with the opening of a term."""
    with pytest.raises(InvalidBlockError) as caught:
        execute_noop(ledger.genesis, ledger.tip, ledger.state, term, payload)
    assert caught.value.height == ledger.tip.height + 1
    return caught.value


def test_leader_is_who_was_elected_last() -> None:
    ledger = open_signed_trade()
    assert (ledger.tip.term, ledger.tip.leader) == (1, "bw-1")
    open_voted_term(ledger, 2, "eu-1")
    assert (ledger.tip.term, ledger.tip.leader) == (2, "eu-1")
    assert ledger.tip.end == LogEnd(term=2, index=ledger.tip.height, head=ledger.tip.head)


def test_header_does_not_depend_on_which_votes_are_shown() -> None:
    chosen = (["bw-1", "eu-1"], ["bw-1", "za-1"], ["bw-1", "eu-1", "za-1"])
    openings = [elect("eu-1", term=2, base=END, voters=voters) for voters in chosen]
    executed = [
        execute_noop(LEDGER.genesis, LEDGER.tip, LEDGER.state, 2, one.encoded) for one in openings
    ]
    assert len({one.encoded for one in openings}) == 3
    assert len({one.tip.head for one in executed}) == 1
    assert [one.opening for one in executed] == openings


def test_votes_are_kept_as_the_payload_of_the_entry() -> None:
    entry = decode_stored_entry(LEDGER.entries[0])
    first = LogEnd(term=0, index=0, head=LEDGER.genesis.chain)
    assert entry == StoredEntry(kind=0, term=1, payload=elect("bw-1", term=1, base=first).encoded)


def test_whole_chain_with_votes_is_verified_to_the_tip_it_had() -> None:
    ledger = open_signed_trade()
    open_voted_term(ledger, 2, "eu-1")
    certificate = make_certificate(number_of("BW", 1))
    event = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    ledger.record(event, leader="eu-1")
    assert replay(ledger.entries) == ledger.tip


def replay(entries: list[bytes]) -> Tip:
    genesis, state = make_genesis(), MemoryState()
    seed = genesis.seed_state(MemoryState())
    tip = genesis_tip(genesis, seed)
    state.apply(seed)
    for stored in entries:
        executed = execute_entry(genesis, tip, state, decode_stored_entry(stored))
        state.apply(executed.changes)
        tip = executed.tip
    return tip


def test_after_votes_every_later_term_needs_votes() -> None:
    found = fault(b"")
    assert (found.field, found.problem) == (
        "payload",
        "no votes open the term, as they did an earlier one",
    )


def test_terms_of_an_earlier_version_were_opened_without() -> None:
    ledger = found_ledger()
    ledger.open_term(2)
    ledger.record(*opening_events("BW/gaborone"), leader="za-1")
    leaders = [ledger.tip.leader]
    open_voted_term(ledger, 3, "eu-1")
    assert [*leaders, ledger.tip.leader] == [None, "eu-1"]
    assert fault(b"", ledger, 4).field == "payload"


@pytest.mark.parametrize(
    ("base", "problem"),
    [
        (vary(END, index=END.index + 1), f"ends with block {END.index + 1}, "),
        (vary(END, index=END.index - 1), f"ends with block {END.index - 1}, "),
        (vary(END, head=bytes(32)), "00" * 32),
        (vary(END, term=0), "for a log of term 0, not 1"),
    ],
    ids=["longer", "shorter", "head", "term"],
)
def test_votes_for_another_log_open_no_term(base: LogEnd, problem: str) -> None:
    found = fault(elect("eu-1", term=2, base=base).encoded)
    assert found.field == "payload"
    with pytest.raises(InvalidBlockError, match=problem):
        raise found


def test_votes_of_another_term_open_no_term() -> None:
    found = fault(elect("eu-1", term=3, base=END).encoded)
    assert (found.field, found.problem) == ("term", "the votes are of term 3, the block of 2")


def test_votes_for_different_candidates_open_no_term() -> None:
    votes = (
        signer_of("bw-1").vote("bw-1", term=2, candidate_end=END, voter_end=END),
        signer_of("eu-1").vote("eu-1", term=2, candidate_end=END, voter_end=END),
    )
    found = fault(LeaderCertificate(votes).encoded)
    assert found.field == "payload"
    assert found.problem.endswith("eu-1 and bw-1 voted for different things")


@pytest.mark.parametrize(
    ("voters", "problem"),
    [
        (["eu-1"], "1 of 3 voters signed, 2 are needed"),
        (["eu-1", "eu-1"], "voters are not ascending without repeats: ['eu-1', 'eu-1']"),
        (["eu-1", "bw-1"], "voters are not ascending without repeats: ['eu-1', 'bw-1']"),
    ],
    ids=["too few", "double", "unordered"],
)
def test_less_than_a_majority_in_order_opens_no_term(voters: list[str], problem: str) -> None:
    found = fault(elect("eu-1", term=2, base=END, voters=voters).encoded)
    assert (found.field, found.problem) == (
        "payload",
        f"the leader certificate of term 2: {problem}",
    )


def test_votes_on_another_ledger_or_among_other_voters_open_no_term() -> None:
    electorate = Electorate.of(LEDGER.genesis)
    for other in (replace(electorate, chain=END.head), replace(electorate, config_hash=END.head)):
        votes = tuple(
            replace(signer_of(voter), electorate=other).vote(
                "eu-1", term=2, candidate_end=END, voter_end=END
            )
            for voter in ("bw-1", "eu-1")
        )
        found = fault(LeaderCertificate(votes).encoded)
        assert (found.field, "the vote of bw-1 in term 2" in found.problem) == ("payload", True)


def test_vote_with_another_generation_than_was_signed_opens_no_term() -> None:
    first, second = elect("eu-1", term=2, base=END).votes
    assert fault(LeaderCertificate((first, vary(second, generation=2))).encoded).field == "payload"


def test_forged_vote_opens_no_term() -> None:
    first = elect("eu-1", term=2, base=END).votes[0]
    forged = NOBODY.vote("eu-1", term=2, candidate_end=END, voter_end=END)
    found = fault(LeaderCertificate((first, forged)).encoded)
    assert (found.field, "the vote of eu-1 in term 2" in found.problem) == ("payload", True)


def test_candidate_that_does_not_vote_leads_no_term() -> None:
    votes = tuple(vary(one, candidate="in-1") for one in elect("eu-1", term=2, base=END).votes)
    found = fault(LeaderCertificate(votes).encoded)
    assert (found.field, found.problem) == ("payload", "'in-1' is not a voter")


@given(st.data())
def test_no_bit_of_the_votes_in_a_chain_can_be_changed(data: st.DataObject) -> None:
    payload = bytearray(elect("eu-1", term=2, base=END).encoded)
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << bit % 8
    assert fault(bytes(payload)).field in {"payload", "term"}


def test_term_rises_with_votes_as_well() -> None:
    found = fault(elect("eu-1", term=1, base=vary(END, term=0)).encoded, term=1)
    assert (found.field, found.problem) == ("term", "1 is not above 1, or is larger than " + MOST)


MOST: Final = str(2**53 - 1)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"leader": "eu-1"}, "eu-1 in term 1, where bw-1 was elected in term 1"),
        ({"leader": "za-1"}, "za-1 in term 1, where bw-1 was elected in term 1"),
        ({"term": 2}, "bw-1 in term 2, where bw-1 was elected in term 1"),
    ],
)
def test_only_the_elected_leader_makes_blocks_of_its_term(
    changes: dict[str, object], problem: str
) -> None:
    certificate = make_certificate(number_of("BW", 1))
    event = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    sealed, _ = LEDGER.seal(event)
    header = vary(decode_block_header(decode_block(sealed).header), **changes)
    payload = encode_block(header, (event,), signing_key(f"{header.leader}/consensus"))
    with pytest.raises(InvalidBlockError) as caught:
        execute_entry(
            LEDGER.genesis,
            LEDGER.tip,
            LEDGER.state,
            StoredEntry(kind=1, term=header.term, payload=payload),
        )
    assert (caught.value.field, caught.value.problem) == ("leader", problem)


def test_whoever_verifies_elsewhere_is_asked_for_the_votes() -> None:
    asked: list[bytes] = []

    def check(key: bytes, _message: bytes, _signature: bytes) -> bool:
        asked.append(key)
        return False

    entry = StoredEntry(kind=0, term=2, payload=elect("eu-1", term=2, base=END).encoded)
    with pytest.raises(InvalidBlockError, match="the vote of bw-1"):
        execute_entry(LEDGER.genesis, LEDGER.tip, LEDGER.state, entry, check=check)
    assert asked == [LEDGER.genesis.consensus_keys["bw-1"]]


def test_what_is_no_opening_is_refused_in_its_place() -> None:
    with pytest.raises(LedgerError, match="block 5 is invalid at payload: "):
        raise fault(b"\x01\x00")
