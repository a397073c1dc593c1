"""Many years: one synthetic year again and again, with its dates, numbers and seals moved on.

For ledgers of millions of events, which would take hours to draw and sign one by one. What is moved
are the bytes of each event, whose length stays: the payload of a repeated event is a true one, with
an id of its own, and the rules accept it; its signatures are those of the first year and do not
verify any more. The offices open once; each later year has a range of numbers of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from typing import Final

import msgspec
from lab.year.days import YEAR, YEAR_START_MS
from lab.year.signer import TimedEvent
from lab.year.tables import Tables
from lab.year.year import Year, make_year

from kpledger.base.codec import encode
from kpledger.base.units import DAY_MS, day_of, start_of_day_ms
from kpledger.scheme.envelope import Envelope, decode_envelope, open_envelope
from kpledger.scheme.event import compute_event_id, encode_event
from kpledger.scheme.v1.events.governance import NumberRangeAllocated
from kpledger.scheme.v1.events.life import AnnualReportFiled

EVENTS_PER_CERTIFICATE: Final = 4.2
YEARS_MAX: Final = 77
"""Days are written up to 2099, and numbers count years by two digits."""
NUMBERS_OF_A_YEAR: Final = 100_000
"""Of each office."""

_YEARS: Final = re.compile(rb"202[123](?=[-QH])")
_NUMBERS: Final = re.compile(rb"([A-Z]{2}[1-7])00(?=\d{5})")
_SEALS: Final = re.compile(rb"-SEAL-00(?=\d{5})")
# A time of the years 2021 to 2023 in milliseconds, as a MessagePack integer of eight bytes.
_TIMES: Final = re.compile(rb"\xcf\x00\x00\x01[\x7c-\x87].{4}", re.DOTALL)
_PREV: Final = b"\xa4prev\xc4\x20"
_YEAR: Final = b"\xa4year\xcd"
_ID_BYTES: Final = 32
_FIRST_DAY: Final = start_of_day_ms(f"{YEAR - 1}-01-01") // DAY_MS
_LAST_DAY: Final = start_of_day_ms(f"{YEAR + 1}-12-31") // DAY_MS


@dataclass(frozen=True, slots=True)
class RepeatedYears:
    """A synthetic year that is lived many times."""

    year: Year
    years: int

    def events(self) -> Iterator[TimedEvent]:
        """Give the events of all years in the order of time."""
        events = list(self.year.events())
        return merge(*(_move(events, later) for later in range(self.years)), key=_TIME)


def repeat_year(tables: Tables, *, years: int, events: int, seed: int) -> RepeatedYears:
    """Prepare so many years of about so many events together, with fraud planted in each.

    Raises:
        ValueError: there are too many years, or too few events for so many, or too many.
    """
    if not 1 <= years <= YEARS_MAX:
        raise ValueError(f"{years} years: not from 1 to {YEARS_MAX}")
    certificates = int(events / years / EVENTS_PER_CERTIFICATE)
    return RepeatedYears(
        make_year(tables, certificates=certificates, seed=seed, fraud=True, repeats=True), years
    )


_TIME: Final = attrgetter("time_ms")


def _move(events: list[TimedEvent], later: int) -> Iterator[TimedEvent]:
    """Give the events of the year as they are so many years later."""
    mover = _Mover(later)
    for event in events:
        if event.type == NumberRangeAllocated.TYPE:
            moved = mover.move_range(event)
        elif later and event.time_ms < YEAR_START_MS:
            continue  # The offices open once.
        else:
            moved = mover.move(event)
        if moved is not None:
            yield moved


class _Mover:
    """Moves events by a number of years."""

    def __init__(self, later: int) -> None:
        self._later = later
        self._years = {b"%d" % year: b"%d" % (year + later) for year in range(YEAR - 1, YEAR + 2)}
        self._ahead_ms = [_move_day(day, later) for day in range(_FIRST_DAY, _LAST_DAY + 1)]
        self._numbers = rb"\g<1>%02d" % later
        self._seals = b"-SEAL-%02d" % later
        self._ids: dict[bytes, bytes] = {}

    def move(self, event: TimedEvent) -> TimedEvent:
        """Move an event."""
        payload = self._move_payload(event)
        envelope = open_envelope(event.envelope)
        event_id = self._ids[event.event_id] = compute_event_id(payload)
        return TimedEvent(
            time_ms=self._move_ms(event.time_ms),
            envelope=_wrap(payload, envelope),
            event_id=event_id,
            subject=self._move_text(event.subject.encode(), event.type).decode(),
            type=event.type,
        )

    def move_range(self, event: TimedEvent) -> TimedEvent | None:
        """Move a range of numbers: what the year's offices have is a part of it for each year."""
        signed = decode_envelope(event.envelope)
        body = signed.body
        if not isinstance(body, NumberRangeAllocated):
            raise TypeError(f"{event.type} is no range of numbers")
        numbers = body.range
        if not numbers.use_from.startswith(f"{YEAR}"):
            return None if self._later else event
        first = numbers.first + self._later * NUMBERS_OF_A_YEAR
        moved = msgspec.structs.replace(
            numbers,
            first=first,
            last=first + NUMBERS_OF_A_YEAR - 2,
            use_from=f"{YEAR + self._later}{numbers.use_from[4:]}",
            use_until=f"{YEAR + 1 + self._later}{numbers.use_until[4:]}",
        )
        header = signed.header
        payload = encode_event(
            chain=header.chain,
            author=header.author,
            nonce=header.nonce,
            occurred_at=self._move_ms(header.occurred_at),
            subject=header.subject,
            prev=header.prev,
            body=msgspec.structs.replace(body, range=moved),
        )
        return TimedEvent(
            time_ms=self._move_ms(event.time_ms),
            envelope=_wrap(payload, open_envelope(event.envelope)),
            event_id=compute_event_id(payload),
            subject=event.subject,
            type=event.type,
        )

    def _move_payload(self, event: TimedEvent) -> bytes:
        payload = open_envelope(event.envelope).payload
        payload = self._move_text(payload, event.type)
        payload = _SEALS.sub(self._seals, payload)
        payload = _TIMES.sub(self._move_time, payload)
        start = payload.rfind(_PREV)
        if start < 0:
            return payload
        start += len(_PREV)
        prev = payload[start : start + _ID_BYTES]
        return payload[:start] + self._ids.get(prev, prev) + payload[start + _ID_BYTES :]

    def _move_text(self, text: bytes, event_type: str) -> bytes:
        text = _YEARS.sub(lambda found: self._years[found[0]], text)
        if event_type == AnnualReportFiled.TYPE:
            year, moved = YEAR, YEAR + self._later
            text = text.replace(b"/%d" % year, b"/%d" % moved)
            text = text.replace(_YEAR + year.to_bytes(2), _YEAR + moved.to_bytes(2))
        return _NUMBERS.sub(self._numbers, text)

    def _move_time(self, found: re.Match[bytes]) -> bytes:
        return b"\xcf" + self._move_ms(int.from_bytes(found[0][1:])).to_bytes(8)

    def _move_ms(self, time_ms: int) -> int:
        return time_ms + self._ahead_ms[time_ms // DAY_MS - _FIRST_DAY]


def _move_day(day: int, later: int) -> int:
    """Give how many milliseconds ahead the same day of the calendar is so many years later."""
    text = day_of(day * DAY_MS)
    return start_of_day_ms(f"{int(text[:4]) + later}{text[4:]}") - day * DAY_MS


def _wrap(payload: bytes, envelope: Envelope) -> bytes:
    return encode(msgspec.structs.replace(envelope, payload=payload))
