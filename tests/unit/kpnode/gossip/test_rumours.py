"""Rumours: whoever tells whom, and in which order, all nodes come to have the same."""

from dataclasses import replace
from random import Random
from typing import Final

import pytest
from branches import Branch
from convicting import all_cases, vote
from electing import elect
from founding import NODES, VOTERS, make_genesis, make_genesis_file, vary
from gossiping import Gossiper, make_gossiper, tell_cosigned as note
from histories import leaves_of
from hypothesis import given, strategies as st
from split_views import cosign, sign_as_log, tree_of, write_note

from kpledger.api.gossip import (
    MAX_GOSSIP_BYTES,
    MAX_RUMOUR_BYTES,
    GossipMessage,
    Rumour,
    decode_gossip,
    decode_rumour,
    encode_gossip,
    rumour_id,
)
from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.conviction import Guilt
from kpledger.log.evidence import AnyStatement
from kpledger.log.evidence_file import encode_evidence
from kpledger.log.findings import wrap_statement
from kpledger.log.genesis import format_genesis, parse_genesis
from kpledger.log.statements import Acknowledgement, Vote

ROOT: Final = Branch().open(1, "bw-1").make(count=2)
TRUE: Final = ROOT.make(count=4)
FALSE: Final = ROOT.make(7, count=4)
CASES: Final = all_cases()


def certificate(branch: Branch, *voters: str) -> Rumour:
    return Rumour(certificate=branch.finalise(*voters or ("bw-1", "eu-1")))


def prefix(branch: Branch, height: int) -> Branch:
    return Branch(branch.shown[:height])


def spread(nodes: list[Gossiper], random: Random) -> int:
    """Let each node exchange with any other, in rounds, until nothing is new; tells how many."""
    rounds = 0
    while len({one.has() for one in nodes}) > 1:
        rounds += 1
        for one in nodes:
            one.exchange(random.choice([other for other in nodes if other is not one]))
    return rounds


def rumours_at_large() -> list[Rumour]:
    """Give what may be told on the true chain: certificates of all blocks, checkpoints of all."""
    told = [note(TRUE, node, size=size, time_s=size) for node in NODES for size in range(1, 7)]
    return [*told, *(certificate(prefix(TRUE, height)) for height in range(2, 8))]


def test_ids_are_too_long_for_two_rumours_that_have_one() -> None:
    """A voter that lies could show them to two nodes, and neither would tell the other."""
    assert 8 * len(rumour_id(b"")) >= 2 * 64


def test_sixty_one_nodes_have_the_same_within_a_few_rounds() -> None:
    random = Random(1)
    nodes = [make_gossiper(TRUE) for _ in range(61)]
    for rumour in rumours_at_large():
        random.choice(nodes).hear(rumour)
    assert spread(nodes, random) <= 6
    assert set(nodes[0].notes()) == {note(TRUE, node, time_s=6).checkpoint for node in NODES}


@given(data=st.data(), count=st.integers(2, 6))
def test_order_makes_no_difference(data: st.DataObject, count: int) -> None:
    told = data.draw(st.permutations(rumours_at_large()))
    one, other = make_gossiper(TRUE), make_gossiper(TRUE)
    one.hear(*told)
    for at in range(0, len(told), count):
        other.hear(*reversed(told[at : at + count]))
    assert one.has() == other.has()
    assert len(one.has()) == len(NODES) + 1


@given(heights=st.lists(st.integers(1, 7), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_nodes_on_one_chain_convict_nobody(heights: list[int], seed: int) -> None:
    """However far each has come, and whatever of it each has signed."""
    nodes = [make_gossiper(prefix(TRUE, height)) for height in heights]
    random = Random(seed)
    for node in nodes:
        node.hear(*random.sample(rumours_at_large(), 8))
        node.chain.branch = prefix(TRUE, 7) if random.random() < 0.5 else node.chain.branch
    for node in nodes:
        node.exchange(random.choice(nodes))
    assert [one.convicted() for one in nodes] == [[]] * len(nodes)


@pytest.mark.parametrize(("first", "second"), [(3, 3), (3, 6), (6, 3)])
def test_key_that_signed_two_trees_is_named_within_one_exchange(first: int, second: int) -> None:
    one, other = make_gossiper(TRUE), make_gossiper(TRUE)
    one.hear(note(TRUE, "eu-1", "za-1", size=max(first, second)))
    other.hear(note(FALSE, "eu-1", size=min(first, second)))
    one.exchange(other)
    for node in (one, other):
        (found,) = node.convicted()
        assert (found.kind, found.culprits, found.guilt) == ("E10", ("eu-1",), Guilt.FAULT)


def test_who_goes_on_signing_gives_no_more_evidence() -> None:
    node = make_gossiper(TRUE)
    node.hear(note(FALSE, "eu-1", size=4))
    for time_s in range(20):
        node.hear(note(TRUE, "eu-1", time_s=time_s))
    assert len(node.convicted()) == 1


def test_larger_tree_that_is_false_is_shown_by_the_next_true_checkpoint() -> None:
    node = make_gossiper(TRUE)
    node.hear(note(TRUE, "eu-1", size=3), note(FALSE, "eu-1", size=5))
    assert node.convicted() == []
    node.hear(note(TRUE, "eu-1", size=6))
    assert [one.culprits for one in node.convicted()] == [("eu-1",)]


def test_what_was_beyond_the_own_tree_is_compared_when_that_has_grown() -> None:
    node = make_gossiper(prefix(TRUE, 3))
    node.hear(note(FALSE, "eu-1", size=4), note(TRUE, "eu-1", size=2))
    assert node.convicted() == []
    node.chain.branch = TRUE
    node.hear(note(TRUE, "eu-1", size=6))
    assert [one.kind for one in node.convicted()] == ["E10"]


def test_two_keys_of_one_node_and_two_nodes_are_not_one_key() -> None:
    node = make_gossiper(TRUE)
    tree = tree_of(leaves_of(FALSE)[:4])
    node.hear(note(TRUE, "bw-1", size=6), note(FALSE, "za-1", size=4))
    node.hear(Rumour(checkpoint=write_note(tree, sign_as_log(tree, "bw-1"))))
    assert node.convicted() == []


@pytest.mark.parametrize(("one_height", "other_height"), [(7, 7), (7, 5), (5, 7)])
def test_two_histories_are_found_within_one_exchange(one_height: int, other_height: int) -> None:
    one = make_gossiper(prefix(TRUE, one_height), "bw-1", "eu-1")
    other = make_gossiper(prefix(FALSE, other_height), "eu-1", "za-1")
    one.rumours.review()
    other.rumours.review()
    one.exchange(other)
    for node in (one, other):
        assert {found.kind for found in node.convicted()} == {"E8"}
        assert all("eu-1" in found.culprits for found in node.convicted())


def test_certificate_beyond_the_own_chain_is_compared_later() -> None:
    node = make_gossiper(prefix(TRUE, 3))
    node.hear(certificate(prefix(FALSE, 5)))
    assert node.convicted() == []
    node.chain.branch, node.chain.newest_commit = TRUE, TRUE.finalise("bw-1", "za-1")
    node.hear(note(TRUE, "eu-1"))
    assert {found.kind for found in node.convicted()} == {"E8"}


@pytest.mark.parametrize("name", ["good-e2-one-height", "good-e8-one-term", "good-e10-one-size"])
def test_evidence_reaches_all(name: str) -> None:
    nodes = [make_gossiper(ROOT) for _ in range(9)]
    nodes[0].hear(Rumour(evidence=encode_evidence(CASES[name])))
    spread(nodes, Random(3))
    assert all(len(one.convicted()) == 1 for one in nodes)


@pytest.mark.parametrize("name", ["e2-one-block", "good-e6-own-vote", "e10-one-tree"])
def test_what_convicts_nobody_is_not_told_on(name: str) -> None:
    node = make_gossiper(ROOT)
    rumour = Rumour(evidence=encode_evidence(CASES[name]))
    taken = node.hear(rumour)
    assert (taken.is_news, taken.evidence, len(taken.problems)) == (False, (), 1)
    assert node.has() == ()
    # And is not looked at again.
    assert node.hear(rumour).problems == ()


def said(statement: Acknowledgement | Vote) -> Rumour:
    return Rumour(statement=wrap_statement(statement))


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("E2", prefix(TRUE, 5).acknowledge("za-1"), prefix(FALSE, 4).acknowledge("za-1")),
        ("E2", prefix(FALSE, 5).acknowledge("za-1"), prefix(TRUE, 5).acknowledge("za-1")),
        ("E3", vote("bw-1"), vote("eu-1")),
        ("E4", TRUE.acknowledge("za-1"), vote("eu-1")),
        ("E9", TRUE.acknowledge("za-1", generation=2), vote("eu-1", TRUE)),
    ],
)
def test_what_a_voter_said_to_two_nodes_is_compared(
    kind: str, first: Acknowledgement | Vote, second: Acknowledgement | Vote
) -> None:
    for one, other in ((first, second), (second, first)):
        asking, asked = make_gossiper(TRUE), make_gossiper(TRUE)
        asking.hear(said(one))
        asked.hear(said(other))
        asking.exchange(asked)
        for node in (asking, asked):
            assert [(one.kind, one.culprits) for one in node.convicted()] == [(kind, ("za-1",))]


def test_two_elections_of_one_term_name_who_voted_in_both() -> None:
    node = make_gossiper(TRUE)
    for leader, voters in (("bw-1", ("bw-1", "za-1")), ("eu-1", ("eu-1", "za-1"))):
        opening = elect(leader, term=2, base=TRUE.end, voters=voters)
        assert node.hear(Rumour(opening=opening.encoded)).problems == ()
    assert [(one.kind, one.culprits) for one in node.convicted()] == [("E3", ("za-1",))]


def test_certificate_and_a_statement_convict_together() -> None:
    node = make_gossiper(TRUE)
    node.hear(said(prefix(FALSE, 7).acknowledge("eu-1")), certificate(TRUE))
    assert [(one.kind, one.culprits) for one in node.convicted()] == [("E2", ("eu-1",))]


@given(
    terms=st.lists(st.integers(1, 30), min_size=1, max_size=30),
    voters=st.lists(st.sampled_from(VOTERS), min_size=30, max_size=30),
)
def test_few_statements_of_each_voter_are_kept(terms: list[int], voters: list[str]) -> None:
    node = make_gossiper(TRUE)
    for term, voter in zip(terms, voters, strict=False):
        node.hear(said(vote("eu-1", term=term, voter=voter)))
    assert len(node.has()) == sum(
        min(4, len({term for term, who in zip(terms, voters, strict=False) if who == voter}))
        for voter in VOTERS
    )
    assert node.convicted() == []


BAD: Final[dict[str, Rumour | bytes]] = {
    "nothing": Rumour(),
    "two things": Rumour(checkpoint="x", evidence=b"x"),
    "no note": Rumour(checkpoint="x"),
    "a note that a stranger signed": note(TRUE, "xx-1"),
    "a note of another log": Rumour(
        checkpoint=write_note(
            tree_of(leaves_of(TRUE), origin="ledger.example/other"),
            cosign(tree_of(leaves_of(TRUE), origin="ledger.example/other"), "eu-1"),
        )
    ),
    "a certificate of too few": certificate(TRUE, "eu-1"),
    "a certificate with a changed head": Rumour(
        certificate=vary(TRUE.finalise("bw-1", "eu-1"), head=b"\x01" * 32)
    ),
    "a vote by another": said(vary(vote("eu-1"), voter="bw-1")),
    "two statements": Rumour(
        statement=AnyStatement(vote=vote("eu-1"), acknowledgement=TRUE.acknowledge("eu-1"))
    ),
    "an election by too few": Rumour(
        opening=elect("eu-1", term=2, base=TRUE.end, voters=("eu-1",)).encoded
    ),
    "no election": Rumour(opening=b"x"),
    "no evidence": Rumour(evidence=b"x"),
    "no rumour": b"\xc1",
    "much": b"\x00" * (MAX_RUMOUR_BYTES + 1),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_hold_is_not_kept_and_keeps_nothing_out(name: str) -> None:
    node = make_gossiper(TRUE)
    taken = node.hear(BAD[name], note(TRUE, "eu-1"))
    assert taken.is_news
    assert len(taken.problems) == 1
    assert len(node.has()) == 1


def test_noise_on_a_note_is_not_told_on() -> None:
    node = make_gossiper(TRUE)
    tree = tree_of(leaves_of(TRUE))
    good = cosign(tree, "eu-1")
    strange = [replace(good, name=f"noise-{at}") for at in range(90)]
    node.hear(Rumour(checkpoint=write_note(tree, *strange, good)))
    (told,) = node.rumours.message(()).rumours
    assert decode_rumour(told) == note(TRUE, "eu-1", time_s=1_800_000_000)


@given(seed=st.integers(0, 2**32 - 1))
def test_liars_fill_their_own_places_alone(seed: int) -> None:
    """Of each key two checkpoints are kept at most, whatever it signs."""
    random = Random(seed)
    node = make_gossiper(TRUE)
    for _ in range(15):
        branch, who = random.choice((TRUE, FALSE)), random.choice(VOTERS)
        node.hear(note(branch, who, size=random.randint(1, 6), time_s=random.randrange(9)))
    assert len(list(node.notes())) <= 2 * len(VOTERS)
    assert {name for one in node.convicted() for name in one.culprits} <= set(VOTERS)


def test_message_is_never_too_long() -> None:
    node = make_gossiper(TRUE)
    node.hear(*(Rumour(evidence=encode_evidence(one)) for one in CASES.values()))
    node.hear(*rumours_at_large())
    encoded = encode_gossip(node.rumours.message(()))
    assert len(encoded) <= MAX_GOSSIP_BYTES
    assert decode_gossip(encoded, make_genesis()) == node.rumours.message(())


def test_message_of_another_ledger_or_other_voters_is_refused() -> None:
    message = make_gossiper(TRUE).rumours.message()
    other = parse_genesis(format_genesis(vary(make_genesis_file(), origin="ledger.example/other")))
    with pytest.raises(LedgerError, match="another ledger"):
        decode_gossip(encode_gossip(message), other)
    voters = vary(message, config_hash=b"\x01" * 32)
    with pytest.raises(LedgerError, match="other voters"):
        decode_gossip(encode_gossip(voters), make_genesis())


@given(data=st.binary(max_size=200), at=st.integers(0, 400), bit=st.integers(0, 7))
def test_bytes_that_were_changed_are_refused_or_tell_nothing_false(
    data: bytes, at: int, bit: int
) -> None:
    node = make_gossiper(TRUE)
    encoded = bytearray(encode(certificate(TRUE)))
    encoded[at % len(encoded)] ^= 1 << bit
    taken = node.hear(bytes(encoded), data)
    assert not taken.is_news
    message = bytearray(encode_gossip(node.rumours.message()))
    message[at % len(message)] ^= 1 << bit
    try:
        changed = decode_gossip(bytes(message), make_genesis())
    except LedgerError:
        return
    assert isinstance(changed, GossipMessage)
