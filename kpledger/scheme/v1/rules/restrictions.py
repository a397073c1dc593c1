"""E4: restrictions on trade (G3), the shipments they hold back, and approvals under them (M1)."""

from collections.abc import Iterator
from dataclasses import dataclass

from kpledger.base.units import format_carats, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events import restrictions as events
from kpledger.scheme.v1.events.certificate import Certificate, CertificateKind
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.lists import check_ascending
from kpledger.scheme.v1.records import CertificateRecord, Restriction
from kpledger.scheme.v1.rules.notice import check_notice_period

MAX_RESTRICTIONS = 200
"""How many restrictions a participant may ever have been under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentFacts:
    """What restrictions look at, of a certificate to be issued or of one on the ledger."""

    number: str
    kind: CertificateKind
    issuer: str
    destination: str
    origins: tuple[str, ...]
    zones: tuple[str, ...]
    carat_thousandths: int
    is_new: bool
    """Whether it is issued here; otherwise it is on the ledger."""

    @classmethod
    def of_new(cls, issuer: str, certificate: Certificate) -> "ShipmentFacts":
        """Take what a certificate says that is issued here."""
        return cls(
            number=certificate.number,
            kind=certificate.kind,
            issuer=issuer,
            destination=certificate.destination,
            origins=certificate.origin.countries,
            zones=certificate.origin.zones,
            carat_thousandths=certificate.carat_thousandths,
            is_new=True,
        )

    @classmethod
    def of_record(cls, record: CertificateRecord) -> "ShipmentFacts":
        """Take what a certificate on the ledger says."""
        return cls(
            number=record.number,
            kind=record.kind,
            issuer=record.issuer,
            destination=record.destination,
            origins=record.origins,
            zones=record.zones,
            carat_thousandths=record.carat_thousandths,
            is_new=False,
        )

    def field(self, name: str) -> str:
        """Give where a refusal points to: into the body, or at the certificate on the ledger."""
        return f"body.certificate.{name}" if self.is_new else "subject"


def check_restrictions(context: Context, shipment: ShipmentFacts) -> Refusal | None:
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


def _in_scope(context: Context, shipment: ShipmentFacts) -> Iterator[tuple[str, Restriction]]:
    scopes = [(shipment.issuer, events.Scope.EXPORT), (shipment.destination, events.Scope.IMPORT)]
    scopes += [(origin, events.Scope.ORIGIN) for origin in shipment.origins]
    for code, scope in scopes:
        for restriction in context.restrictions(code):
            if restriction.scope is scope and restriction.holds_at(context.at.now_ms):
                yield code, restriction


def _check_zones(code: str, restriction: Restriction, shipment: ShipmentFacts) -> Refusal | None:
    name = f"restriction {code}/{restriction.restriction}"
    if not restriction.zones:
        if restriction.mode is not events.Mode.PROHIBITED:
            return None
        problem = f"{name} prohibits it ({restriction.scope}, {restriction.decision})"
        return refuse(Rule.E4, "subject", problem, "a certificate out of its scope")
    named = shipment.zones
    if restriction.scope is events.Scope.ORIGIN:
        # A parcel of mixed origin names zones of other countries too.
        named = tuple(zone for zone in named if zone.startswith(f"{code}/"))
    strange = [zone for zone in named if zone not in restriction.zones]
    if named and not strange:
        return None
    problem = f"{name} does not allow {strange[0]}" if strange else f"{name} requires zones"
    accepted = "zones among " + ", ".join(restriction.zones)
    return refuse(Rule.E4, shipment.field("origin.zones"), problem, accepted)


def _check_approved(
    context: Context, code: str, restriction: Restriction, shipment: ShipmentFacts
) -> Refusal | None:
    if restriction.mode is not events.Mode.PRE:
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
            shipment.field("carat_thousandths"),
            f"{format_carats(shipment.carat_thousandths)} ct,"
            f" {approver} approved {format_carats(approval.carat_thousandths)} ct under {name}",
            f"up to {format_carats(approval.carat_thousandths)} ct",
        )
    return None


def check_restriction(context: Context) -> Refusal | None:
    """E5, E6: a restriction is new, of a participant, and says who approves what it asks for."""
    body = context.body(events.RestrictionSet)
    if context.participant(body.participant) is None:
        problem = f"{body.participant} is not a participant"
        return refuse(Rule.E6, "body.participant", problem, "a participant's code")
    held = context.restrictions(body.participant)
    if any(one.restriction == body.restriction for one in held):
        problem = f"{body.participant} already has a restriction {body.restriction}"
        return refuse(Rule.E6, "body.restriction", problem, "a name that has never been used")
    if len(held) >= MAX_RESTRICTIONS:
        problem = f"{body.participant} has been under {len(held)} restrictions"
        return refuse(Rule.E6, "body.restriction", problem, f"at most {MAX_RESTRICTIONS}")
    return (
        _check_allowed(body)
        or _check_approver(context, body)
        or _check_end(body)
        or check_notice_period(context, body.effective_from)
    )


def _check_allowed(body: events.RestrictionSet) -> Refusal | None:
    if body.scope is events.Scope.ORIGIN:
        for zone in body.zones:
            if not zone.startswith(f"{body.participant}/"):
                accepted = f"zones of {body.participant}"
                return refuse(
                    Rule.E5, "body.zones", f"{zone} is not in {body.participant}", accepted
                )
    return check_ascending(body.zones, "body.zones")


def _check_approver(context: Context, body: events.RestrictionSet) -> Refusal | None:
    if body.mode is events.Mode.PROHIBITED:
        if body.approver is None:
            return None
        problem = f"{body.approver} is named, but the mode asks for no approval"
        return refuse(Rule.E5, "body.approver", problem, "null, or the mode PRE or POST")
    if body.approver is None:
        problem = f"the mode {body.mode} needs an approver"
        return refuse(Rule.E5, "body.approver", problem, "an office with the role MONITORING")
    office = context.authority(body.approver.participant, body.approver.authority)
    if (
        office is None
        or office.closed_at is not None
        or AuthorityRole.MONITORING not in office.roles
    ):
        problem = f"{body.approver} is not an open office that monitors"
        accepted = "an open office with the role MONITORING"
        return refuse(Rule.E6, "body.approver", problem, accepted)
    return None


def _check_end(body: events.RestrictionSet) -> Refusal | None:
    if body.effective_until is None or body.effective_until > body.effective_from:
        return None
    problem = f"{format_time(body.effective_until)} is not after the beginning"
    accepted = f"a time after {format_time(body.effective_from)}, or null"
    return refuse(Rule.E5, "body.effective_until", problem, accepted)


def check_lifting(context: Context) -> Refusal | None:
    """E6: a restriction that is lifted would hold longer otherwise; E14: from when it is."""
    body = context.body(events.RestrictionLifted)
    name = f"{body.participant}/{body.restriction}"
    found = find_restriction(context, body.participant, body.restriction)
    if found is None:
        problem = f"there is no restriction {name}"
        return refuse(Rule.E6, "body.restriction", problem, "a restriction that has been set")
    end = found.ends_at()
    if end is not None and end <= body.effective_from:
        problem = f"{name} ends at {format_time(end)} anyway"
        return refuse(Rule.E6, "body.effective_from", problem, f"a time before {format_time(end)}")
    if body.effective_from < found.effective_from:
        problem = f"{name} begins at {format_time(found.effective_from)}"
        accepted = f"a time from {format_time(found.effective_from)} on"
        return refuse(Rule.E14, "body.effective_from", problem, accepted)
    return None


def find_restriction(context: Context, participant: str, name: str) -> Restriction | None:
    """Give the restriction of this name that a participant is or was under."""
    for one in context.restrictions(participant):
        if one.restriction == name:
            return one
    return None


def check_approval(context: Context) -> Refusal | None:
    """E6: there is such a restriction, and E1: the author is who approves under it."""
    body = context.event.body
    if not isinstance(body, events.ShipmentDeclined):
        body = context.body(events.ShipmentApproved)
    name = f"{body.participant}/{body.restriction}"
    found = find_restriction(context, body.participant, body.restriction)
    if found is None or found.approver is None:
        problem = f"there is no restriction {name} with approvals"
        return refuse(Rule.E6, "body.restriction", problem, "a restriction with an approver")
    if context.author != found.approver:
        approver = "/".join(found.approver)
        problem = f"{context.event.header.author} is not the approver under {name}"
        return refuse(Rule.E1, "author", problem, approver)
    if isinstance(body, events.ShipmentApproved):
        return check_ascending(body.photos, "body.photos")
    return None
