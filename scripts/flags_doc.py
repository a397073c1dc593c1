"""Writes the part of docs/flags.md that says what each flag is, from the files of the flags.

Run by scripts/docs; with ``--check`` it compares instead and fails when the page is stale. What
stands outside of the two marks is written by hand.
"""

import sys
from pathlib import Path

from kpledger.books.flags.catalogue import FlagDescription, describe_flags

PAGE = Path(__file__).parents[1] / "docs" / "flags.md"
BEGIN = "<!-- generated from kpledger/books/flags/*.toml: scripts/docs -->\n"
END = "<!-- end of what is generated -->\n"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _describe(flag: FlagDescription) -> str:
    settings = "".join(
        f"| `{one.name}` | {_shown(one.default)} | {one.meaning} |\n" for one in flag.settings
    )
    return (
        f"### {flag.flag} {flag.title}\n\n{flag.looks_for}\n\n"
        f"* **Why:** {flag.why}\n"
        f"* **Evidence:** {flag.evidence}.\n"
        f"* **Harmless causes:** {flag.benign}.\n"
        f"* **How to read it:** {flag.reading}\n\n"
        f"| Setting | Default | What it counts |\n|---|---|---|\n{settings}\n"
    )


def format_part() -> str:
    """Give what is generated."""
    flags = describe_flags()
    rows = "".join(f"| {one.flag} | {one.title} | {one.looks_for} |\n" for one in flags)
    table = f"| Flag | Name | Looks for |\n|---|---|---|\n{rows}\n"
    return "\n" + table + "".join(map(_describe, flags))


def format_page(page: str) -> str:
    """Give the page with the generated part anew."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name} has lost the marks of its generated part")
    return before + BEGIN + format_part() + END + after


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    found = PAGE.read_text(encoding="utf-8")
    page = format_page(found)
    if arguments == ["--check"]:
        if found == page:
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
