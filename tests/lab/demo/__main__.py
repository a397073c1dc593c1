"""``scripts/demo``: the main job from end to end, on a network of real processes."""

import asyncio
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from lab.demo.demonstration import Demonstration, Findings
from lab.demo.network import Network, NetworkError
from lab.demo.report import findings_json, show_findings
from lab.year.tables import PUBLISHED, Tables, load_tables
from lab.year.year import TRADE_CERTIFICATES_MIN
from rich.console import Console

from kpledger.command import open_console


def demo(
    certificates: Annotated[
        int, typer.Option(min=TRADE_CERTIFICATES_MIN, help="How many; 60000 is a real year.")
    ] = 1000,
    port: Annotated[int, typer.Option(help="First of the ports that the nodes use.")] = 7600,
    seed: Annotated[int, typer.Option(help="Draws the synthetic trade.")] = 2022,
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the network running until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object last.")] = False,
) -> None:
    """Record a year of synthetic trade on four nodes, lose the leader on the way, audit the result.

    Exit code 0 only if everything held.

    Example: scripts/demo --certificates 5000 --json
    """
    console = open_console(sys.stderr if as_json else sys.stdout)
    tables = load_tables()
    with tempfile.TemporaryDirectory(prefix="kpledger-demo-") as workspace:
        try:
            findings = asyncio.run(
                _run(
                    Path(workspace),
                    tables,
                    console,
                    certificates=certificates,
                    port=port,
                    seed=seed,
                    keep=keep,
                )
            )
        except NetworkError as error:
            console.print(f"[red]{error}[/red]")
            raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(findings_json(findings)))
    raise typer.Exit(1 if findings.failures else 0)


async def _run(
    workspace: Path,
    tables: Tables,
    console: Console,
    *,
    certificates: int,
    port: int,
    seed: int,
    keep: bool,
) -> Findings:
    started = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {text}")

    say("founding a ledger and starting four nodes")
    network = await Network.start(
        workspace / "net", participants=PUBLISHED / "participants.csv", voters=4, port=port
    )
    try:
        demonstration = Demonstration(network, tables, certificates=certificates, seed=seed)
        findings = await demonstration.run(workspace, say, keep=keep)
        show_findings(console, findings)
        if keep:
            await _keep(network, console)
    finally:
        code = await network.stop()
    if code != 0:
        findings.failures.append(f"the network stopped with exit code {code}")
    return findings


async def _keep(network: Network, console: Console) -> None:
    """Print where the network is, and leave it running until Ctrl-C."""
    for node in network.announcement.nodes:
        console.print(f"{node.name}: {node.api}")
    console.print(f"genesis: {network.announcement.genesis}\nkeys: {network.announcement.keys}")
    console.print(f"open to everybody at {', '.join(network.announcement.open_to)}")
    console.print("Ctrl-C stops it")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(demo)
    app(prog_name="scripts/demo")
