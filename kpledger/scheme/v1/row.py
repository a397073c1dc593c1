"""A row of the catalogue: who may make an event, who signs with them, the rules, the effect."""

from collections.abc import Callable
from dataclasses import dataclass

from kpledger.scheme.v1.context import Check, Context, Effect
from kpledger.scheme.v1.rules.authorship import AuthorKind, Cosigner

Cosigners = Callable[[Context], tuple[Cosigner, ...]]
"""Says who has to sign besides the author, in this state."""


def nobody_else(_context: Context) -> tuple[Cosigner, ...]:
    """Say that the author's signature is enough."""
    return ()


@dataclass(frozen=True, slots=True)
class Row:
    """One event type."""

    offices: tuple[AuthorKind, ...]
    """Any of these may be its author (E1)."""
    checks: tuple[Check, ...]
    """The rules it must pass, in order; the first refusal is the answer."""
    effect: Effect
    """What it changes."""
    cosigners: Cosigners = nobody_else
    """Who must sign besides the author (E1)."""
