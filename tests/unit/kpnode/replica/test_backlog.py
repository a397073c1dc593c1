"""What was fetched and is not proven: linked, stored, taken up again; believed by a certificate."""

import functools
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from electing import elect, finalise, open_signed_trade, open_voted_term
from founding import MemoryLedger, make_genesis, open_trade, opening_events, signing_key
from hypothesis import given, settings, strategies as st

from kpledger.base.errors import LedgerError
from kpledger.base.state import MemoryState
from kpledger.log.block import decode_block, decode_block_header, encode_block
from kpledger.log.chain import genesis_tip
from kpledger.log.layout import StoredEntry, decode_stored_entry, encode_stored_entry
from kpledger.log.statements import verifies
from kpnode.raft import Entry, HardState
from kpnode.replica.backlog import Backlog, UncertifiedError
from kpnode.storage.leveldb import LevelStorage


@functools.cache
def chain() -> tuple[bytes, ...]:
    """Give the entries of two terms."""
    return tuple(two_terms().entries)


@functools.cache
def two_terms() -> MemoryLedger:
    ledger = open_signed_trade()
    open_voted_term(ledger, 3, "eu-1")
    ledger.record(opening_events("BW/francistown", first=False)[0], leader="eu-1")
    return ledger


def numbered(entries: tuple[bytes, ...], first: int = 1) -> list[tuple[int, bytes]]:
    return list(enumerate(entries, first))


@contextmanager
def opened(directory: Path, *, create: bool = False) -> Iterator[tuple[Backlog, LevelStorage]]:
    genesis = make_genesis()
    with closing(LevelStorage(directory, chain=genesis.chain, create=create)) as storage:
        tip = genesis_tip(genesis, genesis.seed_state(MemoryState()))
        yield Backlog(genesis, storage, tip, verifies), storage


def test_blocks_are_linked_and_proven_by_a_certificate_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger", create=True) as (backlog, storage):
        backlog.take(numbered(chain()))
        assert (backlog.height, backlog.proven) == (len(chain()), 0)
        assert storage.last_index() == len(chain())
        backlog.expect(finalise(two_terms().tip.end))
        assert backlog.proven == len(chain())
        assert [one.index for one in backlog.proofs] == [len(chain())]


def test_an_earlier_certificate_proves_what_is_below_it(tmp_path: Path) -> None:
    half = open_signed_trade()
    with opened(tmp_path / "ledger", create=True) as (backlog, _):
        backlog.expect(finalise(half.tip.end))
        backlog.take(numbered(chain()))
        assert (backlog.height, backlog.proven) == (len(chain()), half.tip.height)


def test_what_is_stored_is_taken_up_again_wherever_it_ended(tmp_path: Path) -> None:
    for count in range(len(chain()) + 1):
        directory = tmp_path / str(count)
        with opened(directory, create=True) as (backlog, _):
            backlog.take(numbered(chain()[:count]))
        with opened(directory) as (backlog, _):
            backlog.recall()
            assert backlog.height == count
            backlog.expect(finalise(two_terms().tip.end))
            backlog.take(numbered(chain()[count:], count + 1))
            assert backlog.proven == len(chain())


@settings(max_examples=60)
@given(
    at=st.integers(0, len(chain()) - 1),
    share=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_a_flipped_bit_is_found_where_it_comes_in(
    tmp_path_factory: pytest.TempPathFactory, at: int, share: float, bit: int
) -> None:
    entries = list(chain())
    changed = bytearray(entries[at])
    changed[int(share * len(changed))] ^= 1 << bit
    entries[at] = bytes(changed)
    with opened(tmp_path_factory.mktemp("flip") / "ledger", create=True) as (backlog, storage):
        with pytest.raises(LedgerError):
            backlog.take(numbered(tuple(entries)))
        assert (backlog.height, backlog.proven) == (at, 0)
        assert storage.last_index() == at
        backlog.expect(finalise(two_terms().tip.end))
        backlog.take(numbered(chain()[at:], at + 1))
        assert backlog.proven == len(chain())


def test_another_branch_of_a_leader_is_dropped_to_what_is_proven(tmp_path: Path) -> None:
    ledger, other = open_signed_trade(), open_signed_trade()
    other.record(opening_events("BW/francistown", first=False)[0])
    ledger.record(opening_events("BW/maun", first=False)[0])
    with opened(tmp_path / "ledger", create=True) as (backlog, storage):
        backlog.expect(finalise(open_signed_trade().tip.end))
        backlog.expect(finalise(ledger.tip.end))
        with pytest.raises(UncertifiedError, match="is not what the voters signed"):
            backlog.take(numbered(tuple(other.entries)))
        assert backlog.height == backlog.proven == storage.last_index() == ledger.tip.height - 1
        backlog.take(numbered(tuple(ledger.entries[-1:]), ledger.tip.height))
        assert backlog.proven == ledger.tip.height


def test_what_another_branch_left_on_the_disk_is_replaced(tmp_path: Path) -> None:
    ledger, other = open_signed_trade(), open_signed_trade()
    for office in ("BW/francistown", "BW/maun"):
        other.record(opening_events(office, first=False)[0])
    ledger.record(opening_events("BW/kasane", first=False)[0])
    with opened(tmp_path / "ledger", create=True) as (backlog, _):
        backlog.take(numbered(tuple(other.entries)))
        backlog.expect(finalise(ledger.tip.end))
        assert (backlog.height, backlog.proven) == (0, 0)
        backlog.take(numbered(tuple(ledger.entries)))
    with opened(tmp_path / "ledger") as (backlog, storage):
        backlog.recall()
        assert backlog.height == storage.last_index() == ledger.tip.height


def test_terms_may_begin_without_votes_until_one_began_with_them(tmp_path: Path) -> None:
    migrated = open_trade()
    open_voted_term(migrated, 2)
    with opened(tmp_path / "ledger", create=True) as (backlog, _):
        backlog.expect(finalise(migrated.tip.end))
        backlog.take(numbered(tuple(migrated.entries)))
        assert backlog.proven == migrated.tip.height
        voteless = encode_stored_entry(StoredEntry(kind=0, term=3, payload=b""))
        with pytest.raises(LedgerError, match="opening"):
            backlog.take([(migrated.tip.height + 1, voteless)])


def _of_another_leader(stored: bytes) -> bytes:
    entry = decode_stored_entry(stored)
    block = decode_block(entry.payload)
    header = decode_block_header(block.header)
    forged = encode_block(
        type(header)(
            **{**{f: getattr(header, f) for f in header.__struct_fields__}, "leader": "za-1"}
        ),
        block.events,
        signing_key("za-1/consensus"),
    )
    return encode_stored_entry(StoredEntry(kind=1, term=entry.term, payload=forged))


def _with_other_events(stored: bytes) -> bytes:
    entry = decode_stored_entry(stored)
    events = (opening_events("BW/maun", first=False)[1],)
    header = decode_block_header(decode_block(entry.payload).header)
    forged = encode_block(header, events, signing_key("bw-1/consensus"))
    return encode_stored_entry(StoredEntry(kind=1, term=entry.term, payload=forged))


@pytest.mark.parametrize(
    ("change", "problem"),
    [(_of_another_leader, "where bw-1 leads"), (_with_other_events, "other events")],
)
def test_a_signed_block_that_no_leader_makes_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes], problem: str
) -> None:
    first, second, *_ = chain()
    with opened(tmp_path / "ledger", create=True) as (backlog, _):
        with pytest.raises(LedgerError, match=problem):
            backlog.take([(1, first), (2, change(second))])
        assert backlog.height == 1


def test_a_term_that_nobody_was_elected_for_is_refused(tmp_path: Path) -> None:
    ledger = open_signed_trade()
    few = elect("eu-1", term=3, base=ledger.tip.end, voters=("eu-1",))
    with opened(tmp_path / "ledger", create=True) as (backlog, _):
        backlog.take(numbered(tuple(ledger.entries)))
        opening = encode_stored_entry(StoredEntry(kind=0, term=3, payload=few.encoded))
        with pytest.raises(LedgerError, match="1 of 3 voters signed"):
            backlog.take([(ledger.tip.height + 1, opening)])


def test_a_gap_is_refused(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "ledger", create=True) as (backlog, _),
        pytest.raises(LedgerError, match="it comes where block 1 is due"),
    ):
        backlog.take(numbered(chain()[1:], 2))


class Watched(LevelStorage):
    """Notes what is said to be proven while it is not stored yet."""

    backlog: Backlog | None = None
    seen: int = 0

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        if self.backlog is not None:
            self.seen = max(self.seen, self.backlog.proven)
        super().save(hard_state, entries)


def test_nothing_is_proven_before_it_is_stored(tmp_path: Path) -> None:
    genesis = make_genesis()
    storage = Watched(tmp_path / "ledger", chain=genesis.chain, create=True)
    with closing(storage):
        tip = genesis_tip(genesis, genesis.seed_state(MemoryState()))
        backlog = storage.backlog = Backlog(genesis, storage, tip, verifies)
        backlog.expect(finalise(two_terms().tip.end))
        backlog.take(numbered(chain()))
        assert (storage.seen, backlog.proven) == (0, len(chain()))
