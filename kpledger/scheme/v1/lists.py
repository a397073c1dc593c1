"""E5: lists in events are in ascending order, each entry once, and name what exists."""

import itertools
from collections.abc import Sequence

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse


def check_ascending(values: Sequence[str] | Sequence[bytes], field: str) -> Refusal | None:
    """E5: in ascending order, each once."""
    # Bytes are in the order of their hexadecimal form, which is what a refusal shows.
    shown = [value.hex() if isinstance(value, bytes) else str(value) for value in values]
    for before, after in itertools.pairwise(shown):
        if before >= after:
            problem = f"{after} comes after {before}"
            return refuse(Rule.E5, field, problem, "ascending order, each once")
    return None


def check_known(context: Context, codes: Sequence[str], field: str) -> Refusal | None:
    """E5: codes of participants on the ledger, in alphabetical order, each once."""
    refusal = check_ascending(codes, field)
    if refusal is not None:
        return refusal
    for code in codes:
        if context.participant(code) is None:
            return refuse(Rule.E5, field, f"{code} is not a participant", "codes of participants")
    return None
