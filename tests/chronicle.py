"""Stories told to a running network: each event on its day, and what became of it.

A story is a file of events (NDJSON) for ``kpledger submit``, in the order of their times. Before
an event is sent, the wall clock of every node is moved to the time at which it occurred, so that
block time is the time of the story. Clocks only go forward.
"""

import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from office import Ledger

from kpledger.base.units import format_time, parse_time

WALL_CLOCK = Path(__file__).with_name("wall_clock")
OVERLAP_MS = 600_000
"""How far a story may lie behind the clock, which goes on while the story is told."""


class Refused(NamedTuple):
    """A line of a story that the rules have refused."""

    type: str
    subject: str
    rule: str
    field: str


@dataclass(frozen=True, slots=True)
class WallClock:
    """The wall clock of a network, of every process that has its environment."""

    file: Path

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(WALL_CLOCK), "KP_WALL_CLOCK": str(self.file)}

    def now_ms(self) -> int:
        return _true_ms() + int(self.file.read_text(encoding="ascii"))

    def set(self, time_ms: int) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(time_ms - _true_ms()), encoding="ascii")
        fresh.replace(self.file)

    def move_to(self, time_ms: int) -> None:
        now = self.now_ms()
        assert time_ms > now - OVERLAP_MS, (
            f"it is {format_time(now)}, and a story wants {format_time(time_ms)}:"
            " stories share one network and are told in the order of their files"
        )
        if time_ms > now:
            self.set(time_ms)


@dataclass(frozen=True, slots=True)
class Town:
    """A running network, its clock, and a home with the keys of everybody."""

    ledger: Ledger
    clock: WallClock

    def submit(self, name: str, lines: list[str]) -> list[Refused]:
        """Submit lines of events; gives what was refused."""
        file = self.ledger.home / f"{name}.ndjson"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        answer = json.loads(self.ledger.run("submit", file, "--yes", "--json").stdout)
        assert answer["undecided"] == 0, answer
        return [_refused(lines[one["line"] - 1], one["problem"]) for one in answer["refusals"]]

    def certificate(self, number: str) -> dict[str, object]:
        """Give what the ledger says of a certificate."""
        found = self.ledger.ask("show", number)["certificate"]
        assert isinstance(found, dict)
        return found

    def record(self, subject: str) -> dict[str, object]:
        """Give what the ledger says of a participant, a case, or whatever has a record."""
        found = self.ledger.ask("show", subject)["record"]
        assert isinstance(found, dict)
        return found

    def state(self, subject: str) -> str:
        """Give the state of a certificate with its marks, of a case, of a proceeding."""
        found = self.ledger.ask("show", subject)
        record = found.get("certificate", found)
        assert isinstance(record, dict)
        return " ".join([record["state"], *record.get("marks", ())])

    def flags(self, participant: str, codes: str, *, at: str) -> list[tuple[str, str]]:
        """Give code and subject of what is flagged in the year until a day, newest first."""
        asked = ("flags", "--participant", participant, "--flag", codes, "--at", at, "--until", at)
        found = self.ledger.ask(*asked)["findings"]
        assert isinstance(found, list)
        return [(one["flag"], one["subject"]) for one in found]

    def standing(self, code: str, day: str) -> str:
        """Give the standing of a participant at the end of a day."""
        members = self.ledger.ask("status", "--at", day)["participants"]
        assert isinstance(members, list)
        return str(next(one["status"] for one in members if one["code"] == code))

    def restrictions(self, code: str, day: str) -> list[tuple[str, str, list[str]]]:
        """Give name, mode and zones of what held for a participant at the end of a day."""
        found = self.ledger.ask("status", "--at", day)["restrictions"]
        assert isinstance(found, list)
        of = [one for one in found if one["participant"] == code]
        return [(one["restriction"], one["mode"], one["zones"]) for one in of]

    def trace(self, subject: str) -> list[tuple[str, str, str]]:
        """Give how shipments hang together: the kind of link, the earlier and the later one."""
        found = self.ledger.ask("trace", subject)
        back, forward = found["back"], found["forward"]
        assert isinstance(back, list)
        assert isinstance(forward, list)
        return [(one["link"], one["earlier"], one["later"]) for one in back + forward]

    def events(self, subject: str) -> list[dict[str, object]]:
        """Give the events on a subject, as ``kpledger show`` does."""
        found = self.ledger.ask("show", subject)["history"]
        assert isinstance(found, list)
        return found


@dataclass(slots=True)
class Story:
    """A file of events, told as far as it was asked for."""

    town: Town
    file: Path
    told: int = 0
    """How many lines."""

    def tell(self, until: str = "9999-12-31") -> list[Refused]:
        """Go on with the story to the end of a day; gives what was refused on the way."""
        lines = self.file.read_text(encoding="utf-8").splitlines()[self.told :]
        refused: list[Refused] = []
        for at, group in itertools.groupby(lines, key=_occurred_at):
            if at[: len(until)] > until:
                break
            refused += self._tell_at(at, list(group))
        return refused

    def _tell_at(self, at: str, lines: list[str]) -> list[Refused]:
        """Submit the lines of one moment."""
        self.town.clock.move_to(parse_time(at))
        refused = self.town.submit(f"{self.file.stem}-{self.told + 1}", lines)
        self.told += len(lines)
        return refused


def _occurred_at(line: str) -> str:
    return str(json.loads(line)["occurred_at"])


def _refused(line: str, problem: dict[str, str]) -> Refused:
    event = json.loads(line)
    return Refused(event["type"], event["subject"], problem["rule"], problem["field"])


def _true_ms() -> int:
    return time.time_ns() // 1_000_000
