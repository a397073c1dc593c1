"""Writes docs/data-model.md from the schema of the books.

Run by scripts/docs.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from generated import deliver

from kpledger.books.database import create_tables

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "data-model.md"
SCHEMA = ROOT / "kpledger" / "books" / "schema.sql"

HEAD = """\
# The books: tables for questions

What the events of a ledger add up to, as a SQLite database. A node keeps one and answers people
from it; `kpledger books` verifies a whole chain and writes the same for an analyst. This page is
generated from `kpledger/books/schema.sql` (`scripts/docs`).

{notes}

## Three questions

With `sqlite3 books.sqlite`, `datasette books.sqlite`, or in DuckDB
`ATTACH 'books.sqlite' (TYPE sqlite)`:

```sql
-- What happened to a certificate, and who said so?
SELECT recorded, type, author, event_id
FROM event_subjects JOIN v_events USING (event_index)
WHERE event_subjects.subject = 'BW10000001'
ORDER BY event_index;
```

```sql
-- What did Botswana export in a quarter, as known at the end of 30 April?
SELECT partner, origin, hs,
       CAST(TOTAL(carat_thousandths) AS INTEGER) / 1000.0 AS carats,
       CAST(TOTAL(value_usd_cents) AS INTEGER) / 100.0 AS usd
FROM trade
WHERE reporter = 'BW' AND quarter = '2026Q1' AND flow = 'EXPORT'
  AND known_from < strftime('%s', '2026-05-01') * 1000
  AND (known_until IS NULL OR known_until >= strftime('%s', '2026-05-01') * 1000)
GROUP BY partner, origin, hs;
```

```sql
-- Who confirms late, and how often?
SELECT destination, count(*) AS confirmed, sum(working_days > days_allowed) AS late
FROM movements
WHERE move IN ('CONFIRMED', 'DISCREPANT')
GROUP BY destination
ORDER BY late DESC;
```
"""

_RULER = re.compile(r"^-- -{20,} (.+)$")
_CREATE = re.compile(r"^CREATE (TABLE|VIEW) (\w+)")
_COLUMN = re.compile(r"^    ([a-z_]+) +((?:TEXT|INTEGER|BLOB)?)([^-]*?),?(?:\s*-- (.*))?$")
_MORE = re.compile(r"^ {5,}-- (.*)$")
_GROUP = re.compile(r"^    -- (.*)$")


def read_notes(lines: list[str]) -> str:
    """Give what the schema says before its first table."""
    text = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[: lines.index("")])
    return text.partition("\n\n")[2]


def format_page() -> str:
    """Write the page."""
    lines = SCHEMA.read_text(encoding="utf-8").splitlines()
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as books:
        create_tables(books)
        return HEAD.format(notes=read_notes(lines)) + "\n".join(format_tables(lines, books)) + "\n"


def format_tables(lines: list[str], books: sqlite3.Connection) -> Iterator[str]:
    """Write each section, table and view, in the order of the schema."""
    said: list[str] = []
    for place, line in enumerate(lines):
        section, create = _RULER.match(line), _CREATE.match(line)
        if section and section[1] != "indexes":
            yield f"\n## {section[1].capitalize()}"
        if create:
            yield f"\n### `{create[2]}`\n"
            yield from (*said, "") if said else ()
            if create[1] == "TABLE":
                yield from format_columns(lines[place + 1 :])
            else:
                columns = books.execute("SELECT name FROM pragma_table_info(?)", (create[2],))
                yield f"Columns: {', '.join(f'`{name}`' for (name,) in columns)}."
        said = [*said, line[3:]] if line.startswith("-- ") and not section else []


def format_columns(lines: list[str]) -> Iterator[str]:
    """Write the columns of a table, up to its end."""
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    row: list[str] = []
    for line in lines:
        column, more, group = _COLUMN.match(line), _MORE.match(line), _GROUP.match(line)
        if row and more:
            row[2] = f"{row[2]} {more[1]}".strip()
            continue
        if row:
            yield f"| {' | '.join(row)} |"
            row = []
        if line.startswith(")"):
            return
        if group:
            yield f"| | | *{group[1]}* |"
        if column:
            nullable = "NOT NULL" not in column[3] and "PRIMARY KEY" not in column[3]
            kind = f"{column[2].lower()}{' or null' if nullable else ''}".strip()
            row = [f"`{column[1]}`", kind, column[4] or ""]


if __name__ == "__main__":
    raise SystemExit(deliver(PAGE, format_page(), command="scripts/docs"))
