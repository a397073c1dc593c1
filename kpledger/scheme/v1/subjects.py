"""Subjects: how an event names what it is about, one spelling for each kind of thing.

A certificate is named by its number, a participant by its code, a key by its hexadecimal form, an
office as ``BW/gaborone``. What has a life of its own beside these gets a path: the second shipment
that was presented under a certificate is ``BW00000042/2``, a review visit ``ZW/review/2026-1``.
"""

from enum import StrEnum


class Subject(StrEnum):
    """The kinds of thing that stand under a participant's code or ``KPCS``."""

    ANOMALY = "anomaly"
    """A question about statistics, and its answer."""
    BODY = "body"
    """A working group or committee."""
    CASE = "case"
    """A shipment without a certificate of its own."""
    CONCERN = "concern"
    """A concern about compliance (KPCS VI.16)."""
    COUNTS = "counts"
    DECISION = "decision"
    MEETING = "meeting"
    POLICY = "policy"
    PRODUCTION = "production"
    REPORT = "report"
    RESTRICTION = "restriction"
    REVIEW = "review"
    RULES = "rules"
    SUSPECT = "suspect"
    TRADE = "trade"


def subject_under(code: str, kind: Subject, name: str = "") -> str:
    """Spell a subject, ``ZW/review/2026-1``; without a name, ``KPCS/policy``."""
    return f"{code}/{kind}/{name}" if name else f"{code}/{kind}"


def case_of_certificate(number: str, serial: int) -> str:
    """Spell the case of a further shipment presented under a certificate, counted from 1."""
    return f"{number}/{serial}"
