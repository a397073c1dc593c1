"""How fast a ledger is audited, compared with verifying nothing but its signatures.

The chain is synthetic, stored as a node stores it, and audited by the very code behind
``kpledger audit --copy``. Making it is not timed.
"""

import itertools
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import plyvel
from lab.year.live import LiveTrade
from lab.year.participants import NODE_KEYS, Participants
from lab.year.tables import load_tables
from rates import CORES, measure_verify_per_s

from kpclient.replay.copied_chain import CopiedChain
from kpclient.replay.verification import audit_chain
from kpledger.base.codec import encode
from kpledger.base.state import MemoryState
from kpledger.base.units import start_of_day_ms
from kpledger.books.database import open_books
from kpledger.books.writer import BooksWriter
from kpledger.log import layout
from kpledger.log.audit import AuditVerdict
from kpledger.log.block import BlockKind
from kpledger.log.certificates import CommitCertificate, LeaderCertificate, certify_commit
from kpledger.log.chain import BlockExecutor, ExecutedBlock, execute_noop, genesis_tip, seal_block
from kpledger.log.genesis import Genesis, GenesisNode, format_genesis, parse_genesis
from kpledger.log.layout import BLOCK_ENTRY, NOOP_ENTRY, StoredEntry, encode_stored_entry
from kpledger.log.merkle import TreeSize
from kpledger.log.statements import Electorate, LogEnd, StatementSigner
from kpledger.scheme.envelope import decode_envelope

DAY: Final = "2026-03-02"
NOW_MS: Final = start_of_day_ms(DAY) + 43_200_000
PARTICIPANTS: Final = Participants(load_tables(), 0)
VOTERS: Final = ("bw-1", "eu-1", "in-1", "za-1")
TERM_BLOCKS: Final = 100
"""Blocks of events in a term."""
IN_TRANSIT: Final = 100
"""How many certificates are issued before the first of them is confirmed."""
_RATE_S: Final = 2.0


def run(events: int, block_events: int, jobs: int, *, with_books: bool) -> dict[str, object]:
    """Build a chain, measure the raw rate, audit, and measure the raw rate again.

    With books, the audit also writes what the questions of people are answered from.
    """
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-") as scratch:
        directory = Path(scratch)
        genesis = found()
        log = begin_log(genesis, block_events)
        size = write_copy(directory, genesis, log, events)
        before = measure_verify_per_s(CORES, _RATE_S)
        books = open_books(str(directory / "books.sqlite"))
        writer = BooksWriter(books, genesis)

        def write(block: ExecutedBlock) -> None:
            writer.append(block.header, block.events)

        started, started_cpu = time.perf_counter(), time.process_time()
        report = audit_chain(
            genesis,
            CopiedChain(directory),
            jobs=jobs,
            observe=write if with_books else None,
        )
        seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
        books.close()
        after = measure_verify_per_s(CORES, _RATE_S)
    if report.verdict is not AuditVerdict.SOUND or report.tree_size != size:
        sys.exit(f"the audit of a sound chain says {report}")
    raw = (before + after) / 2
    return {
        "benchmark": "replay",
        "with_books": with_books,
        "events": size,
        "blocks": report.height,
        "seconds": round(seconds, 3),
        "events_per_s": round(size / seconds),
        "raw_verify_per_s": round(raw),
        "ratio": round(size / seconds / raw, 3),
        # Of the process that executes the rules; hardly depends on what else the machine does.
        "cpu_us_per_event": round(cpu / size * 1e6, 1),
        "processes": 1 + jobs,
        "cores": CORES,
        "python": platform.python_version(),
    }


def found() -> Genesis:
    """Make the genesis file of a ledger with four voters."""
    nodes = tuple(
        GenesisNode(
            name=name,
            participant=name[:2].upper(),
            **{
                f"{kind}_key": PARTICIPANTS.key(f"{name}/{kind}").public_key.hex()
                for kind in NODE_KEYS
            },
        )
        for name in VOTERS
    )
    file = msgspec.structs.replace(PARTICIPANTS.found().file, nodes=nodes, voters=VOTERS)
    return parse_genesis(format_genesis(file))


def make_envelopes(trade: LiveTrade, now_ms: int) -> Iterator[bytes]:
    """Open the offices, then trade without an end."""
    for event in trade.open_offices(now_ms):
        yield event.envelope
    in_transit: list[bytes] = []
    while True:
        issue, confirmation = trade.ship(now_ms)
        yield issue.envelope
        in_transit.append(confirmation.envelope)
        if len(in_transit) > IN_TRANSIT:
            yield in_transit.pop(0)


def cut_blocks(envelopes: Iterable[bytes], block_events: int) -> Iterator[list[bytes]]:
    """Give the events block by block."""
    waiting = iter(envelopes)
    while chosen := list(itertools.islice(waiting, block_events)):
        yield chosen


@dataclass(frozen=True, slots=True)
class LoggedBlock:
    """A block as a voter holds it when it is final."""

    stored: StoredEntry
    executed: ExecutedBlock
    final: CommitCertificate


def make_blocks(
    genesis: Genesis,
    voters: Sequence[StatementSigner],
    envelopes: Iterable[Sequence[bytes]],
    now_ms: int,
) -> Iterator[LoggedBlock]:
    """Seal the events of each block.

    The voters lead in turns, all of them vote for each leader and acknowledge each block, and a
    term has :data:`TERM_BLOCKS` blocks of events.
    """
    state = MemoryState()
    seed = genesis.seed_state(MemoryState())
    state.apply(seed)
    tip = genesis_tip(genesis, seed)

    def take(kind: int, payload: bytes, executed: ExecutedBlock) -> LoggedBlock:
        state.apply(executed.changes)
        end = executed.tip.end
        final = certify_commit(voter.acknowledge(end) for voter in voters)
        return LoggedBlock(StoredEntry(kind, end.term, payload), executed, final)

    for count, chosen in enumerate(envelopes):
        leader = voters[count // TERM_BLOCKS % len(voters)]
        if count % TERM_BLOCKS == 0:
            term = tip.term + 1
            votes = elect(leader.voter, voters, term, tip.end)
            opening = execute_noop(genesis, tip, state, term, votes)
            tip = opening.tip
            yield take(NOOP_ENTRY, votes, opening)
        executor = BlockExecutor(genesis, tip, state, now_ms)
        for envelope in chosen:
            refusal = executor.add(decode_envelope(envelope))
            if refusal is not None:
                sys.exit(f"the synthetic trade breaks a rule: {refusal}")
        execution = executor.finish(tip.term, leader.voter, BlockKind.BLOCK)
        tip = execution.tip
        yield take(BLOCK_ENTRY, seal_block(execution, leader.key), execution)


def elect(candidate: str, voters: Iterable[StatementSigner], term: int, end: LogEnd) -> bytes:
    """Give what opens a term: the votes of all for one whose log ends like theirs."""
    votes = (voter.vote(candidate, term=term, candidate_end=end, voter_end=end) for voter in voters)
    return LeaderCertificate(tuple(votes)).encoded


def begin_log(genesis: Genesis, block_events: int) -> Iterator[LoggedBlock]:
    """Make the log of a ledger of :func:`found`, without an end."""
    electorate = Electorate.of(genesis)
    voters = [
        StatementSigner(electorate, name, PARTICIPANTS.key(f"{name}/consensus"), 1)
        for name in genesis.file.voters
    ]
    envelopes = make_envelopes(LiveTrade(genesis.chain, {}), NOW_MS)
    return make_blocks(genesis, voters, cut_blocks(envelopes, block_events), NOW_MS)


def write_copy(
    directory: Path, genesis: Genesis, log: Iterator[LoggedBlock], events: int
) -> TreeSize:
    """Write what an auditor reads of a node's directory, up to so many events in the ledger."""
    database = plyvel.DB(
        str(directory / layout.DATABASE_DIRECTORY), create_if_missing=True, compression=None
    )
    database.put(layout.FORMAT_KEY, layout.STORE_FORMAT)
    database.put(layout.CHAIN_KEY, genesis.chain)
    size = TreeSize(0)
    while size < events:
        block = next(log)
        tip, size = block.executed.tip, block.executed.tip.tree.size
        database.put(layout.block_key(tip.height), encode_stored_entry(block.stored))
        database.put(layout.certificate_key(tip.term), encode(block.final))
    database.close()
    return size
