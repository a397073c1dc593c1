"""Engines of the nodes that :mod:`founding` names, on real storage."""

from collections.abc import Callable

from electing import signer_of

from kpnode.docket import Docket
from kpnode.engine import Engine
from kpnode.headers import OwnHeaders
from kpnode.machine import Machine
from kpnode.notary import Notary
from kpnode.raft import RaftCore
from kpnode.storage.leveldb import LevelStorage


def make_engine(
    core: RaftCore,
    machine: Machine,
    storage: LevelStorage,
    *,
    now_ms: Callable[[], int],
    election_ticks: int,
    max_block_events: int = 100,
    max_block_bytes: int = 1 << 20,
) -> Engine:
    """Make the engine of a core whose blocks a machine stages."""
    genesis, check = machine.ledger.genesis, machine.signatures
    signer = signer_of(core.node, genesis=genesis, generation=storage.generation)
    notary = Notary(
        core,
        signer,
        OwnHeaders(machine, storage),
        storage,
        election_ticks=election_ticks,
        check=check.check_statement,
    )
    return Engine(
        core,
        storage,
        machine,
        notary,
        Docket(signer.electorate, storage, check.check_statement),
        now_ms=now_ms,
        election_ticks=election_ticks,
        max_block_events=max_block_events,
        max_block_bytes=max_block_bytes,
    )
