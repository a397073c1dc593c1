"""Writes the part of docs/flags.md that says what each flag is, from the files of the flags.

Run by scripts/docs. What stands outside of the two marks is written by hand.
"""

from pathlib import Path

from generated import deliver

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


def format_page() -> str:
    """Give the page with the generated part anew."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name} has lost the marks of its generated part")
    return before + BEGIN + format_part() + END + after


if __name__ == "__main__":
    raise SystemExit(deliver(PAGE, format_page(), command="scripts/docs"))
