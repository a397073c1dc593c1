"""``kpledger audit`` and ``books``: a whole ledger, of a running node or a copy, verified here.

Verdicts are those of :mod:`kpledger.log.audit`; here they become lines for people, JSON for
programs, and exit codes: 0 sound, 1 violation, 2 cannot decide.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import typer

from kpclient.commands.declared import command
from kpclient.commands.heads import end_with_comparison, read_nodes
from kpclient.errors import ClientError, UsageError
from kpclient.files import check_destination, write_public
from kpclient.input.options import ConnectionOptions, OfflineOptions
from kpclient.output.console import print_fields, print_json, print_line, print_trouble
from kpclient.output.report import AuditFindings, format_page, tell_evidence
from kpclient.output.tables import write_csv_files, write_parquet_files
from kpclient.replay.children import describe_trouble
from kpclient.session import Session
from kpledger.base.errors import LedgerError
from kpledger.base.units import format_time
from kpledger.books.database import open_books
from kpledger.command import EXIT_DONE, EXIT_REFUSED, EXIT_UNDECIDED
from kpledger.log.audit import AuditReport, AuditVerdict
from kpledger.log.statements import Electorate

EXIT_CODES: Final = {
    AuditVerdict.SOUND: EXIT_DONE,
    AuditVerdict.VIOLATION: EXIT_REFUSED,
    AuditVerdict.UNDECIDED: EXIT_UNDECIDED,
}


@command("audit")
def audit(
    *,
    connection: ConnectionOptions,
    copy: list[Path] | None = None,
    heads: list[str] | None = None,
    out: Path | None = None,
    jobs: int | None = None,
    report: Path | None = None,
    since: Path | None = None,
    anew: bool = False,
) -> None:
    """Verify a whole ledger, trusting nothing but the genesis file.

    Every hash, signature, rule, root and digest is computed again. The next audit goes on from
    there, if the chain still holds all that was verified. With --heads, or several copies:
    histories are compared, as by kpledger compare.

    Exit code 0: sound, or one history; 1: a block violates the protocol or the rules, or the ledger
    has forked; 2: cannot decide.
    """
    copies = copy or []
    is_compared = bool(heads) or len(copies) > 1
    if report is not None:
        if is_compared:
            problem = "a report is of the audit of one ledger"
            raise UsageError("--report", problem, "--node URL or --copy DIR, and no other")
        check_destination("--report", report, form="html")
    if is_compared:
        nodes = read_nodes(heads or [], "heads")
        end_with_comparison(Session(connection), nodes, copies, out, as_json=connection.as_json)
    if out is not None:
        raise UsageError("--out", "evidence is found between histories", "--heads URL as well")
    session = Session(connection, offline=OfflineOptions(copy=next(iter(copies), None)))
    findings = _audit(session, jobs, since, anew=anew, as_json=connection.as_json)
    if report is not None:
        write_public(report, format_page(findings).encode())
    if connection.as_json:
        print_json(findings.describe())
    else:
        for line in _format_findings(findings):
            print_line(line)
    if findings.fork:
        print_trouble(findings.fork)
        raise typer.Exit(EXIT_REFUSED)
    raise typer.Exit(EXIT_CODES[findings.report.verdict])


def _audit(
    session: Session, jobs: int | None, since: Path | None, *, anew: bool, as_json: bool
) -> AuditFindings:
    """Audit what there is, or end with why nothing can be read.

    Raises:
        UsageError: nothing was looked at.
        Exit: nothing could be read; that is said.
    """
    try:
        return _judge_evidence(session, session.audit(jobs, since=since, anew=anew))
    except UsageError:
        raise
    except (ClientError, LedgerError, OSError, MemoryError) as error:
        why = describe_trouble(error)
    if as_json:
        print_json({"verdict": AuditVerdict.UNDECIDED, "problem": why})
    else:
        print_trouble(f"UNDECIDED: {why}")
    raise typer.Exit(EXIT_UNDECIDED)


def _judge_evidence(session: Session, findings: AuditFindings) -> AuditFindings:
    """Judge what lies beside the chain against those who signed it."""
    electorate = Electorate.of(session.genesis)
    try:
        shown = session.read_evidence(findings.source)
    except (ClientError, LedgerError, OSError, MemoryError) as error:
        return replace(findings, unread=describe_trouble(error))
    return replace(findings, evidence=tuple(tell_evidence(one, electorate) for one in shown))


def _format_findings(findings: AuditFindings) -> list[str]:
    """Write what was found for people, line by line."""
    report = findings.report
    lines = [report.verdict.value + _what(report)]
    lines += [
        f"  chain         {report.chain}",
        f"  height        {report.height} ({format_time(report.block_time_ms)})",
        *_describe_continuation(findings),
        f"  head          {report.head}",
        f"  tree          {report.tree_size} events, root {report.tree_root}",
        f"  state digest  {report.state_digest}",
        f"  terms         {report.terms}{_describe_terms(report)}",
        f"  signed blocks {report.signed_blocks}",
        *_describe_finality(report),
        *_describe_signers(report),
    ]
    lines += [f"  {count:>12}  {kind}" for kind, count in report.events_by_type.items()]
    lines += findings.evidence
    lines += [f"verified by {', '.join(findings.tell_means())}", "what cannot be known:"]
    lines += [f"  {one}" for one in findings.tell_unknown()]
    return lines


def _describe_continuation(findings: AuditFindings) -> Iterator[str]:
    """Say what of it was verified by an audit before this one, or why nothing was."""
    if findings.report.continued_from:
        yield f"  continued     from height {findings.report.continued_from}, verified before"
    elif findings.not_continued:
        yield f"  not continued {findings.not_continued}"


def _describe_terms(report: AuditReport) -> str:
    """Say who led, and how many terms cannot tell, because an earlier version opened them."""
    told = [f"{voter} elected in {count}" for voter, count in report.elected.items()]
    if report.voteless_terms:
        told.append(f"{report.voteless_terms} without votes, by an earlier version")
    return f": {', '.join(told)}" if told else ""


def _describe_finality(report: AuditReport) -> Iterator[str]:
    """Say what a majority has signed, and what it has not, or not to our knowledge."""
    if not report.final_up_to:
        yield "  final         nothing is shown to be: there is no commit certificate"
        return
    signed = f"{len(report.final_by)} of {report.voters} voters: {', '.join(report.final_by)}"
    yield f"  final         up to height {report.final_up_to}, signed by {signed}"
    if report.uncertified:
        one = report.uncertified == 1
        yield (
            f"  not certified {report.uncertified} block{'' if one else 's'} above that:"
            f" no certificate shows that {'it is' if one else 'they are'} final"
        )


def _describe_signers(report: AuditReport) -> Iterator[str]:
    """Say on whose word the chain rests, and what is not counted because it rests on nobody's."""
    if report.one_voter_from is not None:
        newest = report.signers[0]
        yield (
            f"  newest part   from height {report.one_voter_from} to {newest.height} rests on one"
            f" voter's word, {newest.voter}'s: no other has signed a block so high"
        )
    if report.signers:
        signed = ", ".join(f"{one.voter} up to {one.height}" for one in report.signers)
        yield f"  signed by     {len(report.signers)} of {report.voters} voters: {signed}"
    if report.unsigned_openings:
        count = report.unsigned_openings
        yield (
            f"  not counted   {count} block{'' if count == 1 else 's'} above height {report.height}"
            " that only open terms: nobody signs them"
        )


def _what(report: AuditReport) -> str:
    if report.verdict is AuditVerdict.SOUND:
        told = (
            f": {report.height} blocks with {report.tree_size} events follow from the genesis file"
        )
        if report.continued_from:
            told += f", the first {report.continued_from} by an earlier audit"
        return told
    if report.verdict is AuditVerdict.UNDECIDED:
        return f": {report.problem}; sound up to height {report.height}"
    if report.field == "certificate":
        follows = f"what stands here follows from the genesis file up to height {report.height}"
        return f": {report.problem}; {follows}"
    return (
        f": block {report.first_bad_height} at {report.field}: {report.problem};"
        f" sound up to height {report.height}"
    )


@command("books")
def books(
    *,
    connection: ConnectionOptions,
    out: Path,
    copy: Path | None = None,
    parquet: Path | None = None,
    csv: Path | None = None,
) -> None:
    """Verify the whole ledger and write it as a SQLite database."""
    check_destination("--out", out, form="sqlite", streams=False)
    for option, place in (("--parquet", parquet), ("--csv", csv)):
        if place is not None:
            check_destination(option, place, parents=True)
    report = Session(connection).write_books(out, copy)
    with closing(open_books(str(out), read_only=True)) as tables:
        if parquet is not None:
            write_parquet_files(tables, parquet)
        if csv is not None:
            write_csv_files(tables, csv)
    if connection.as_json:
        print_json(
            {
                "file": str(out),
                "chain": report.chain,
                "height": report.height,
                "head": report.head,
                "events": report.tree_size,
                "block_time_ms": report.block_time_ms,
            }
        )
        return
    print_fields(
        {
            "written": str(out),
            "chain": report.chain,
            "verified": f"{report.tree_size} events in {report.height} blocks",
            "as of": format_time(report.block_time_ms),
        }
    )
