"""Where nodes are: the newest that each says of itself is kept, told on, and tried first."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

import pytest
from branches import Branch
from founding import NODES, make_genesis, signing_key
from gossiping import Chain, Gossiper
from hypothesis import given, strategies as st

from kpledger.api.address_record import MAX_ADDRESS_NUMBER, AddressRecord
from kpledger.api.gossip import Rumour
from kpnode.addresses import Address, Place
from kpnode.config import PeersSection
from kpnode.gossip.addresses import AddressBook

GENESIS: Final = make_genesis()
CONFIGURED: Final = Address("bw-1.example:7700")


def sign(peers: str, number: int, node: str = "bw-1") -> AddressRecord:
    return AddressRecord.sign(GENESIS, node, peers, number, signing_key(f"{node}/cosigning"))


def open_book(
    directory: Path, *, pinned: bool = False, clock: Callable[[], float] = monotonic
) -> AddressBook:
    peers = PeersSection(listen=CONFIGURED, addresses={"bw-1": CONFIGURED}, pinned=pinned)
    return AddressBook(GENESIS, peers, directory / "addresses", clock=clock)


def tell(book: AddressBook, address: str) -> AddressRecord:
    """Have the node bw-1 tell an address; gives what it tells."""
    book.tell("bw-1", address, signing_key("bw-1/cosigning"))
    return book.records["bw-1"]


records: Final = st.builds(sign, st.sampled_from(["h:1", "h:2", "h:3"]), st.integers(1, 4))


@given(st.lists(records, min_size=1), st.randoms())
def test_newest_counts_in_whatever_order_they_come(
    told: list[AddressRecord], random: Random
) -> None:
    node, other = Gossiper(Chain(Branch())), Gossiper(Chain(Branch()))
    for record in told:
        node.hear(Rumour(address=record))
    random.shuffle(told)
    other.hear(*(Rumour(address=record) for record in told))
    assert node.book.records == other.book.records == {"bw-1": max(told, key=lambda one: one.rank)}
    assert node.has() == other.has()


def test_all_hear_where_all_are_by_way_of_others() -> None:
    nodes = [Gossiper(Chain(Branch())) for _ in NODES]
    for number, (name, node) in enumerate(zip(NODES, nodes, strict=True), start=1):
        node.book.tell(name, f"{name}.example:{number}", signing_key(f"{name}/cosigning"))
    for _ in range(2):
        for one, next_one in pairwise(nodes):
            one.exchange(next_one)
    nodes[-1].exchange(nodes[0])
    assert nodes[0].book.records == nodes[-1].book.records
    assert set(nodes[0].book.records) == set(NODES)


def test_what_is_forged_moves_nobody_and_is_not_told_on() -> None:
    node = Gossiper(Chain(Branch()))
    node.hear(Rumour(address=sign("h:1", 1)))
    before = node.has()
    forged = AddressRecord.sign(GENESIS, "bw-1", "h:2", 9, signing_key("eu-1/cosigning"))
    [problem] = node.hear(Rumour(address=forged)).problems
    assert "signature" in problem
    assert node.hear(Rumour(address=sign("h:0", 9))).problems
    assert node.has() == before
    assert str(node.book.places["bw-1"]) == "h:1"


def test_what_was_told_is_known_after_a_restart(tmp_path: Path) -> None:
    Gossiper(Chain(Branch()), tmp_path / "addresses").hear(Rumour(address=sign("moved:1", 7)))
    book = open_book(tmp_path)
    assert book.records == {"bw-1": sign("moved:1", 7)}
    assert str(book.places["bw-1"]) == f"moved:1 or {CONFIGURED}"
    assert not book.take(sign("older.example:1", 6))
    answer = book.answers()["bw-1"]
    assert (answer.configured, answer.told) == (CONFIGURED, "moved:1")
    assert answer.since_ms == 7
    assert str(open_book(tmp_path, pinned=True).places["bw-1"]) == CONFIGURED


@pytest.mark.parametrize("content", [b"", b"\x81", b"\x81\xa7records\x91\x01", bytes(2 << 20)])
def test_file_that_was_damaged_keeps_no_node_from_starting(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "addresses").write_bytes(content)
    book = open_book(tmp_path)
    assert book.records == {}
    assert book.take(sign("h:1", 1))
    book.save()
    assert open_book(tmp_path).records


def test_disk_that_is_full_keeps_nobody_from_hearing(tmp_path: Path) -> None:
    book = open_book(tmp_path / "missing")
    assert book.take(sign("h:1", 1))
    book.save()
    assert book.places["bw-1"].address == "h:1"


def test_node_that_moves_all_the_time_costs_others_few_writes(tmp_path: Path) -> None:
    now_s = 0.0
    book = open_book(tmp_path, clock=lambda: now_s)
    written = []
    for number in range(1, 21):
        book.take(sign("h:1", number))
        book.save()
        written.append(open_book(tmp_path).records["bw-1"].number)
        now_s += 1.0
    assert written == [1] * 5 + [6] * 5 + [11] * 5 + [16] * 5
    book.save()
    assert open_book(tmp_path).records == book.records


def test_number_rises_with_each_move_and_never_falls(tmp_path: Path) -> None:
    first = tell(open_book(tmp_path), "h:1")
    assert tell(open_book(tmp_path), "h:1") == first
    moved = tell(open_book(tmp_path), "h:2")
    assert moved.number > first.number
    ahead = open_book(tmp_path)
    ahead.take(sign("h:2", 1 << 60))  # by a clock that is right no longer
    assert tell(ahead, "h:3").number == (1 << 60) + 1


def test_node_whose_disk_was_lost_says_anew_what_others_heard_otherwise(tmp_path: Path) -> None:
    book = open_book(tmp_path)
    tell(book, "h:1")
    assert book.take(sign("elsewhere:1", 1 << 60))
    assert (book.records["bw-1"].peers, book.records["bw-1"].number) == ("h:1", (1 << 60) + 1)
    assert not book.take(sign("elsewhere:1", MAX_ADDRESS_NUMBER))


class RefusedError(Exception):
    """Nobody is there, or somebody else."""


def attempt(place: Place, *up: str) -> Address:
    """Try to reach somebody who is to be found at some addresses; gives what was tried."""
    tried = place.address
    assert tried is not None
    with suppress(RefusedError), place.tried() as url:
        if url.removeprefix("https://") not in up:
            raise RefusedError
    return tried


def test_addresses_are_tried_in_turns_and_the_one_that_works_stays() -> None:
    place = Place(CONFIGURED, Address("h:1"))
    assert [attempt(place) for _ in range(3)] == ["h:1", CONFIGURED, "h:1"]
    assert [attempt(place, CONFIGURED) for _ in range(2)] == [CONFIGURED] * 2
    place.told = Address("h:2")  # it has moved while it was reached
    assert attempt(place, CONFIGURED) == CONFIGURED
    assert [attempt(place, "h:2") for _ in range(3)] == [CONFIGURED, "h:2", "h:2"]


def test_of_many_attempts_at_once_one_makes_way_for_the_other_address() -> None:
    place = Place(CONFIGURED, Address("h:1"))
    with suppress(RefusedError), place.tried():
        assert attempt(place) == "h:1"
        raise RefusedError
    assert place.address == CONFIGURED


def test_who_has_said_nothing_is_not_tried() -> None:
    with pytest.raises(OSError, match="nobody has said where it is"), Place().tried():
        pass
