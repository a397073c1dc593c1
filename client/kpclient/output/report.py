"""What an audit found, for whoever has to act on it: in plain words, for a terminal, or as a page.

Whoever reads it need not know what a hash is: what was verified, by which versions of rules and
libraries, what was found, and what no audit of this ledger can know. No sentence claims more than
the report that it is made from.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from importlib import resources
from string import Template
from typing import Final

from kpledger import __version__
from kpledger.base.errors import LedgerError
from kpledger.base.selftest import name_libraries
from kpledger.base.text import clean
from kpledger.base.units import format_time
from kpledger.log.audit import AuditReport, AuditVerdict
from kpledger.log.conviction import Conviction
from kpledger.log.evidence import Evidence
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate

_ANSWERS: Final = {
    AuditVerdict.SOUND: "The ledger that was shown is sound",
    AuditVerdict.VIOLATION: "The ledger that was shown is not sound",
    AuditVerdict.UNDECIDED: "No verdict",
}


_MARK: Final = ' class="hash"'


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFindings:
    """An audit: what it says of the ledger, and what of it only the auditor knows."""

    report: AuditReport
    origin: str
    """The name of the log, by the genesis file."""
    source: str
    """Whose chain was read: the URL of a node, or a directory."""
    audited_at_ms: int
    """When, by this machine's clock; Unix milliseconds."""
    fork: str = ""
    """How what was verified here before contradicts it."""
    not_continued: str = ""
    """Why an earlier audit was not continued, if there was one."""
    evidence: tuple[str, ...] = ()
    """What the evidence that lies beside the chain shows, judged here."""
    unread: str = ""
    """Why that evidence could not be had, if so."""

    @property
    def answer(self) -> str:
        """The verdict, in a few words."""
        if self.fork:
            return "The ledger has forked"
        return _ANSWERS[self.report.verdict]

    @property
    def summary(self) -> str:
        """What follows from it, in a sentence."""
        report = self.report
        if self.fork:
            return f"What was read is not what was verified here before. {self.fork}"
        match report.verdict:
            case AuditVerdict.SOUND:
                return (
                    f"All {report.height:,} blocks, with {report.tree_size:,} statements, follow"
                    " from the genesis file: each step keeps the rules, and is signed by those who"
                    f" had the right to take it.{self._continuation}"
                )
            case AuditVerdict.VIOLATION:
                return f"{self._violation} Up to block {report.height:,} all is sound."
            case AuditVerdict.UNDECIDED:
                return (
                    f"Nothing wrong was found, but not all could be looked at: {report.problem}."
                    f" Up to block {report.height:,} all is sound."
                )

    @property
    def _continuation(self) -> str:
        if not self.report.continued_from:
            return ""
        return f" Up to block {self.report.continued_from:,} an earlier audit has verified that."

    @property
    def _violation(self) -> str:
        report = self.report
        if report.field == "certificate":
            return f"A majority of the voters signed for another history: {report.problem}."
        at = f"Block {report.first_bad_height:,}, at {report.field}"
        return f"{at}, is not what the rules allow: {report.problem}."

    def tell_verified(self) -> Iterator[str]:
        """Say what was verified, sentence by sentence."""
        report = self.report
        if not report.height:
            yield "Nothing: no block could be verified."
            return
        yield (
            f"That each of the {report.height:,} blocks names the one before it by its hash, and"
            " the first one the genesis file: to change one, all after it have to be made again."
        )
        votes = f"{report.terms - report.voteless_terms:,} of {report.terms:,}"
        yield (
            f"That each of the {report.signed_blocks:,} blocks with statements is signed by the"
            f" voter that led when it was made; and, in {votes} terms, that a majority of the"
            " voters had elected it."
        )
        yield (
            f"That each of the {report.tree_size:,} statements is signed with keys that had the"
            " right to make it at that time, and breaks none of the rules of the ledger."
        )
        yield (
            "That the list of all statements, and the state that they add up to, are what every"
            " block says: both were computed again after each."
        )
        if report.final_up_to:
            signed = (
                f"{len(report.final_by)} of {report.voters} voters ({', '.join(report.final_by)})"
            )
            yield f"That {signed} have signed that all up to block {report.final_up_to:,} is final."

    def tell_means(self) -> Iterator[str]:
        """Say by which program, rules and libraries it was verified."""
        yield f"kpledger {__version__}"
        for one in self.report.rules:
            yield f"rules of version {one.version}, from block {one.height:,} on"
        yield from name_libraries()

    def tell_found(self) -> Iterator[str]:
        """Say what was found, sentence by sentence, the gravest first."""
        report = self.report
        if self.fork:
            yield self.fork
        match report.verdict:
            case AuditVerdict.VIOLATION:
                yield self._violation
            case AuditVerdict.UNDECIDED:
                yield f"Not all could be looked at: {report.problem}."
            case AuditVerdict.SOUND:
                yield "Nothing that breaks a rule."
        yield from self.evidence
        if not report.final_up_to:
            yield "No proof that any block is final stands beside the blocks."
        elif report.uncertified:
            yield f"Not shown to be final: the blocks above {report.final_up_to:,}."
        if report.one_voter_from is not None:
            newest = report.signers[0]
            yield (
                f"From block {report.one_voter_from:,} to {newest.height:,} all rests on the word"
                f" of one voter, {newest.voter}: no other has signed a block so high."
            )
        if report.unsigned_openings:
            yield (
                f"At the end stand {report.unsigned_openings:,} blocks that nobody has signed; they"
                " hold no statements, and are not counted."
            )

    def tell_unknown(self) -> Iterator[str]:
        """Say what this audit cannot know, sentence by sentence."""
        report = self.report
        if report.verdict is not AuditVerdict.SOUND:
            yield f"Whether anything above block {report.height:,} is sound."
        yield (
            "Whether what was stated is true. A signature shows whose key has made a statement; not"
            " that the stones, weights and values were so, nor whose hand held the key."
        )
        yield (
            "Whether something was left out before it was recorded: a ledger shows what was taken"
            " in, and not what was turned away."
        )
        yield (
            "Whether there is more: newer blocks than those that were shown, or another history"
            " that was shown to somebody else. Comparing several nodes tells (kpledger compare)."
        )
        if report.continued_from:
            yield (
                f"Whether the blocks up to {report.continued_from:,} are still unharmed in what was"
                " read: an earlier audit has verified them, and this one that the others follow."
            )
        if self.unread:
            yield f"Whether there is evidence against voters beside the blocks: {self.unread}."
        if report.uncertified or not report.final_up_to:
            yield (
                f"Whether the blocks above {report.final_up_to:,} will stay: no majority of the"
                " voters is shown to have signed for them."
            )
        if report.voteless_terms:
            yield (
                f"Who was elected in {report.voteless_terms:,} of the terms: an earlier version of"
                " the program opened them, without signed votes."
            )

    def describe(self) -> dict[str, object]:
        """Give all of it for programs: the report itself, and what is told of it."""
        return {
            **asdict(self.report),
            "fork": self.fork or None,
            "not_continued": self.not_continued or None,
            "origin": self.origin,
            "source": self.source,
            "audited_at_ms": self.audited_at_ms,
            "verified": [*self.tell_verified()],
            "verified_by": [*self.tell_means()],
            "found": [*self.tell_found()],
            "unknown": [*self.tell_unknown()],
        }


def tell_evidence(evidence: Evidence, electorate: Electorate) -> str:
    """Judge evidence, and say in a sentence whom it convicts, of what."""
    try:
        return tell_conviction(judge(evidence, electorate))
    except LedgerError as error:
        return f"Evidence is shown that shows nothing: {error}"


def tell_conviction(found: Conviction) -> str:
    """Say in a sentence whom evidence convicts, of what."""
    who = ", ".join(found.culprits) or "nobody"
    return f"Evidence of a {found.guilt} ({found.kind}), against {who}: {found.words}"


def format_page(findings: AuditFindings) -> str:
    """Write a page of HTML that needs nothing else, runs nothing, and prints on A4."""
    report = findings.report
    page = Template((resources.files(__package__) / "report.html").read_text(encoding="utf-8"))
    what = {
        "Ledger": findings.origin,
        "Chain id": report.chain,
        "Read from": findings.source,
        "Audited": _write_time(findings.audited_at_ms),
        "Up to block": f"{report.height:,}, of {_write_time(report.block_time_ms)}",
        "Statements": f"{report.tree_size:,}",
    }
    marks = {
        "Head": report.head,
        "Tree root": report.tree_root,
        "State digest": report.state_digest,
    }
    signed = {one.voter: f"up to block {one.height:,}" for one in report.signers}
    return page.substitute(
        verdict=escape("FORK" if findings.fork else report.verdict),
        answer=_write(findings.answer),
        summary=_write(findings.summary),
        what=_write_rows(what),
        verified=_write_list(findings.tell_verified()),
        means=_write_list(findings.tell_means()),
        found=_write_list(findings.tell_found()),
        unknown=_write_list(findings.tell_unknown()),
        events=_write_rows({kind: f"{n:,}" for kind, n in report.events_by_type.items()}),
        signers=_write_rows(signed),
        marks=_write_rows(marks),
    )


def _write_time(time_ms: int) -> str:
    """Write an instant to the second, as people read it."""
    return f"{format_time(time_ms)[:19].replace('T', ' ')} UTC"


def _write(text: str) -> str:
    """Make text harmless: some of it was written by strangers."""
    return escape(clean(text))


def _write_list(sentences: Iterable[str]) -> str:
    return "\n".join(f"<li>{_write(one)}</li>" for one in sentences)


def _write_rows(rows: Mapping[str, str]) -> str:
    return "\n".join(
        f"<tr><th>{_write(name)}</th><td{_MARK * _is_hash(value)}>{_write(value)}</td></tr>"
        for name, value in rows.items()
    )


def _is_hash(value: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", value) is not None
