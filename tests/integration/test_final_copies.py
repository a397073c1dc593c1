"""The directories of a real network carry the proof of what is final in them."""

from pathlib import Path

import msgspec
import plyvel
import pytest
from integration.test_devnet import commit
from network import Network, running_network
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.log import layout
from kpledger.log.audit import AuditReport, AuditVerdict

pytestmark = pytest.mark.slow


def audit(network: Network, directory: Path) -> AuditReport:
    genesis = str(network.seen.genesis)
    words = ["audit", "--genesis", genesis, "--copy", str(directory), "--jobs", "0", "--json"]
    return msgspec.json.decode(CliRunner().invoke(app, words).stdout, type=AuditReport)


async def test_every_copy_shows_which_voters_made_what_final(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "4") as network:
        for at in range(4):
            committed = await commit(network, at=at)
    reports = [audit(network, node.directory) for node in network.seen.nodes]
    for report in reports:
        assert (report.verdict, report.problem) == (AuditVerdict.SOUND, None)
        assert (report.voteless_terms, sum(report.elected.values())) == (0, report.terms)
        assert len(report.final_by) >= 3
    # A certificate is written with what comes next, so that not every copy has the newest.
    assert max(report.final_up_to for report in reports) >= committed


async def test_a_copy_that_lost_its_end_does_not_pass_for_a_whole_one(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "1") as network:
        await commit(network)
        await commit(network)
    directory = network.seen.nodes[0].directory
    before = audit(network, directory)
    assert (before.verdict, before.final_up_to > 1) == (AuditVerdict.SOUND, True)
    with plyvel.DB(str(directory / layout.DATABASE_DIRECTORY)) as database:
        for height in range(before.final_up_to, before.height + 1):
            database.delete(layout.block_key(height))
    after = audit(network, directory)
    assert (after.verdict, after.height) == (AuditVerdict.UNDECIDED, before.final_up_to - 1)
    assert (after.problem or "").endswith(
        f"a majority signed that block {before.final_up_to} is final: more is missing"
    )
