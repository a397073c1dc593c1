"""``kpledger audit --heads``: several nodes and copies, and whether they show one history.

Exit codes: 0 one history, 1 a fork or what no honest node shows, 2 cannot decide.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kpclient.errors import UsageError
from kpclient.files import expand
from kpclient.replay.forks import (
    Agreement,
    Branch,
    HeadsReport,
    HeadsVerdict,
    Parting,
    SourceReport,
    compare_heads,
)
from kpclient.session import Session
from kpledger.api.addresses import NODE_URL, parse_addresses
from kpledger.base.errors import MalformedError
from kpledger.command import EXIT_DONE, EXIT_REFUSED, EXIT_UNDECIDED

HEADS_EXIT_CODES: Final = {
    HeadsVerdict.ONE_HISTORY: EXIT_DONE,
    HeadsVerdict.FORK: EXIT_REFUSED,
    HeadsVerdict.UNDECIDED: EXIT_UNDECIDED,
}
_ADVICE: Final = (
    "what to do: stop recording, keep this report and copies of all directories, and let the"
    " operators say which voters' machines or keys were used twice"
)


def compare_sources(session: Session, urls: Sequence[str], copies: Sequence[Path]) -> HeadsReport:
    """Compare the histories that nodes and copies show.

    Raises:
        UsageError: a URL is none, or a directory holds no database.
    """
    try:
        nodes = [one.url for one in parse_addresses(urls)]
    except MalformedError as error:
        raise UsageError("--heads", error.problem, NODE_URL) from None
    sources = session.open_histories()
    read = [sources.read_copy(expand("--copy", one)) for one in copies]
    return compare_heads(session.genesis, [*sources.ask_nodes(nodes), *read], sources.read_node)


def format_comparison(report: HeadsReport) -> Iterator[str]:
    """Write a report for people, line by line."""
    yield report.verdict.value + _summarise(report)
    yield f"  chain   {report.chain}"
    if report.head:
        yield f"  height  {report.height}, final up to {report.final_up_to or 'none'}"
        yield f"  head    {report.head}"
    for source in report.sources:
        yield f"  {_tell_source(source)}"
    for fork in report.forks:
        yield from _tell_fork(fork)
    if report.forks:
        yield _ADVICE


def _summarise(report: HeadsReport) -> str:
    if report.forks:
        first = min(fork.height for fork in report.forks)
        return f": from block {first} on there is more than one history"
    if report.verdict is HeadsVerdict.FORK:
        return ": what no honest node shows is shown"
    if report.problem:
        return f": {report.problem}"
    if report.verdict is HeadsVerdict.UNDECIDED:
        return ": not everything could be had"
    return f": {len(report.sources)} sources show one chain"


def _tell_source(source: SourceReport) -> str:
    name = f"{source.node} at {source.source}" if source.node else source.source
    if not source.head:
        return f"{name}: {source.problem}"
    told = [f"height {source.height}"]
    told += [f"behind by {source.behind}"] if source.behind else []
    final = f"final up to {source.final_up_to} by {', '.join(source.final_by)}"
    told.append(final if source.final_up_to else "no commit certificate")
    if source.agreement is Agreement.OTHER:
        told.append("ANOTHER HISTORY")
    told += filter(None, (source.violation, source.problem))
    return f"{name}: {', '.join(told)}"


def _tell_fork(fork: Parting) -> Iterator[str]:
    yield f"from block {fork.height} on:"
    for number, branch in enumerate(fork.branches, start=1):
        yield f"  history {number}, shown by {', '.join(branch.sources)}"
        yield from (f"    {line}" for line in _tell_branch(fork, branch))
    signed = ", ".join(fork.signed_both) or "nobody"
    yield f"  signed both: {signed}"


def _tell_branch(fork: Parting, branch: Branch) -> Iterator[str]:
    if branch.parting_head:
        yield f"head of block {fork.height}  {branch.parting_head}"
    yield f"ends with block {branch.height}, {branch.head}"
    if branch.leaders:
        yield f"blocks signed by {', '.join(branch.leaders)}"
    if branch.final_up_to:
        yield f"final up to block {branch.final_up_to}, signed by {', '.join(branch.final_by)}"
    else:
        yield "no commit certificate"
