"""``python -m lab.year``: write a synthetic year as files, without a network."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from lab.year.files import (
    EVENTS_NAME,
    GENESIS_NAME,
    KEYS_NAME,
    PLANTED_NAME,
    write_events,
    write_keys,
    write_planted,
)
from lab.year.tables import load_tables
from lab.year.year import CERTIFICATES_MIN, make_year


def write_year(
    out: Annotated[Path, typer.Option(help="Where the files go; made if missing.")],
    certificates: Annotated[
        int, typer.Option(min=CERTIFICATES_MIN, help="About how many; 60000 is a real year.")
    ] = 60_000,
    seed: Annotated[int, typer.Option(help="Draws the year.")] = 2022,
    *,
    honest: Annotated[bool, typer.Option("--honest", help="Plant no fraud.")] = False,
) -> None:
    """Write a synthetic year of certificates: genesis file, signed events, what was planted.

    Example: python -m lab.year --certificates 3000 --out /tmp/year
    """
    started = time.monotonic()
    year = make_year(load_tables(), certificates=certificates, seed=seed, fraud=not honest)
    out.mkdir(parents=True, exist_ok=True)
    (out / GENESIS_NAME).write_bytes(year.genesis.encoded)
    write_keys(out / KEYS_NAME, year.participants)
    events = write_events(out / EVENTS_NAME, year.events())
    cases = year.cases.listed()
    write_planted(out / PLANTED_NAME, cases)
    seconds = time.monotonic() - started
    typer.echo(json.dumps({"events": events, "planted": len(cases), "seconds": round(seconds, 1)}))


if __name__ == "__main__":
    typer.run(write_year)
