"""E4: restrictions on trade (G3), the shipments they hold back, and approvals under them (M1)."""

from collections.abc import Iterator

from kpledger.base.units import format_carats, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import decisions as events
from kpledger.scheme.v1.events.certificate import CertificateKind
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.measures import Restriction
from kpledger.scheme.v1.records import ApprovalRecord, CertificateRecord
from kpledger.scheme.v1.rules.values import check_ascending, check_notice_period
from kpledger.scheme.v1.territories import tell_home

MAX_RESTRICTIONS = 200
"""How many restrictions a participant may ever have been under."""


def check_restrictions(context: Context, shipment: CertificateRecord, time_ms: int) -> Refusals:
    """E4: no restriction that is in force at an instant stands in the way of a shipment.

    One on the origin of a participant holds the stones of its territories too. A mixed parcel that
    names no country (KPCS Annex I) is held back by none; it is flagged (F18).
    A technical certificate moves goods that are not traded, back from a restricted zone for
    instance, and is under none.
    """
    if shipment.kind is not CertificateKind.TECHNICAL:
        for code, restriction in restrictions_on(context, shipment):
            if not restriction.holds_at(time_ms):
                continue
            yield from _check_zones(context, code, restriction, shipment)
            if restriction.mode is events.Mode.PRE and _is_about(restriction, shipment):
                yield from _check_approved(context, code, restriction, shipment)


def field_of(context: Context, shipment: CertificateRecord, name: str) -> str:
    """Say where a refusal points to: into the body, or at the certificate on the ledger."""
    is_new = shipment.head == context.event.event_id
    return f"body.certificate.{name}" if is_new else "subject"


def restrictions_on(
    context: Context, shipment: CertificateRecord
) -> Iterator[tuple[str, Restriction]]:
    """Give the restrictions in whose scope a shipment is, in force or not, and whose each is."""
    scopes = [(shipment.issuer, events.Scope.EXPORT), (shipment.destination, events.Scope.IMPORT)]
    homes = dict.fromkeys(context.home_of(origin) for origin in shipment.origins)
    scopes += [(home, events.Scope.ORIGIN) for home in homes]
    for code, scope in scopes:
        for restriction in context.restrictions(code):
            if restriction.scope is scope:
                yield code, restriction


def _is_in(context: Context, zone: str, code: str) -> bool:
    return context.home_of(zone.partition("/")[0]) == code


def _check_zones(
    context: Context, code: str, restriction: Restriction, shipment: CertificateRecord
) -> Refusals:
    name = f"restriction {code}/{restriction.restriction}"
    allowed, about = restriction.zones, restriction.operations
    prohibits = restriction.mode is events.Mode.PROHIBITED
    if prohibits and not allowed and not about:
        problem = f"{name} prohibits it ({restriction.scope}, {restriction.decision})"
        yield Refusal(Rule.E4, "subject", problem, "a certificate out of its scope")
    if not allowed and not about:
        return
    named = shipment.zones
    if restriction.scope is events.Scope.ORIGIN:
        # A parcel of mixed origin names zones of other countries too.
        named = tuple(zone for zone in named if _is_in(context, zone, code))
    held = about if prohibits else ()
    strange = [zone for zone in named if zone in held or (allowed and zone not in allowed)]
    if strange or not named:
        problem = f"{name} does not allow {strange[0]}" if strange else f"{name} requires zones"
        accepted = "zones among " + ", ".join(allowed)
        if not allowed:
            accepted = f"the zones that the goods come from, none of them {', '.join(held)}"
        if not allowed and not held:
            accepted = "the zones or operations that the goods come from"
        yield Refusal(Rule.E4, field_of(context, shipment, "origin.zones"), problem, accepted)


def _is_about(restriction: Restriction, shipment: CertificateRecord) -> bool:
    """Tell whether any of the goods come from operations that a restriction is about."""
    about = restriction.operations
    return not about or not set(about).isdisjoint(shipment.zones)


def _check_approved(
    context: Context, code: str, restriction: Restriction, shipment: CertificateRecord
) -> Refusals:
    approval = context.read(ApprovalRecord, shipment.number, code, restriction.restriction)
    name = f"restriction {code}/{restriction.restriction}"
    approver = "/".join(restriction.approver or ())
    if approval is None or not approval.approved:
        said = "was declined" if approval is not None else "was not approved"
        problem = f"{shipment.number} {said} under {name}"
        yield Refusal(Rule.E4, "subject", problem, f"an approval by {approver} first")
    elif approval.carat_thousandths < shipment.carat_thousandths:
        most = f"{format_carats(approval.carat_thousandths)} ct"
        weight = f"{format_carats(shipment.carat_thousandths)} ct"
        problem = f"{weight}, {approver} approved {most} under {name}"
        field = field_of(context, shipment, "carat_thousandths")
        yield Refusal(Rule.E4, field, problem, f"up to {most}")


def check_restriction(context: Context) -> Refusals:
    """E5, E6: a restriction is new, of a participant, and says who approves what it asks for."""
    body = context.body(events.RestrictionSet)
    code = body.participant
    if context.participant(code) is None:
        problem = f"{code} is not a participant{tell_home(code)}"
        yield Refusal(Rule.E6, "body.participant", problem, "a participant's code")
    held = context.restrictions(code)
    if any(one.restriction == body.restriction for one in held):
        problem = f"{code} already has a restriction {body.restriction}"
        yield Refusal(Rule.E6, "body.restriction", problem, "a name that has never been used")
    if len(held) >= MAX_RESTRICTIONS:
        problem = f"{code} has been under {len(held)} restrictions"
        yield Refusal(Rule.E6, "body.restriction", problem, f"at most {MAX_RESTRICTIONS}")
    for field, places in (("body.zones", body.zones), ("body.operations", body.operations)):
        for zone in places:
            if body.scope is events.Scope.ORIGIN and not _is_in(context, zone, code):
                yield Refusal(Rule.E5, field, f"{zone} is not in {code}", f"zones of {code}")
        yield from check_ascending(places, field)
    yield from _check_operations(body)
    yield from _check_approver(context, body)
    start, end = body.effective_from, body.effective_until
    if end is not None and end <= start:
        problem = f"{format_time(end)} is not after the beginning"
        accepted = f"a time after {format_time(start)}, or null"
        yield Refusal(Rule.E5, "body.effective_until", problem, accepted)
    yield from check_notice_period(context, start)


def _check_operations(body: events.RestrictionSet) -> Refusals:
    """E5: what it is about is allowed on a condition, or prohibited; not both."""
    prohibits = body.mode is events.Mode.PROHIBITED
    for operation in body.operations if body.zones else ():
        if (operation in body.zones) is prohibits:
            problem = f"{operation} is {'both' if prohibits else 'not'} among the allowed zones"
            accepted = "zones without it" if prohibits else "zones with it, or none"
            yield Refusal(Rule.E5, "body.zones", problem, accepted)


def _check_approver(context: Context, body: events.RestrictionSet) -> Refusals:
    approver, asked = body.approver, body.mode is not events.Mode.PROHIBITED
    if approver is None:
        if asked:
            problem = f"the mode {body.mode} needs an approver"
            accepted = "an office with the role MONITORING"
            yield Refusal(Rule.E5, "body.approver", problem, accepted)
    elif not asked:
        problem = f"{approver} is named, but the mode asks for no approval"
        yield Refusal(Rule.E5, "body.approver", problem, "null, or the mode PRE or POST")
    elif not context.is_open(approver.participant, approver.authority, AuthorityRole.MONITORING):
        problem = f"{approver} is not an open office that monitors"
        accepted = "an open office with the role MONITORING"
        yield Refusal(Rule.E6, "body.approver", problem, accepted)


def check_lifting(context: Context) -> Refusals:
    """E6: a restriction that is lifted would hold longer otherwise; E14: from when it is."""
    body = context.body(events.RestrictionLifted)
    name, field = f"{body.participant}/{body.restriction}", "body.effective_from"
    found = find_restriction(context, body.participant, body.restriction)
    if found is None:
        problem = f"there is no restriction {name}"
        yield Refusal(Rule.E6, "body.restriction", problem, "a restriction that has been set")
    elif (end := found.ends_at()) is not None and end <= body.effective_from:
        problem = f"{name} ends at {format_time(end)} anyway"
        yield Refusal(Rule.E6, field, problem, f"a time before {format_time(end)}")
    elif body.effective_from < found.effective_from:
        start = format_time(found.effective_from)
        yield Refusal(Rule.E14, field, f"{name} begins at {start}", f"a time from {start} on")


def find_restriction(context: Context, participant: str, name: str) -> Restriction | None:
    """Give the restriction of this name that a participant is or was under."""
    held = context.restrictions(participant)
    return next((one for one in held if one.restriction == name), None)


def check_approval(context: Context) -> Refusals:
    """E6: there is such a restriction, and E1: the author is who approves under it."""
    body = context.event.body
    if not isinstance(body, events.ShipmentDeclined):
        body = context.body(events.ShipmentApproved)
    name = f"{body.participant}/{body.restriction}"
    found = find_restriction(context, body.participant, body.restriction)
    if found is None or found.approver is None:
        problem = f"there is no restriction {name} with approvals"
        yield Refusal(Rule.E6, "body.restriction", problem, "a restriction with an approver")
    elif context.author != found.approver:
        problem = f"{context.event.header.author} is not the approver under {name}"
        yield Refusal(Rule.E1, "author", problem, "/".join(found.approver))
    if isinstance(body, events.ShipmentApproved):
        yield from check_ascending(body.photos, "body.photos")
