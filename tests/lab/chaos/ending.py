"""The end of a run: everything healed, the network level, every directory audited and read."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from lab.chaos.checker import SOUND, FinalLedger, Kind, Violation
from lab.chaos.clients import Workload, now_ms
from lab.chaos.history import Outcome, Place
from lab.chaos.network import Network
from lab.chaos.voter import now_s
from lab.chaos.watch import Status, Watch

from kpclient.replay.copied_chain import CopiedChain, StoredBlock
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.layout import BLOCK_ENTRY, decode_stored_entry
from kpledger.scheme.envelope import decode_envelope
from kpnode.founding import GENESIS_NAME
from kpnode.patience import StandstillError, wait_until

STANDSTILL_S: Final = 30.0
"""So long may nothing move, with no fault left, before all nodes stand level and take events."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How the healed network came to rest."""

    seconds: float
    heights: dict[str, int]
    """The newest committed block of each node."""
    violations: list[Violation]


async def settle(network: Network, watch: Watch, workload: Workload) -> Settled:
    """Wait until the healed network is level, takes an event at each node, and is level again."""
    begun = now_s()
    try:
        for voter in network.voters.values():
            await voter.ensure_running()
        await _wait_level(network, watch)
        for name in network.names:
            event, _ = workload.trade.ship(now_ms())
            await wait_until(
                lambda outcome: outcome is Outcome.OK,
                partial(workload.submit, "settle", name, event),
                standstill_s=STANDSTILL_S,
                # If it takes no event, nothing at all moves in a network that is level.
                progress=lambda _: None,
            )
        height = await _wait_level(network, watch)
    except StandstillError as error:
        found = {name: await watch.ask(name) for name in network.names}
        states = "; ".join(f"{name}: {_describe(status)}" for name, status in found.items())
        problem = f"not level after everything healed, and {error}: {states}"
        return Settled(now_s() - begun, watch.heights(), [Violation(Kind.STUCK, problem)])
    return Settled(now_s() - begun, dict.fromkeys(network.names, height), [])


async def _wait_level(network: Network, watch: Watch) -> int:
    """Wait until all nodes have one head and follow one leader; gives the height.

    Raises:
        StandstillError: they do not, and no node catches up or works without an answer.
    """

    async def look() -> list[Status | None]:
        return await asyncio.gather(*(watch.ask(name) for name in network.names))

    def is_level(found: list[Status | None]) -> bool:
        heads = {None if status is None else (status.height, status.head) for status in found}
        return len(heads) == 1 and None not in heads and watch.agreed() is not None

    def see_progress(found: list[Status | None]) -> object:
        # Not heights: terms that are opened one after the other are no progress.
        seen = zip(network.voters.values(), found, strict=True)
        return [voter.work() if status is None else status.tree_size for voter, status in seen]

    found = await wait_until(is_level, look, standstill_s=STANDSTILL_S, progress=see_progress)
    return next(status.height for status in found if status is not None)


def _describe(status: Status | None) -> str:
    if status is None:
        return "no answer"
    failed = f", failed: {status.storage.failed}" if status.storage.failed else ""
    return f"{status.role} in term {status.term} at height {status.height}{failed}"


async def stop_all(network: Network) -> list[Violation]:
    """Stop every voter in order."""
    codes = await asyncio.gather(*(one.end(signal.SIGTERM) for one in network.voters.values()))
    return [
        Violation(Kind.DIED, f"{name} was told to stop and ended with {code}")
        for name, code in zip(network.names, codes, strict=True)
        if code != 0
    ]


async def read_ledgers(network: Network, heights: dict[str, int]) -> list[FinalLedger]:
    """Audit and read the directory of every stopped voter, up to what it had committed."""
    verdicts = await asyncio.gather(
        *(
            _audit(network.directory, voter.site.disk, home=network.directory / f"auditor-{name}")
            for name, voter in network.voters.items()
        )
    )
    return [
        FinalLedger(
            node=name,
            verdict=verdict,
            height=heights[name],
            events=await asyncio.to_thread(_read_events, voter.site.disk, heights[name]),
        )
        for (name, voter), verdict in zip(network.voters.items(), verdicts, strict=True)
    ]


async def _audit(directory: Path, copy: Path, *, home: Path) -> str:
    """Give the verdict of ``kpledger audit``; with its reason unless it is ``SOUND``.

    A home of its own: the ends of two voters may differ, where they were never final.
    """
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("kpledger"),
        *("audit", "--json", "--jobs", "0", "--home", home),
        *("--genesis", directory / GENESIS_NAME, "--copy", copy),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    text = output.decode(errors="replace").strip()
    if process.returncode == 0 and json.loads(text)["verdict"] == SOUND:
        return SOUND
    return f"exit code {process.returncode}: {text}"


def _read_events(directory: Path, height: int) -> tuple[tuple[str, Place], ...]:
    """Give the events of a node's directory and their places, up to a height."""
    events: list[tuple[str, Place]] = []
    for found in CopiedChain(directory):
        # What cannot be read is for the audit to say.
        if not isinstance(found, StoredBlock) or found.height > height:
            break
        entry = decode_stored_entry(found.stored)
        if entry.kind == BLOCK_ENTRY:
            block = decode_block(entry.payload)
            first = decode_block_header(block.header).first_event
            events += [
                (decode_envelope(encoded).event_id.hex(), Place(found.height, first + position))
                for position, encoded in enumerate(block.events)
            ]
    return tuple(events)
