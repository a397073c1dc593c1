"""Flows: what each participant exported and imported, by month and country of origin.

Exports are dated by issue, imports by receipt, technical certificates left out; what was withdrawn
is taken out again, and what both sides agreed on takes the place of what was found. The origin is
empty for stones whose countries or shares are not known.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from kpledger.analysis.flags.passages import Move, Moved, Passage
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.units import bound_amount
from kpledger.scheme.v1.events.certificate import Certificate

FLOWS: Final = b"flow"
ORIGINS_IN: Final = b"originin"
SHARES: Final = b"originshare"
_WHOLE: Final = 10_000

_encode: Final = msgspec.msgpack.Encoder().encode


class Flow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Sums of one participant, month and origin; weights in thousandths, values in cents."""

    export_carats: int = 0
    export_value: int = 0
    exports: int = 0
    """Certificates; one of several origins counts in each."""
    import_carats: int = 0
    import_value: int = 0
    imports: int = 0

    def plus(self, other: "Flow") -> "Flow":
        """Add two."""
        return Flow(
            export_carats=bound_amount(self.export_carats + other.export_carats),
            export_value=bound_amount(self.export_value + other.export_value),
            exports=self.exports + other.exports,
            import_carats=bound_amount(self.import_carats + other.import_carats),
            import_value=bound_amount(self.import_value + other.import_value),
            imports=self.imports + other.imports,
        )


_decode: Final = msgspec.msgpack.Decoder(Flow).decode
_decode_shares: Final = msgspec.msgpack.Decoder(dict[str, int]).decode


@dataclass(frozen=True, slots=True)
class FlowsRead:
    """The flows of a time, by participant, month and origin."""

    cells: dict[str, dict[str, dict[str, Flow]]]

    def total(self, participant: str, months: tuple[str, ...], origin: str | None = None) -> Flow:
        """Add up months of a participant, of one origin or of all."""
        by_month = self.cells.get(participant, {})
        cells = [by_month[month] for month in months if month in by_month]
        if origin is None:
            flows = [flow for cell in cells for flow in cell.values()]
        else:
            flows = [cell[origin] for cell in cells if origin in cell]
        # Field by field: a question adds up thousands of them.
        return Flow(
            export_carats=sum([flow.export_carats for flow in flows]),
            export_value=sum([flow.export_value for flow in flows]),
            exports=sum([flow.exports for flow in flows]),
            import_carats=sum([flow.import_carats for flow in flows]),
            import_value=sum([flow.import_value for flow in flows]),
            imports=sum([flow.imports for flow in flows]),
        )

    def origins(self, participant: str, months: tuple[str, ...]) -> tuple[str, ...]:
        """List the origins of a participant's flows in months."""
        by_month = self.cells.get(participant, {})
        return tuple(sorted({one for month in months for one in by_month.get(month, {})}))


def take_flow(moved: Moved, changes: IndexChanges) -> None:
    """Add up what moves."""
    passage = moved.passage
    if passage.technical:
        return
    match moved.move:
        case Move.ISSUED if moved.certificate is not None:
            shares = _shares_of(moved.certificate)
            if len(shares) > 1:
                changes.put(SHARES, passage.number.encode(), _encode(shares))
            _add_exports(moved, changes, shares, 1)
        case Move.WITHDRAWN:
            _add_exports(moved, changes, _read_shares(moved, changes), -1)
        case Move.CONFIRMED | Move.DISCREPANT:
            _add_imports(moved, changes, passage, 1)
            for origin in passage.origins:
                changes.put(ORIGINS_IN, f"{passage.destination}/{origin}".encode())
        case Move.RESOLVED if moved.before is not None:
            _add_imports(moved, changes, moved.before, -1)
            _add_imports(moved, changes, passage, 1)
        case _:
            pass


def read_flows(index: IndexReader, participants: tuple[str, ...], from_month: str) -> FlowsRead:
    """Read the flows of participants from a month on."""
    cells: dict[str, dict[str, dict[str, Flow]]] = {}
    for code in participants:
        head = f"{code}/"
        start = f"{head}{from_month}".encode()
        by_month = cells.setdefault(code, {})
        for key, value in index.scan(FLOWS, head.encode(), start=start):
            _, month, origin = key.decode().split("/")
            by_month.setdefault(month, {})[origin] = _decode(value)
    return FlowsRead(cells)


def has_imported(index: IndexReader, participant: str, origin: str) -> bool:
    """Tell whether a participant ever received stones that may be of an origin."""
    return index.get(ORIGINS_IN, f"{participant}/{origin}".encode()) is not None


def _add_exports(moved: Moved, changes: IndexChanges, shares: dict[str, int], sign: int) -> None:
    passage = moved.passage
    for origin, share in shares.items():
        flow = Flow(
            export_carats=sign * (passage.carat_thousandths * share // _WHOLE),
            export_value=sign * (passage.value_usd_cents * share // _WHOLE),
            exports=sign,
        )
        _add(changes, passage.issuer, passage.issued_on[:7], origin, flow)


def _add_imports(moved: Moved, changes: IndexChanges, passage: Passage, sign: int) -> None:
    for origin, share in _read_shares(moved, changes).items():
        flow = Flow(
            import_carats=sign * (passage.found_carat_thousandths * share // _WHOLE),
            import_value=sign * (passage.found_value_usd_cents * share // _WHOLE),
            imports=sign,
        )
        _add(changes, passage.destination, passage.received_on[:7], origin, flow)


def _add(changes: IndexChanges, participant: str, month: str, origin: str, flow: Flow) -> None:
    key = f"{participant}/{month}/{origin}".encode()
    before = changes.get(FLOWS, key)
    after = flow if before is None else _decode(before).plus(flow)
    changes.put(FLOWS, key, _encode(after))


def _shares_of(certificate: Certificate) -> dict[str, int]:
    countries, shares = certificate.origin.countries, certificate.origin.shares
    if len(countries) == 1:
        return {countries[0]: _WHOLE}
    return dict(zip(countries, shares, strict=True)) if shares else {"": _WHOLE}


def _read_shares(moved: Moved, changes: IndexChanges) -> dict[str, int]:
    if len(moved.passage.origins) == 1:
        return {moved.passage.origins[0]: _WHOLE}
    stored = changes.get(SHARES, moved.passage.number.encode())
    return {"": _WHOLE} if stored is None else _decode_shares(stored)
