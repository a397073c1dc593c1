"""Measures of the scheme as the records keep them, when they hold, and who signed for them.

What the Chair sets alone is interim: it lapses unless a decision ratifies it.
"""

import msgspec

from kpledger.scheme.v1.events.decisions import Mode, Scope, Stance
from kpledger.scheme.v1.events.governance import Standing


class StandingSince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A standing and the instant it begins."""

    status: Standing
    effective_from: int
    """Unix milliseconds."""
    decision: str
    """The decision behind it."""
    lapses_at: int | None = None
    """Interim: when it ends unless ratified; Unix milliseconds."""
    event: bytes | None = None
    """The event that set it; none for those of the genesis file."""


class Restriction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A restriction on trade, and when it holds."""

    restriction: str
    scope: Scope
    mode: Mode
    zones: tuple[str, ...]
    approver: tuple[str, str] | None
    """Participant, or ``KPCS``, and authority."""
    effective_from: int
    effective_until: int | None
    decision: str
    lapses_at: int | None
    """Interim: when it ends unless ratified; Unix milliseconds."""
    event: bytes
    operations: tuple[str, ...] = ()
    """The operations that it is about; all where there are none."""

    def ends_at(self) -> int | None:
        """Give when it ends, as far as that is known; Unix milliseconds."""
        ends = [end for end in (self.effective_until, self.lapses_at) if end is not None]
        return min(ends, default=None)

    def holds_at(self, time_ms: int) -> bool:
        """Tell whether it is in force at an instant."""
        end = self.ends_at()
        return self.effective_from <= time_ms and (end is None or time_ms < end)


class SignedPosition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a participant said of a decision last, and by which event."""

    participant: str
    stance: Stance
    document: bytes
    """Hash of the text that it meant."""
    event: bytes
