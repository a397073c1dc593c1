"""Spelling: what a person typed for a field that an error names.

The ledger speaks of ``body.exporter.name`` and a question of ``from_day``; whoever typed options
knows ``--exporter-name`` and ``--from``. Most have the name of their field. Where a command has
another, it stands here, the nearest first.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "author": ("key",),
    "signatures": ("cosign",),
    "subject": ("subject", "what", "shipment", "old", "number"),
    "authority": ("office",),
    "carat_thousandths": ("found_carats", "carats", "file"),
    "effective_until": ("until",),
    "found_carat_thousandths": ("found_carats",),
    "value_usd": ("value",),
    "value_usd_cents": ("found_value", "value", "file"),
    "parcels": ("found_parcels",),
    "claimed_issue": ("issued_on",),
    "claimed_issuer": ("issuer",),
    "claimed_number": ("number",),
    "claimed_provenance": ("provenance",),
    "case": ("technical",),
    "decision": ("decision", "name"),
    "image": ("document",),
    "key": ("public_key",),
    "legal_reference": ("law",),
    "participant": ("participant", "code", "under"),
    "quarter": ("period",),
    "half_year": ("period",),
    "ratifies": ("ratify",),
    "restriction": ("under", "name"),
    "rows": ("file",),
    "seals_intact": ("broken_seals",),
    "status": ("standing",),
    "transport_document": ("waybill",),
}
"""By the last name in the path of a field: parameters of commands that give it."""
_HEADER: Final = frozenset({"subject", "author", "signatures", "prev"})
"""What an event has besides its body."""


def spell(field: str, typed: Mapping[str, str], given: Mapping[str, object]) -> str:
    """Give the option or argument that a field was typed as; empty if it was not typed.

    Args:
        field: its path, as an error names it.
        typed: the parameters of the command, and how each is typed.
        given: what they were given.
    """
    if field.startswith("--"):
        return field
    in_a_file = "body" in typed or isinstance(given.get("draft"), Path)
    if in_a_file and field not in _HEADER:
        return ""
    for name in _candidates(re.sub(r"\[\d+\]", "", field).split(".")):
        if name in typed:
            return typed[name]
    return ""


def _candidates(path: list[str]) -> Iterator[str]:
    *above, last = path
    yield "_".join(path[-2:])
    if above:
        # A part that is one option, as NUMBER=CARATS is a source.
        yield above[-1]
        yield above[-1].removesuffix("s")
    yield from OTHER_NAMES.get(last, ())
    # The option --key is the key to sign with, and says who the author is.
    if last not in (*_HEADER, "key"):
        yield last
        yield last.removesuffix("s")
    if last.endswith("_on"):
        yield "on"
