"""E4: restrictions on trade (G3), the shipments they hold back, and approvals under them (M1)."""

from collections.abc import Iterator
from dataclasses import dataclass

from kpledger.events.certificate import Certificate, CertificateKind
from kpledger.events.restrictions import Mode, Scope
from kpledger.outcome import Refusal, Rule
from kpledger.records import CertificateRecord, Restriction
from kpledger.rules.v1.context import Context, refuse
from kpledger.units import format_carats


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What restrictions look at, of a certificate to be issued or of one on the ledger."""

    number: str
    kind: CertificateKind
    issuer: str
    destination: str
    origins: tuple[str, ...]
    zones: tuple[str, ...] | None
    """None for a certificate on the ledger: its zones were looked at when it was issued."""
    carat_thousandths: int

    @classmethod
    def of_new(cls, issuer: str, certificate: Certificate) -> "Shipment":
        """Take what a certificate says that is issued here."""
        return cls(
            number=certificate.number,
            kind=certificate.kind,
            issuer=issuer,
            destination=certificate.destination,
            origins=certificate.origin.countries,
            zones=certificate.origin.zones,
            carat_thousandths=certificate.carat_thousandths,
        )

    @classmethod
    def of_record(cls, record: CertificateRecord) -> "Shipment":
        """Take what a certificate on the ledger says."""
        return cls(
            number=record.number,
            kind=record.kind,
            issuer=record.issuer,
            destination=record.destination,
            origins=record.origins,
            zones=None,
            carat_thousandths=record.carat_thousandths,
        )


def check_restrictions(context: Context, shipment: Shipment) -> Refusal | None:
    """E4: no restriction that is in force now stands in the way of a shipment.

    A technical certificate moves goods that are not traded, back from a restricted zone for
    instance, and is under none.
    """
    if shipment.kind is CertificateKind.TECHNICAL:
        return None
    for code, restriction in _in_scope(context, shipment):
        refusal = _check_zones(code, restriction, shipment) or _check_approved(
            context, code, restriction, shipment
        )
        if refusal is not None:
            return refusal
    return None


def _in_scope(context: Context, shipment: Shipment) -> Iterator[tuple[str, Restriction]]:
    scopes = [(shipment.issuer, Scope.EXPORT), (shipment.destination, Scope.IMPORT)]
    scopes += [(origin, Scope.ORIGIN) for origin in shipment.origins]
    for code, scope in scopes:
        for restriction in context.restrictions(code):
            if restriction.scope is scope and restriction.holds_at(context.at.now_ms):
                yield code, restriction


def _check_zones(code: str, restriction: Restriction, shipment: Shipment) -> Refusal | None:
    name = f"restriction {code}/{restriction.restriction}"
    if not restriction.zones:
        if restriction.mode is not Mode.PROHIBITED:
            return None
        problem = f"{name} prohibits it ({restriction.scope}, {restriction.decision})"
        return refuse(Rule.E4, "subject", problem, "a certificate out of its scope")
    if shipment.zones is None:
        return None
    named = shipment.zones
    if restriction.scope is Scope.ORIGIN:
        # A parcel of mixed origin names zones of other countries too.
        named = tuple(zone for zone in named if zone.startswith(f"{code}/"))
    strange = [zone for zone in named if zone not in restriction.zones]
    if named and not strange:
        return None
    problem = f"{name} does not allow {strange[0]}" if strange else f"{name} asks for zones"
    accepted = "zones among " + ", ".join(restriction.zones)
    return refuse(Rule.E4, "body.certificate.origin.zones", problem, accepted)


def _check_approved(
    context: Context, code: str, restriction: Restriction, shipment: Shipment
) -> Refusal | None:
    if restriction.mode is not Mode.PRE:
        return None
    approval = context.approval(shipment.number, code, restriction.restriction)
    name = f"restriction {code}/{restriction.restriction}"
    approver = "/".join(restriction.approver or ())
    if approval is None or not approval.approved:
        said = "was declined" if approval is not None else "was not approved"
        problem = f"{shipment.number} {said} under {name}"
        return refuse(Rule.E4, "subject", problem, f"an approval by {approver} first")
    if approval.carat_thousandths < shipment.carat_thousandths:
        return refuse(
            Rule.E4,
            "body.certificate.carat_thousandths" if shipment.zones is not None else "subject",
            f"{format_carats(shipment.carat_thousandths)} ct,"
            f" {approver} approved {format_carats(approval.carat_thousandths)} ct under {name}",
            f"up to {format_carats(approval.carat_thousandths)} ct",
        )
    return None
