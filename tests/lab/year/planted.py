"""Planted cases: what was done, whom it concerns, and the flags that have to find it."""

from enum import Enum

import msgspec


class Fraud(Enum):
    """A kind of fraud: the pattern it follows, and the flags that must see it."""

    FORGED_NUMBER = ("P1", ("F7",), "a paper with a number in range that was never issued")
    RETIRED_NUMBER = ("P1", ("F7",), "a paper with a number of a range that was withdrawn")
    NON_PARTICIPANT = ("P2", ("F7",), "a paper of a country that is not in the scheme")
    REUSED = ("P3", ("F8",), "a used certificate presented again with other goods")
    ORIGIN_LAUNDERING = ("P4", ("F6",), "a small producer exports thrice what it mines")
    EXCESS_EXPORTS = ("P5", ("F5",), "a trading country exports what it never imported")
    SILENT_PRODUCER = ("P6", ("F17",), "a producer mines and issues nothing")
    TRANSFER_PRICING = ("P7", ("F3", "F4"), "sold far too cheaply, sent on at the usual price")
    BACK_DATED = ("P8", ("F16",), "an issue recorded many days after its stated date")
    COMPROMISED_KEY = ("P8", ("F16",), "issued under a key that was in other hands")
    SUSPENDED_ISSUER = ("P10", ("F10",), "issued in haste before a suspension, presented after it")
    SHORT_CONTENTS = ("P11", ("F2",), "less in the parcel than declared, just within tolerance")
    CIRCULAR = ("F15", ("F15",), "the same goods sent out and back")
    SHARED_SEAL = ("F8", ("F8",), "one seal on two certificates")
    FALSE_STATISTICS = ("F13", ("F13",), "statistics that leave out part of the trade")
    VANISHED = ("F1", ("F1",), "exported, and never heard of again")
    EXPIRED = ("F9", ("F9",), "arrived long after the certificate had expired")

    def __init__(self, pattern: str, flags: tuple[str, ...], what: str) -> None:
        self.pattern = pattern
        self.flags = flags
        self.what = what


class PlantedCase(msgspec.Struct, frozen=True, kw_only=True):
    """One case of fraud in the synthetic year."""

    case: str
    """Its name, ``CIRCULAR-2``."""
    kind: str
    flags: tuple[str, ...]
    """The flags that must find it, each by itself."""
    subjects: tuple[str, ...]
    """What it concerns: certificates, suspect papers, participants."""


class Cases:
    """The cases of a year, as they come about."""

    def __init__(self) -> None:
        """Begin without any."""
        self._subjects: dict[str, tuple[Fraud, list[str]]] = {}
        self._counts: dict[Fraud, int] = {}

    def open(self, kind: Fraud, *subjects: str) -> str:
        """Begin a case and give its name."""
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        name = f"{kind.name}-{count}"
        self._subjects[name] = (kind, list(subjects))
        return name

    def add(self, case: str, *subjects: str) -> None:
        """Name what else a case concerns."""
        self._subjects[case][1].extend(subjects)

    def listed(self) -> tuple[PlantedCase, ...]:
        """Give all of them; one that came to nothing concerns nothing and is left out."""
        return tuple(
            PlantedCase(case=name, kind=kind.name, flags=kind.flags, subjects=tuple(subjects))
            for name, (kind, subjects) in self._subjects.items()
            if subjects
        )
