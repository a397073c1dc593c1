"""``kpledger compare``: several nodes and copies, and whether they show one history.

Exit codes: 0 one history, 1 a fork or what no honest node shows, 2 cannot decide.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, NoReturn

import msgspec
import typer

from kpclient.clock import now_ms
from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.files import expand, write_public
from kpclient.input.options import ConnectionOptions
from kpclient.output.console import print_json, print_line
from kpclient.replay.forks import (
    Agreement,
    Branch,
    HeadsReport,
    HeadsVerdict,
    Parting,
    SourceReport,
    compare_heads,
)
from kpclient.replay.sources import HistoryReader, HistorySource
from kpclient.session import Session
from kpclient.sightings import Position, Seen, Sighting
from kpledger.api.addresses import NODE_URL, parse_addresses
from kpledger.base.errors import MalformedError
from kpledger.command import EXIT_DONE, EXIT_REFUSED, EXIT_UNDECIDED
from kpledger.log.block import compute_head
from kpledger.log.conviction import Conviction, Guilt
from kpledger.log.evidence import Evidence, read_header
from kpledger.log.evidence_file import encode_evidence, evidence_id, format_evidence
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate
from kpledger.log.two_histories import Stretch, find_double_signers, find_double_signing

_EXIT_CODES: Final = {
    HeadsVerdict.ONE_HISTORY: EXIT_DONE,
    HeadsVerdict.FORK: EXIT_REFUSED,
    HeadsVerdict.UNDECIDED: EXIT_UNDECIDED,
}
_UNSETTLED: Final = "one was found before, and nobody has settled it (kpledger seen list)"
_SUSPICION: Final = (
    "a suspicion convicts nobody: a voter that keeps the rules gives up blocks that it does not"
    " know to be final"
)
_ADVICE: Final = (
    "what to do: stop recording, keep this report and copies of all directories, and let the"
    " operators say which voters' machines or keys were used twice"
)


class FoundEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a piece of evidence convicts, and where it was written."""

    kind: str
    guilt: Guilt
    culprits: tuple[str, ...]
    words: str
    file: str | None
    """None unless a directory was named."""


class ComparedHistories(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison has found."""

    report: HeadsReport
    evidence: tuple[FoundEvidence, ...]


@command("compare")
def compare(
    *,
    urls: list[str] | None = None,
    connection: ConnectionOptions,
    copy: list[Path] | None = None,
    out: Path | None = None,
) -> None:
    """Compare the histories that several nodes and copies show.

    By headers and signatures: whether all show one, or where they part, and who signed both sides.

    Exit code 0: one history; 1: the ledger has forked, or what no honest node shows is shown; 2:
    cannot decide.
    """
    if not urls and not copy:
        raise UsageError("URL", "nothing is named that could be compared", "URL..., --copy DIR")
    nodes = read_nodes(urls or [], "urls")
    end_with_comparison(Session(connection), nodes, copy or [], out, as_json=connection.as_json)


def read_nodes(urls: Sequence[str], option: str) -> list[str]:
    """Read the URLs of nodes.

    Raises:
        UsageError: one is none.
    """
    try:
        return [one.url for one in parse_addresses(urls)]
    except MalformedError as error:
        raise UsageError(option, error.problem, NODE_URL) from None


def end_with_comparison(
    session: Session,
    nodes: Sequence[str],
    copies: Sequence[Path],
    out: Path | None,
    *,
    as_json: bool,
) -> NoReturn:
    """Compare histories, print what was found, and end with what that says.

    Raises:
        Exit: always, with the exit code.
    """
    compared = _compare_histories(session, nodes, copies, out)
    if as_json:
        print_json({**asdict(compared.report), "evidence": compared.evidence})
    else:
        for line in format_comparison(compared):
            print_line(line)
    raise typer.Exit(_EXIT_CODES[compared.report.verdict])


def _compare_histories(
    session: Session, nodes: Sequence[str], copies: Sequence[Path], out: Path | None
) -> ComparedHistories:
    """Compare the histories that nodes and copies show, and find whom a fork convicts.

    Raises:
        UsageError: a directory holds no database.
        UnwritableError: evidence cannot be written.
    """
    reader, genesis = session.open_histories(), session.genesis
    read = [reader.read_copy(expand("--copy", one)) for one in copies]
    electorate = Electorate.of(genesis)
    seen = session.memory.load()
    sources = [*reader.ask_nodes(nodes), *read, *_recall(seen, electorate)]
    report = compare_heads(genesis, sources, reader.read_node)
    if seen.is_forked and not report.forks:
        report = replace(report, verdict=HeadsVerdict.FORK, problem=_UNSETTLED)
    shown = (one for source in sources for one in source.certificates)
    newest = max(shown, default=None, key=lambda one: one.index)
    if newest is not None and report.verdict is HeadsVerdict.ONE_HISTORY:
        session.memory.certify(newest)
    held = (one for source in sources for one in source.forks)
    found: dict[bytes, Evidence] = {evidence_id(encode_evidence(one)): one for one in held}
    forks, ends = list[Parting](), list[Sighting | None]()
    for fork in report.forks:
        sides = [_read_side(reader, fork, branch, sources) for branch in fork.branches]
        evidence = find_double_signing(electorate, *sides)
        found |= {evidence_id(encode_evidence(one)): one for one in evidence}
        signers = {*fork.signed_both, *find_double_signers(*sides)}
        forks.append(_grade(fork, signers, [judge(one, electorate) for one in evidence]))
        ends += map(_find_end, fork.branches, sides)
    if forks or found:
        session.memory.note_fork(filter(None, ends), found.values())
    told = [_tell_evidence(one, name, electorate, out) for name, one in found.items()]
    return ComparedHistories(report=replace(report, forks=tuple(forks)), evidence=tuple(told))


def _grade(fork: Parting, signers: Iterable[str], convictions: Iterable[Conviction]) -> Parting:
    """Say of each who signed both sides how grave that is."""
    grades = dict.fromkeys(sorted(signers), Guilt.SUSPICION)
    for conviction in convictions:
        for name, guilt in conviction.named.items():
            if name in grades and guilt.gravity > grades[name].gravity:
                grades[name] = guilt
    return replace(fork, signed_both=grades)


def _find_end(branch: Branch, side: Stretch) -> Sighting | None:
    """Give the end of one side, as far as it is final: what was seen, and is not to be forgotten.

    A node serves nothing else; a copy may end with blocks that were never final.
    """
    headers = [(read_header(one), compute_head(one.header)) for one in side.shown]
    last = branch.final_up_to or branch.height
    for header, head in headers:
        if header.height == last:
            position = Position(
                height=last, head=head, tree_size=header.tree_size, tree_root=header.tree_root
            )
            return Sighting(position=position, node=branch.sources[0], seen_at=now_ms())
    return None


def _recall(seen: Seen, electorate: Electorate) -> Iterator[HistorySource]:
    """Give what was verified here before, so that no node can show less, or something else."""
    for one in seen.sightings:
        yield HistorySource(
            name=f"what {one.node or 'somebody'} showed before",
            is_node=True,
            height=one.position.height,
            head=one.position.head,
            is_remembered=True,
        )
    if seen.certificate is not None:
        final = HistorySource(
            name="the newest commit certificate that was seen before",
            is_node=True,
            height=seen.certificate.index,
            head=seen.certificate.head,
            is_remembered=True,
        )
        final.take(electorate, (seen.certificate,))
        yield final


def _read_side(
    reader: HistoryReader, fork: Parting, branch: Branch, sources: Sequence[HistorySource]
) -> Stretch:
    """Give what one side of a fork has above the last block that both have."""
    certificates = [one for source in sources for one in source.certificates]
    read = [
        (source.chain.height, source)
        for source in sources
        if source.name in branch.sources and source.chain is not None
    ]
    if read and branch.parting_head:
        _, longest = max(read, key=lambda one: one[0])
        return reader.read_stretch(longest, fork.height, certificates)
    final = (one for one in certificates if one.head.hex() == branch.head)
    return Stretch((), tuple(final))


def _tell_evidence(
    evidence: Evidence, name: bytes, electorate: Electorate, out: Path | None
) -> FoundEvidence:
    """Judge evidence, and write it into a directory if there is one."""
    conviction = judge(evidence, electorate)
    file = None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        file = out / f"{conviction.kind}-{name.hex()[:16]}.json"
        if not file.exists():  # its name says what is in it
            write_public(file, format_evidence(evidence))
    return FoundEvidence(
        kind=conviction.kind,
        guilt=conviction.guilt,
        culprits=conviction.culprits,
        words=conviction.words,
        file=None if file is None else str(file),
    )


def format_comparison(compared: ComparedHistories) -> Iterator[str]:
    """Write for people what was found, line by line."""
    report = compared.report
    yield report.verdict.value + _summarise(report)
    yield f"  chain   {report.chain}"
    if report.head:
        yield f"  height  {report.height}, final up to {report.final_up_to or 'none'}"
        yield f"  head    {report.head}"
    for source in report.sources:
        yield f"  {_tell_source(source)}"
    for fork in report.forks:
        yield from _tell_fork(fork)
    for one in compared.evidence:
        who = ", ".join(one.culprits) or "nobody"
        verdict = "convicted" if one.guilt.convicts else "to be asked, not convicted"
        yield f"{verdict}, of a {one.guilt} ({one.kind}): {who}"
        yield f"  {one.words}"
        yield f"  {one.file or 'written with -o DIR, for whoever has the genesis file to verify'}"
    grades = [guilt for fork in report.forks for guilt in fork.signed_both.values()]
    if Guilt.SUSPICION in (*grades, *(one.guilt for one in compared.evidence)):
        yield _SUSPICION
    if report.forks or any(one.holds_proof for one in report.sources):
        yield _ADVICE


def _summarise(report: HeadsReport) -> str:
    if report.forks:
        first = min(fork.height for fork in report.forks)
        return f": from block {first} on there is more than one history"
    if any(one.holds_proof for one in report.sources):
        return ": it is proven that there is more than one history, and one alone is shown"
    if any(one.violation for one in report.sources):
        return ": what no honest node shows is shown"
    if report.problem:
        return f": {report.problem}"
    if report.verdict is HeadsVerdict.UNDECIDED:
        return ": not everything could be had"
    return f": {_count_sources(report.sources)}"


def _count_sources(sources: Sequence[SourceReport]) -> str:
    asked = sum(not one.is_remembered for one in sources)
    remembers = asked < len(sources)
    if asked == 1:
        return (
            f"one source alone, compared with {'what was seen before' if remembers else 'nothing'}"
        )
    return f"{asked} sources show one chain{', as was seen before' if remembers else ''}"


def _tell_source(source: SourceReport) -> str:
    name = f"{source.node} at {source.source}" if source.node else source.source
    if not source.head:
        return f"{name}: {source.problem}"
    told = [f"height {source.height}"]
    told += [f"behind by {source.behind}"] if source.behind else []
    final = f"final up to {source.final_up_to} by {', '.join(source.final_by)}"
    if source.final_up_to or not source.is_remembered:
        told.append(final if source.final_up_to else "no commit certificate")
    if source.evidence:
        told.append(f"{source.evidence} in kpledger evidence list --node {source.source}")
    if source.holds_proof:
        told.append("HOLDS PROOF OF TWO HISTORIES")
    if source.agreement is Agreement.OTHER:
        told.append("ANOTHER HISTORY")
    told += filter(None, (source.violation, source.problem))
    return f"{name}: {', '.join(told)}"


def _tell_fork(fork: Parting) -> Iterator[str]:
    yield f"from block {fork.height} on:"
    for branch in fork.branches:
        yield f"  history {branch.history}, shown by {', '.join(branch.sources)}"
        yield from (f"    {line}" for line in _tell_branch(fork, branch))
    signed = ", ".join(f"{name} (a {guilt})" for name, guilt in fork.signed_both.items())
    yield f"  signed both: {signed or 'nobody, as far as is shown'}"


def _tell_branch(fork: Parting, branch: Branch) -> Iterator[str]:
    if branch.parting_head:
        yield f"head of block {fork.height}  {branch.parting_head}"
    yield f"ends with block {branch.height}, {branch.head}"
    if branch.voters:
        yield f"leaders elected by {', '.join(branch.voters)}"
    if branch.leaders:
        yield f"blocks signed by {', '.join(branch.leaders)}"
    if branch.final_up_to:
        yield f"final up to block {branch.final_up_to}, signed by {', '.join(branch.final_by)}"
    else:
        yield "no commit certificate"
