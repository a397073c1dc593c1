"""Writes docs/rules.md from the rules themselves: enum, catalogue and table of transitions.

Run by scripts/docs; with ``--check`` it compares instead and fails when the page is stale.
"""

import sys
from pathlib import Path

from kpledger.events import Body
from kpledger.lifecycle import TRANSITIONS
from kpledger.outcome import Rule
from kpledger.rules.v1 import CATALOGUE, authorship
from kpledger.rules.v1.row import Row

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"

HEAD = """\
# Rules, version 1

What every node enforces before it lets an event into the ledger. This page is generated from the
rules (`scripts/docs`); where it and the code could differ, a test fails.

A refusal names the rule, the field, what is wrong and what would be accepted. The same event on
the same state is refused by every node in the same way. A released version is never edited.

## The rules

Clauses are those of the Kimberley Process Certification Scheme core document; *ledger* marks a rule
of this ledger itself. E10, E11 and E13 are not in use.

| Rule | Clause | Demands |
|---|---|---|
"""

EVENTS = """
## The events

Before all else, for every event: its type is known (E12), and it is not on the ledger yet (E6).
Then, in this order; the first rule that refuses is the answer.

"""

LIFE = """
## The life of a certificate

Issuing is the first event; the certificate begins as VALIDATED. A blank is refused: E7 for a second
confirmation, E8 for the confirmation of a certificate that is dead or held back, E6 for the rest.
Expiry is no state but a day that rules compare. An asterisk marks the certificate for auditors.

"""


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").partition("\n")[0].replace(":class:", "")


def _describe(body: type[Body], row: Row) -> str:
    authors = " or ".join(office.value for office in row.offices)
    checks = "".join(f"{n}. {_first_line(check)}\n" for n, check in enumerate(row.checks, 1))
    return f"### {body.TYPE}\n\n{_first_line(body)}\n\nAuthor: {authors}.\n\n{checks}\n"


def _life() -> str:
    events = sorted({event for steps in TRANSITIONS.values() for event in steps})
    lines = [
        "| Event | " + " | ".join(state for state, steps in TRANSITIONS.items() if steps) + " |",
        "|---" * (1 + sum(1 for steps in TRANSITIONS.values() if steps)) + "|",
    ]
    for event in events:
        cells = [
            f"{steps[event].state}{'*' if steps[event].mark else ''}" if event in steps else ""
            for steps in TRANSITIONS.values()
            if steps
        ]
        lines.append(f"| {event} | " + " | ".join(cells) + " |")
    closed = ", ".join(state for state, steps in TRANSITIONS.items() if not steps)
    return "\n".join(lines) + f"\n\nClosed for ever: {closed}.\n"


def format_page() -> str:
    """Give the whole page."""
    rules = "".join(f"| {rule.code} | {rule.clause} | {rule.text} |\n" for rule in Rule)
    always = "".join(
        f"* {_first_line(check)}\n" for check in (authorship.check_form, authorship.check_signers)
    )
    events = "".join(_describe(body, row) for body, row in CATALOGUE.items())
    return HEAD + rules + EVENTS + always + "\n" + events.rstrip("\n") + "\n" + LIFE + _life()


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    page = format_page()
    if arguments == ["--check"]:
        if PAGE.read_text(encoding="utf-8") == page:
            return 0
        sys.stderr.write(f"{PAGE.name} is stale: run scripts/docs\n")
        return 1
    if arguments:
        sys.stderr.write("usage: scripts/docs [--check]\n")
        return 2
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
