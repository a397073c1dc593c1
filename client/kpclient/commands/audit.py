"""``kpledger audit``: verify a whole ledger, of a running node or of a copied directory.

Verdicts are those of :mod:`kpledger.log.audit`; here they become lines for people, JSON for
programs, and exit codes: 0 sound, 1 violation, 2 cannot decide.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kpclient.errors import ClientError
from kpclient.output.console import print_json, print_line, print_trouble
from kpclient.replay.copied_chain import NotACopyError, StoredBlock, UnreadableBlock, open_copy
from kpclient.replay.served_chain import ChainUnavailableError, ServedChain
from kpclient.replay.verification import audit_chain
from kpledger.base.errors import LedgerError
from kpledger.base.units import format_time
from kpledger.log.audit import AuditReport, AuditVerdict
from kpledger.log.genesis import MAX_GENESIS_BYTES, Genesis, parse_genesis

EXIT_CODES: Final = {AuditVerdict.SOUND: 0, AuditVerdict.VIOLATION: 1, AuditVerdict.UNDECIDED: 2}
_UNDECIDED: Final = EXIT_CODES[AuditVerdict.UNDECIDED]


class _NothingToAuditError(ClientError):
    """There is no chain to look at, so there is no report either."""


def audit(
    genesis: Annotated[
        Path,
        typer.Option(
            "--genesis",
            metavar="FILE",
            envvar="KPLEDGER_GENESIS",
            help="The genesis file: all that is trusted.",
        ),
    ],
    node: Annotated[
        str | None, typer.Option("--node", metavar="URL", help="Audit a running node.")
    ] = None,
    copy: Annotated[
        Path | None,
        typer.Option("--copy", metavar="DIR", help="Audit a copy of a stopped node's directory."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=256,
            help="Processes that verify signatures; 0: none but this. [default: cores]",
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Verify every hash, signature, rule, root and digest of a ledger, from the genesis file alone.

    Exit code 0: sound; 1: a block violates the protocol or the rules; 2: cannot decide.

    Example: kpledger audit --genesis genesis.json --copy backup/bw-1
    """
    try:
        founded = _load_genesis(genesis)
        blocks, height = _open_chain(founded, node, copy)
    except _NothingToAuditError as error:
        if as_json:
            print_json({"verdict": AuditVerdict.UNDECIDED, "problem": str(error)})
        else:
            print_trouble(f"UNDECIDED: {error}")
        raise typer.Exit(_UNDECIDED) from None
    with _progress_bar(height) as advance:
        cores = len(os.sched_getaffinity(0))
        report = audit_chain(
            founded, blocks, jobs=cores if jobs is None else jobs, on_progress=advance
        )
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        for line in format_report(report):
            print_line(line)
    raise typer.Exit(EXIT_CODES[report.verdict])


def _load_genesis(file: Path) -> Genesis:
    try:
        with file.open("rb") as stream:
            return parse_genesis(stream.read(MAX_GENESIS_BYTES + 1))
    except OSError as error:
        raise _NothingToAuditError(f"the genesis file cannot be read: {error}") from None
    except LedgerError as error:
        raise _NothingToAuditError(str(error)) from None


def _open_chain(
    genesis: Genesis, node: str | None, copy: Path | None
) -> tuple[Iterable[StoredBlock | UnreadableBlock], int | None]:
    """Give the blocks, and how many there are if that is known."""
    try:
        match node, copy:
            case str(), None:
                served = ServedChain(node, genesis)
                return served, served.height
            case None, Path():
                return open_copy(copy), None
            case _:
                raise _NothingToAuditError("say either --node URL or --copy DIR")
    except (ChainUnavailableError, NotACopyError) as error:
        raise _NothingToAuditError(str(error)) from None


@contextmanager
def _progress_bar(height: int | None) -> Iterator[Callable[[int], None]]:
    """Show how far the audit is, on a terminal only."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("blocks", total=height)

        def advance(reached: int) -> None:
            progress.update(task, completed=reached)

        yield advance


def format_report(report: AuditReport) -> list[str]:
    """Write a report for people, line by line."""
    lines = [report.verdict.value + _what(report)]
    lines += [
        f"  chain         {report.chain}",
        f"  height        {report.height} ({format_time(report.block_time_ms)})",
        f"  head          {report.head}",
        f"  tree          {report.tree_size} events, root {report.tree_root}",
        f"  state digest  {report.state_digest}",
        f"  terms         {report.terms}",
        f"  signed blocks {report.signed_blocks}",
    ]
    lines += [f"  {count:>12}  {kind}" for kind, count in report.events_by_type.items()]
    return lines


def _what(report: AuditReport) -> str:
    if report.verdict is AuditVerdict.SOUND:
        return (
            f": {report.height} blocks with {report.tree_size} events follow from the genesis file"
        )
    if report.verdict is AuditVerdict.UNDECIDED:
        return f": {report.problem}; sound up to height {report.height}"
    return (
        f": block {report.first_bad_height} at {report.field}: {report.problem};"
        f" sound up to height {report.height}"
    )
