"""Writes docs/rules.md from the rules themselves: enum, catalogue and the tables of states.

Run by scripts/docs.
"""

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

from generated import deliver

from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.catalogue import CATALOGUE, Row, nobody_else
from kpledger.scheme.v1.lifecycles import (
    CASE_TRANSITIONS,
    OPENING,
    OPENS_CASE,
    PROCEEDINGS,
    TRANSITIONS,
    CertificateState,
    ProceedingState,
)
from kpledger.scheme.v1.policy import Policy
from kpledger.scheme.v1.rules import authorship
from kpledger.scheme.v1.rules.quotas import (
    FREE,
    KINDS,
    SAVED_DAYS,
    UNIT_BYTES,
    Kind,
    check_quota,
)

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"

HEAD = """\
# Rules, version 1

What every node enforces before it lets an event into the ledger. This page is generated from the
rules (`scripts/docs`); where it and the code could differ, a test fails.

A refusal names the rule, the field, what is wrong and what would be accepted. The same event on
the same state is refused by every node in the same way. A released version is never edited.

## The rules

Clauses are those of the Kimberley Process Certification Scheme core document; *ledger* marks a rule
of this ledger itself. What each rule guards is also told by `kpledger rules`.

| Rule | Clause | Demands |
|---|---|---|
"""

QUOTAS = """
## Quotas

A ledger that is never compacted must not be filled by one key (E15). An office may file so many
units a day of each kind of events; an event counts as one for every {unit:,} bytes begun of its
envelope. What is not used adds up for {days} days, so that an office that had no line for so long
may send all at once. All offices of a participant together may file {offices} times as much: who
registers further offices gains no more. A participant's root, the Chair and the secretariat file on
their own account alone, and none of their offices can use it up. Withdrawing a key, and
a recovery, use no quota.

These are the values of a genesis file that says nothing else; the Chair settles others for all
(`policy_set`), by a recorded decision. Time is block time. A refusal says from when on the very
same event would be accepted.

| Kind | Units a day | MB a day | At once, at most |
|---|---|---|---|
"""

EVENTS = """
## The events

Before all else, for every event: its type is known (E12), and it is not on the ledger yet (E6).
Then, in this order; the first rule that refuses is the answer.

"""

LIFE = """
## The life of a certificate

Issuing is the first event: the certificate begins as VALIDATED, or as ISSUED where validating is a
step of its own. A blank is refused: E7 for a second confirmation, E8 for the confirmation of a
certificate that is dead, lost or held back, E6 for the rest. *same* moves nothing; *before* leads
back to the state before. Expiry is no state but a day that rules compare. An asterisk marks the
certificate for auditors.

"""

CASES = """
## Cases

A certificate whose life is closed never changes. An arrival or a detention that is recorded on one
opens a case of its own, named `<number>/<n>`; goods without a certificate, and samples, get one by
`case_opened`. A shipment that was returned is received back by the issuer of the certificate.

"""

PROCEEDED = """
## Proceedings

What the scheme does in several steps. Each step names the newest event on the subject.

"""


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").partition("\n")[0].replace(":class:", "")


def _further(body: type[Body]) -> str:
    """Give what is said of an event besides its first line."""
    further = (inspect.getdoc(body) or "").partition("\n")[2].strip().replace("``", "`")
    return f"{further}\n\n" if further else ""


def _describe(body: type[Body], row: Row) -> str:
    authors = " or ".join(office.value for office in row.offices)
    checks = "".join(f"{n}. {_first_line(check)}\n" for n, check in enumerate(row.checks, 1))
    signs = ""
    if row.cosigners is not nobody_else:
        # Each of them begins with "Give who signs besides".
        besides = _first_line(row.cosigners).partition(": ")[2]
        signs = f" Also signed by {besides}"
    quota = "none" if body in FREE else KINDS[body]
    who = f"Author: {authors}.{signs} Quota: {quota}."
    return f"### {body.TYPE}\n\n{_first_line(body)}\n\n{_further(body)}{who}\n\n{checks}\n"


def _quotas() -> str:
    policy = Policy()
    head = QUOTAS.format(unit=UNIT_BYTES, days=SAVED_DAYS, offices=policy.quota_offices)
    rows = ""
    for kind in Kind:
        units = getattr(policy, f"{kind}_quota")
        megabytes = units * UNIT_BYTES / 1_000_000
        rows += f"| {kind} | {units:,} | {megabytes:.1f} | {megabytes * SAVED_DAYS:.0f} MB |\n"
    return head + rows


def _life() -> str:
    events = sorted({event for steps in TRANSITIONS.values() for event in steps})
    open_states = [state for state, steps in TRANSITIONS.items() if steps]
    lines = ["| Event | " + " | ".join(open_states) + " |", "|---" * (1 + len(open_states)) + "|"]
    for event in events:
        cells = [_cell(state, event) for state in open_states]
        lines.append(f"| {event} | " + " | ".join(cells) + " |")
    closed = ", ".join(state for state, steps in TRANSITIONS.items() if not steps)
    diagram = _diagram(
        ("[*]", state, "certificate_issued")
        for state in (CertificateState.ISSUED, CertificateState.VALIDATED)
    )
    return "\n".join(lines) + f"\n\nClosed for ever: {closed}.\n\n{diagram}"


def _cell(state: CertificateState, event: str) -> str:
    step = TRANSITIONS[state].get(event)
    if step is None:
        return ""
    name = step.state or ("before" if state is CertificateState.LOST else "same")
    return f"{name}{'*' if step.mark else ''}"


def _diagram(openings: Iterable[tuple[str, str, str]]) -> str:
    """Draw the table: one arrow for each pair of states, named by the events that lead along it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, after, event in (*openings, *_moves()):
        arrows.setdefault((before, after), []).append(event)
    return _mermaid(arrows)


def _moves() -> Iterator[tuple[str, str, str]]:
    for state, steps in TRANSITIONS.items():
        for event, step in steps.items():
            if step.state is not None:
                yield state, step.state, event


def _mermaid(arrows: dict[tuple[str, str], list[str]]) -> str:
    lines = [
        f"    {before} --> {after}: {', '.join(events)}"
        for (before, after), events in arrows.items()
    ]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def _cases() -> str:
    opened = "".join(f"| {state} | {kind} |\n" for state, kind in OPENS_CASE.items())
    arrows: dict[tuple[str, str], list[str]] = {}
    for event, state in OPENING.items():
        arrows.setdefault(("[*]", state), []).append(event)
    for before, steps in CASE_TRANSITIONS.items():
        for event, after in steps.items():
            arrows.setdefault((before, after), []).append(event)
    return f"| Certificate is | Kind of case |\n|---|---|\n{opened}\n{_mermaid(arrows)}"


def _proceedings() -> str:
    lines = ["| Kind | State | Event | Next state |", "|---|---|---|---|"]
    for kind, states in PROCEEDINGS.items():
        for state, steps in states.items():
            shown = "" if state is ProceedingState.NONE else state
            lines += [f"| {kind} | {shown} | {event} | {after} |" for event, after in steps.items()]
    return "\n".join(lines) + "\n"


def format_page() -> str:
    """Give the whole page."""
    rules = "".join(f"| {rule.code} | {rule.clause} | {rule.text} |\n" for rule in Rule)
    before_all = (
        authorship.check_form,
        authorship.check_author,
        authorship.check_signers,
        check_quota,
    )
    always = "".join(f"* {_first_line(check)}\n" for check in before_all)
    events = "".join(_describe(body, row) for body, row in CATALOGUE.items())
    told = HEAD + rules + _quotas() + EVENTS + always + "\n" + events.rstrip("\n") + "\n"
    return told + LIFE + _life() + CASES + _cases() + PROCEEDED + _proceedings()


if __name__ == "__main__":
    raise SystemExit(deliver(PAGE, format_page(), command="scripts/docs"))
