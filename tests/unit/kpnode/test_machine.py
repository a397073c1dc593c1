"""The machine: what it lets into the log, and how it follows the log when that changes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import plyvel
import pytest
from electing import elect
from founding import (
    NOW_MS,
    make_certificate,
    make_event,
    make_genesis,
    number_of,
    opening_events,
    signing_key,
)
from voices import open_term

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.base.state import read_record
from kpledger.log.block import BlockKind, decode_block, encode_block
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import (
    APPLIED_KEY,
    STATE_PREFIX,
    block_key,
)
from kpledger.log.statements import LogEnd
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.life import NoteFiled
from kpledger.scheme.v1.records import CertificateRecord, EventRecord
from kpnode.ledger import Ledger
from kpnode.machine import Machine, MistimedBlockError
from kpnode.raft import (
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Index,
    InvariantError,
    NodeId,
    Term,
)
from kpnode.raft.membership import encode_configuration
from kpnode.storage.leveldb import LevelStorage

SKEW_MS = 1000
MANY_BLOCKS = 1_100
HOUR_MS = 3_600_000
BEGINNING = LogEnd(term=0, index=0, head=make_genesis().chain)


class World:
    """A machine of one node on real storage."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.storage = LevelStorage(directory, chain=make_genesis().chain, create=True)
        self.machine = self.start()

    def start(self) -> Machine:
        genesis = make_genesis()
        ledger = Ledger(genesis, self.storage)
        key = signing_key(f"{self.name}/consensus")
        machine = Machine(genesis, self.name, key, ledger, skew_ms=SKEW_MS)
        machine.recover(self.storage)
        return machine

    def take(self, *entries: Entry) -> None:
        """Save and stage entries, as the pump does."""
        self.storage.save(HardState(entries[-1].term, None), entries)
        self.machine.stage(entries)

    def seal(self, term: int, *events: bytes, now_ms: int = NOW_MS) -> Entry:
        builder = self.machine.open_block(now_ms)
        for event in events:
            assert builder.add(decode_envelope(event)) is None
        payload = self.machine.seal(builder, Term(term))
        return Entry(Index(self.machine.top.height + 1), Term(term), EntryKind.BLOCK, payload)


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "leader", "bw-1")
    yield world
    world.storage.close()


@pytest.fixture
def voter(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "voter", "eu-1")
    yield world
    world.storage.close()


class PowerLossError(Exception):
    """The power went away."""


class Interrupted:
    """Derived records on a storage; the power goes after so many writes."""

    def __init__(self, storage: LevelStorage, writes: int) -> None:
        self.get, self.scan = storage.get, storage.scan
        self.browse, self.newest = storage.browse, storage.newest
        self._storage = storage
        self.writes = writes

    def apply(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        if not self.writes:
            raise PowerLossError
        self.writes -= 1
        self._storage.apply(puts, deletes)


def noop(term: int, base: LogEnd = BEGINNING) -> Entry:
    """Open a term that bw-1 leads, with the votes of a majority."""
    return open_term(elect("bw-1", term=term, base=base))


def append(previous: Entry | None, *entries: Entry) -> AppendRequest:
    index, term = (previous.index, previous.term) if previous else (Index(0), Term(0))
    return AppendRequest(entries[-1].term, index, term, entries, Index(0))


def issue(serial: int) -> bytes:
    certificate = make_certificate(number_of("BW", serial))
    return make_event("BW/gaborone", CertificateIssued(certificate=certificate))


def note(hour: int) -> bytes:
    """File a note so many hours later: sooner, they would be more than the quota."""
    body = NoteFiled(text="One of many.", references=(), document=None)
    at = NOW_MS + hour * HOUR_MS
    return make_event("BW/root", body, subject="BW", nonce=hour, occurred_at=at)


def is_recorded(machine: Machine, event: bytes) -> bool:
    key = EventRecord.key_for(decode_envelope(event).event_id)
    return machine.top_state.get(key) is not None


def open_both(leader: World, voter: World) -> Entry:
    """Let both hold and commit a NOOP and the block that opens BW/gaborone; give that block."""
    leader.take(noop(1))
    opening = leader.seal(1, *opening_events("BW/gaborone"))
    leader.take(opening)
    voter.machine.check_append(append(None, noop(1), opening), NOW_MS)
    voter.take(noop(1), opening)
    for world in (leader, voter):
        world.machine.apply(noop(1))
        world.machine.apply(opening)
    return opening


def test_no_number_of_uncommitted_blocks_is_too_many(leader: World, voter: World) -> None:
    previous = open_both(leader, voter)
    blocks = []
    # More than Python lets functions call each other.
    for serial in range(1, MANY_BLOCKS + 1):
        now_ms = NOW_MS + serial * HOUR_MS
        blocks.append(leader.seal(1, note(serial), now_ms=now_ms))
        leader.take(blocks[-1])
    # Several appends that come before anything of them is saved.
    for first in range(0, MANY_BLOCKS, 256):
        part = blocks[first : first + 256]
        voter.machine.check_append(append(previous, *part), now_ms)
        previous = part[-1]
    voter.take(*blocks)
    assert voter.machine.top == leader.machine.top
    # Nor where a node finds them in its log when it starts.
    assert voter.start().top == leader.machine.top
    # A rival in the middle of them follows the block before it, and nothing else.
    middle = MANY_BLOCKS // 2
    head = leader.machine.head_at(blocks[middle - 1].index) or b""
    rival = noop(2, LogEnd(term=1, index=blocks[middle - 1].index, head=head))
    leader.machine.check_append(append(blocks[middle - 1], rival), now_ms)
    leader.take(rival)
    for entry in (*blocks[:middle], rival):
        leader.machine.apply(entry)
    assert leader.machine.ledger.tip == leader.machine.top
    assert is_recorded(leader.machine, note(middle))
    assert not is_recorded(leader.machine, note(middle + 1))


def test_leader_and_voter_come_to_the_same_tip(leader: World, voter: World) -> None:
    opening = open_both(leader, voter)
    block = leader.seal(1, issue(1), issue(2))
    leader.take(block)
    voter.machine.check_append(append(opening, block), NOW_MS)
    voter.take(block)
    assert voter.machine.top == leader.machine.top
    assert voter.machine.top.tree.size == 5
    assert voter.machine.ledger.tip.tree.size == 3


def test_speculative_state_holds_what_is_not_committed(leader: World, voter: World) -> None:
    open_both(leader, voter)
    leader.take(leader.seal(1, issue(1)))
    refused = leader.machine.open_block(NOW_MS).add(decode_envelope(issue(1)))
    assert refused is not None
    assert refused.field == "nonce"
    key = CertificateRecord.key_for(number_of("BW", 1))
    assert read_record(leader.machine.top_state, key, CertificateRecord) is not None
    assert read_record(leader.machine.ledger.state, key, CertificateRecord) is None


def test_truncation_takes_back_what_a_block_changed(leader: World, voter: World) -> None:
    opening = open_both(leader, voter)
    before = voter.machine.top
    block = leader.seal(1, issue(1))
    voter.machine.check_append(append(opening, block), NOW_MS)
    voter.take(block)
    assert voter.machine.top != before
    voter.take(noop(2, before.end))
    assert voter.machine.top.tree == before.tree
    assert voter.machine.top.digest == before.digest
    key = CertificateRecord.key_for(number_of("BW", 1))
    assert read_record(voter.machine.top_state, key, CertificateRecord) is None


def test_block_with_an_event_that_a_rule_refuses_is_not_let_in(leader: World, voter: World) -> None:
    opening = open_both(leader, voter)
    twice = [
        issue(1),
        make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()), nonce=1),
    ]
    builder = leader.machine.open_block(NOW_MS)
    builder.add(decode_envelope(twice[0]))
    execution = builder.finish(1, "bw-1", BlockKind.BLOCK)
    payload = encode_block(execution.header, tuple(twice), signing_key("bw-1/consensus"))
    forged = Entry(Index(3), Term(1), EntryKind.BLOCK, payload)
    with pytest.raises(InvalidBlockError) as caught:
        voter.machine.check_append(append(opening, forged), NOW_MS)
    assert caught.value.height == 3
    assert caught.value.field == "events[1]"
    assert caught.value.refusal is not None
    assert caught.value.refusal.rule.code == "E3"


def test_block_signed_by_another_key_is_not_let_in(leader: World, voter: World) -> None:
    opening = open_both(leader, voter)
    block = leader.seal(1, issue(1))
    sealed = decode_block(block.payload)
    forged = encode(type(sealed)(header=sealed.header, signature=bytes(64), events=sealed.events))
    with pytest.raises(LedgerError, match="signature on block 3 by bw-1"):
        voter.machine.check_append(
            append(opening, Entry(block.index, block.term, block.kind, forged)), NOW_MS
        )


def test_block_from_the_future_is_not_let_in(leader: World, voter: World) -> None:
    opening = open_both(leader, voter)
    block = leader.seal(1, issue(1), now_ms=NOW_MS + SKEW_MS + 1)
    with pytest.raises(MistimedBlockError, match=r"time_ms.*is after"):
        voter.machine.check_append(append(opening, block), NOW_MS)
    voter.machine.check_append(append(opening, block), NOW_MS + 1)


def test_block_of_another_term_than_its_entry_is_not_let_in(leader: World, voter: World) -> None:
    opening = open_both(leader, voter)
    block = leader.seal(1, issue(1))
    claimed = Entry(block.index, Term(2), block.kind, block.payload)
    with pytest.raises(InvalidBlockError, match="the header is of term 1, the entry of 2"):
        voter.machine.check_append(append(opening, claimed), NOW_MS)


def test_block_of_another_than_the_elected_leader_is_not_let_in(
    leader: World, voter: World
) -> None:
    opening = open_both(leader, voter)
    usurped = voter.seal(1, issue(1))
    with pytest.raises(InvalidBlockError, match="eu-1 in term 1, where bw-1 was elected"):
        leader.machine.check_append(append(opening, usurped), NOW_MS)


def test_term_that_no_votes_open_is_not_let_in(voter: World) -> None:
    opening = Entry(Index(1), Term(1), EntryKind.NOOP, b"")
    with pytest.raises(InvalidBlockError, match="no votes open the term"):
        voter.machine.check_append(append(None, opening), NOW_MS)


def test_term_that_an_earlier_version_opened_needs_no_votes(voter: World) -> None:
    genesis, key = make_genesis(), signing_key("eu-1/consensus")
    ledger = Ledger(genesis, voter.storage)
    voter.machine = Machine(genesis, "eu-1", key, ledger, skew_ms=SKEW_MS, voteless_up_to=1)
    earlier = Entry(Index(1), Term(1), EntryKind.NOOP, b"")
    later = Entry(Index(2), Term(2), EntryKind.NOOP, b"")
    with pytest.raises(InvalidBlockError, match="no votes open the term"):
        voter.machine.check_append(append(None, earlier, later), NOW_MS)
    voter.take(earlier)
    voted = noop(2, voter.machine.top.end)
    voter.machine.check_append(append(earlier, voted), NOW_MS)
    voter.take(voted)
    assert (voter.machine.top.height, voter.machine.top.leader) == (2, "bw-1")


def test_block_that_follows_another_of_the_same_place_is_left_to_the_core(
    leader: World, voter: World
) -> None:
    """A leader has made two blocks in one place: what follows one does not follow the other."""
    opening = open_both(leader, voter)
    shown = leader.seal(1, issue(1))
    leader.machine.drop_candidates()
    voter.machine.check_append(append(opening, shown), NOW_MS)
    voter.take(shown)
    other = leader.seal(1, issue(2))
    leader.take(other)
    later = leader.seal(1, issue(3))
    assert voter.machine.is_branched(other)
    assert not voter.machine.is_branched(shown)
    request, blocks = voter.machine.check_append(append(other, later), NOW_MS)
    assert (request.prev_term, request.entries, blocks) == (0, (), [])
    request, blocks = voter.machine.check_append(append(opening, shown), NOW_MS)
    assert (request.prev_index, request.entries, blocks) == (3, (), [])
    request, blocks = voter.machine.check_append(append(opening, other), NOW_MS)
    assert (request.entries, len(blocks)) == ((other,), 1)


def test_change_of_voters_is_not_let_in(voter: World) -> None:
    payload = encode_configuration(Configuration(voters=(NodeId("bw-1"),)))
    request = append(None, Entry(Index(1), Term(1), EntryKind.CONFIG, payload))
    with pytest.raises(InvalidBlockError, match="kind"):
        voter.machine.check_append(request, NOW_MS)


def test_other_bytes_for_a_checked_block_are_executed_anew(leader: World, voter: World) -> None:
    """A lying leader shows one block to the check and another to the log."""
    opening = open_both(leader, voter)
    shown = leader.seal(1, issue(1))
    leader.machine.drop_candidates()
    logged = leader.seal(1, issue(2))
    voter.machine.check_append(append(opening, shown), NOW_MS)
    voter.take(logged)
    leader.take(logged)
    assert voter.machine.top == leader.machine.top


def test_append_that_does_not_extend_the_log_is_left_to_the_core(
    leader: World, voter: World
) -> None:
    opening = open_both(leader, voter)
    block = leader.seal(1, issue(1))
    leader.take(block)
    later = leader.seal(1, issue(2))
    voter.machine.check_append(append(block, later), NOW_MS)
    assert voter.machine.top.height == opening.index


def test_restart_finds_the_same_tip(leader: World, voter: World) -> None:
    open_both(leader, voter)
    block = leader.seal(1, issue(1))
    leader.take(block)
    top, tip = leader.machine.top, leader.machine.ledger.tip
    again = leader.start()
    assert (again.top, again.ledger.tip) == (top, tip)
    again.apply(block)
    assert again.ledger.tip == top
    stored = again.ledger.event(decode_envelope(issue(1)).event_id)
    assert stored is not None
    assert stored.encoded == issue(1)


def test_restart_refuses_a_tail_that_was_changed(leader: World, voter: World) -> None:
    opening = open_both(leader, voter)
    sealed = decode_block(opening.payload)
    forged = encode(type(sealed)(header=sealed.header, signature=bytes(64), events=sealed.events))
    leader.storage.save(None, (Entry(opening.index, opening.term, opening.kind, forged),))
    with pytest.raises(LedgerError, match="signature on block 2"):
        leader.start()


def test_commit_out_of_order_stops_the_node(leader: World) -> None:
    with pytest.raises(InvariantError, match="committed before it was staged"):
        leader.machine.apply(noop(1))


def lose_end(world: World, last: int) -> None:
    """Take the log's entries after one away, behind the node's back."""
    directory, top = world.storage.directory, world.storage.last_index()
    world.storage.close()
    with plyvel.DB(str(directory)) as database:
        for height in range(last + 1, top + 1):
            database.delete(block_key(height))
    world.storage = LevelStorage(directory, chain=make_genesis().chain, create=False)


def derived_records(world: World) -> list[tuple[bytes, bytes]]:
    return [
        record
        for prefix in (STATE_PREFIX, APPLIED_KEY)
        for record in world.storage.scan(prefix, limit=1 << 20)
    ]


def commit_more(world: World) -> list[list[tuple[bytes, bytes]]]:
    """Commit a NOOP, an opening and three certificates; gives what is derived after each."""
    seen = [derived_records(world)]
    for events in ((), opening_events("BW/gaborone"), *((issue(serial),) for serial in (1, 2, 3))):
        entry = world.seal(1, *events) if events else noop(1)
        world.take(entry)
        world.machine.apply(entry)
        seen.append(derived_records(world))
    return seen


@pytest.mark.parametrize("last", [0, 1, 2, 4])
def test_ledger_beyond_the_end_of_the_log_is_derived_anew(leader: World, last: int) -> None:
    seen = commit_more(leader)
    lose_end(leader, last)
    machine = leader.start()
    assert (machine.ledger.tip.height, machine.top.height) == (last, last)
    assert derived_records(leader) == seen[last]
    leader.machine = machine
    leader.take(leader.seal(1, issue(9)) if last > 1 else noop(2, machine.top.end))


def test_power_loss_while_the_ledger_is_derived_anew_does_no_harm(
    leader: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpnode.ledger._FORGOTTEN_AT_ONCE", 3)
    seen = commit_more(leader)
    lose_end(leader, 4)
    interruptions = 0
    for writes in range(1, 100):
        store = Interrupted(leader.storage, writes)
        ledger = Ledger(make_genesis(), store)
        key = signing_key("bw-1/consensus")
        machine = Machine(make_genesis(), "bw-1", key, ledger, skew_ms=SKEW_MS)
        try:
            machine.recover(leader.storage)
        except PowerLossError:
            interruptions += 1
            continue
        break
    # Whatever was done when the power went is done again or is right as it is.
    assert interruptions > 3
    for height in range(machine.ledger.tip.height + 1, 5):
        [entry] = leader.storage.entries(Index(height), Index(height), 1)
        machine.apply(entry)
    assert derived_records(leader) == seen[4]
