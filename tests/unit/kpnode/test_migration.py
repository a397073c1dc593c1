"""A network of the earlier version: its nodes refuse to start, are migrated, and go on."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from earlier_ledger import TERM, earlier_records, read_records, write_records
from founding import MemoryLedger
from neighbours import NAMES, Neighbours, neighbours, wait_until
from network import sign_note
from typer.testing import CliRunner

from kpclient.replay.copied_chain import CopiedChain
from kpclient.replay.verification import audit_chain
from kpledger.log.audit import AuditVerdict
from kpledger.log.block import BlockKind
from kpledger.log.chain import BlockExecutor, seal_block
from kpledger.scheme.envelope import decode_envelope
from kpnode.founding import CONFIG_NAME, KEYS_NAME
from kpnode.keyring import load_keys
from kpnode.main import app
from kpnode.runtime import Committed
from kpnode.storage.errors import StorageError

HEIGHT = 6


def seal_earlier_blocks(network: Neighbours) -> list[bytes]:
    """Give a log of three terms whose openings show no votes, and whose leaders were others."""
    ledger = MemoryLedger(network.genesis)
    stored = []
    for height in range(1, HEIGHT + 1):
        if height % 2:
            ledger.open_term(TERM - HEIGHT + height)
            stored.append(b"\x01\x00" + ledger.tip.term.to_bytes(8))
            continue
        leader = NAMES[height % len(NAMES)]
        key = load_keys(network.configs[leader], network.genesis).consensus
        executor = BlockExecutor(network.genesis, ledger.tip, ledger.state, time.time_ns() // 10**6)
        note = sign_note(network.directory / KEYS_NAME, network.genesis.chain)
        assert executor.add(decode_envelope(note)) is None
        block = seal_block(executor.finish(ledger.tip.term, leader, BlockKind.BLOCK), key)
        ledger._apply(ledger.verify(block), block)
        stored.append(b"\x01\x01" + ledger.tip.term.to_bytes(8) + block)
    return stored


def write_earlier(network: Neighbours, name: str, stored: Sequence[bytes]) -> None:
    """Put a ledger of the earlier version in the place of a node's own."""
    directory = network.configs[name].node.database
    shutil.rmtree(directory)
    records = dict(earlier_records(network.genesis.chain, 0))
    # It has applied nothing yet: how far it has come is derived from the log.
    del records[b"m/applied"], records[b"sfile"]
    for height, entry in enumerate(stored, 1):
        records[b"b" + height.to_bytes(8)] = entry
    write_records(directory, records)


def migrate(network: Neighbours, name: str, *options: str) -> str:
    config = network.directory / name / CONFIG_NAME
    result = CliRunner().invoke(app, ["migrate", "--config", str(config), *options])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def audit(network: Neighbours, name: str) -> tuple[AuditVerdict, int]:
    """Audit the directory of a node, in whatever version it is."""
    chain = CopiedChain(network.directory / name)
    report = audit_chain(network.genesis, chain, jobs=0)
    return report.verdict, report.height


async def test_network_of_the_earlier_version_is_migrated_and_goes_on(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        for name in NAMES:
            await network.stop(name)
        stored = seal_earlier_blocks(network)
        ends = dict(zip(NAMES, (HEIGHT, HEIGHT, HEIGHT - 2), strict=True))
        for name, end in ends.items():
            write_earlier(network, name, stored[:end])
            with pytest.raises(StorageError, match="kpnode migrate"):
                await network.start(name)
        assert audit(network, NAMES[0]) == (AuditVerdict.SOUND, HEIGHT)

        for name, end in ends.items():
            told = migrate(network, name)
            assert f"is one of this version now. Its last block is {end}." in told
            assert f"Up to block {end}, blocks that open a term may show no votes." in told
        told = migrate(network, NAMES[2], "--until", str(HEIGHT))
        assert f"was one of this version already. Its last block is {HEIGHT - 2}." in told
        assert f"Up to block {HEIGHT}, blocks" in told
        assert "Warning" not in told
        slip = migrate(network, NAMES[2], "--until", str(HEIGHT * 100))
        assert f"Warning: it is {HEIGHT * 99 + 2} blocks above the last one here" in slip
        assert migrate(network, NAMES[2]) == slip
        assert migrate(network, NAMES[2], "--until", str(HEIGHT)) == told

        # One that lags behind and one other are enough.
        for name in NAMES[1:]:
            await network.start(name)
        assert await network.leader() == NAMES[1]
        await network.start(NAMES[0])
        (outcome,) = await network.node(await network.leader()).submit([network.note()], 10)
        assert isinstance(outcome, Committed)
        assert outcome.height > HEIGHT
        await wait_until(
            lambda: all(network.node(name).ledger.tip.height >= outcome.height for name in NAMES)
        )
        for name in NAMES:
            await network.stop(name)
        # Before LevelDB is opened again: it leaves an empty table if it is closed at once.
        verdict, height = audit(network, NAMES[2])
        assert verdict is AuditVerdict.SOUND
        assert height >= outcome.height
        for name in NAMES:
            records = read_records(network.configs[name].node.database)
            assert records[b"h"][1:9] > TERM.to_bytes(8)
            assert records[b"m/signed"] == HEIGHT.to_bytes(8)
