"""Findings: one thing that a flag points at, as people read it."""

import msgspec

EVIDENCE_MAX = 10
"""How many events a finding names; where there are more, they are examples."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look at."""

    flag: str
    """Its code, ``F3``."""
    subject: str
    """A certificate's number, a participant, a pair ``A-B``, a range of numbers, an event."""
    participant: str
    """Whom it concerns first."""
    partner: str
    """The other side, if there is one; empty otherwise."""
    day: str
    """When: of the certificate, of the event, or the end of the period."""
    measure: int
    """What the threshold is compared with, in the unit of the setting."""
    explanation: str
    """What was seen, in plain words with the numbers, and what may lie behind it."""
    evidence: tuple[str, ...]
    """Ids of the events it rests on, hexadecimal."""
