"""The scheme itself: decisions and what rests on them (G3, G8 to G10, M1)."""

from kpledger.scheme.v1.events import decisions
from naive.authors import signs
from naive.dates import day_at, ends
from naive.houses import YEAR, lapse_of, the
from naive.papers import FROZEN_CODES, ascending, home_of, is_possible
from naive.world import Ban, Decision, Key, Said, Since, World, broken

CHAIR = ("KPCS", "chair")


def has_vote(world: World, code: str, at: int | None = None) -> bool:
    """Tell whether a member counts: entities trade and do not vote."""
    member = world.members.get(code)
    there = world.standing(code, at) in ("ACTIVE", "MEMBER_NO_TRADE")
    return member is not None and member.kind != "ENTITY" and there


def is_decided(world: World, name: str | None) -> bool:
    """Tell whether a decision stands, taken by more than the Chair alone."""
    decision = world.decisions.get(name or "")
    return decision is not None and is_carried(world, name or "", decision)


def is_carried(world: World, name: str, decision: Decision) -> bool:
    """Tell whether the scheme took a decision: nobody objects, and enough have signed for it."""
    asked = world.number(None, "signed_supports")
    enough = len(signed_for(world, name, decision.document)) >= asked
    return decision.procedure != "CHAIR_NOTICE" and enough and not objecting(world, name)


def signed_for(world: World, name: str, document: bytes) -> set[str]:
    said = world.positions.get(name, {})
    return {code for code in said if said[code] == ("SUPPORT", document) and has_vote(world, code)}


def objecting(world: World, name: str) -> set[str]:
    said = world.positions.get(name, {})
    return {code for code in said if said[code][0] == "OBJECTION" and has_vote(world, code)}


def speaks_with_a_vote(world: World, said: Said) -> str | None:
    """E11: who has a vote, of the text that was recorded."""
    body = the(decisions.PositionTaken, said)
    known = world.decisions.get(body.decision)
    same = known is None or known.document == body.document
    return None if has_vote(world, said.author[0]) and same else "E11"


def speak(world: World, said: Said) -> None:
    body = the(decisions.PositionTaken, said)
    world.positions.setdefault(body.decision, {})[said.author[0]] = (body.stance, body.document)


def rests_on_decision(world: World, said: Said) -> str | None:
    """E11: a measure of the Chair rests on a decision, or is interim by its notice alone."""
    interim = getattr(said.body, "interim", False)
    if said.author[0] != "KPCS":
        return "E11" if interim else None
    name: str | None = getattr(said.body, "decision", None)
    if interim:
        return "E11" if is_decided(world, name) else None
    return None if is_decided(world, name) else "E11"


# --- decisions


def records_soundly(world: World, said: Said) -> str | None:
    """E6: it is new; E5: lists and days; E11: nobody with a vote objected, somebody supported."""
    body = the(decisions.DecisionRecorded, said)
    alone = body.procedure == "CHAIR_NOTICE"
    day = ends(body.decided_on)
    asked = bool(world.number(None, "signed_supports"))
    signed = signed_for(world, body.decision, body.document)
    decision = Decision(body.procedure, body.document)
    lists = all(map(ascending, (body.supports, body.objections, body.ratifies)))
    return broken(
        ("E6", body.decision not in world.decisions),
        ("E5", lists and is_possible(world, body.decided_on)),
        ("E5", world.members.keys() >= {*body.supports, *body.objections}),
        ("E11", not {*body.supports} & {*body.objections}),
        ("E11", not any(has_vote(world, code, day) for code in body.objections)),
        ("E11", alone or not objecting(world, body.decision)),
        ("E11", alone or not asked or signed.issuperset(body.supports)),
        ("E11", alone or asked or any(has_vote(world, code, day) for code in body.supports)),
        ("E11", not body.ratifies or is_carried(world, body.decision, decision)),
        ("E11", all(is_interim(world, event) for event in body.ratifies)),
    )


def interim_measures(world: World) -> list[Since | Ban]:
    standings = [since for member in world.members.values() for since in member.standings]
    return [*standings, *(ban for bans in world.bans.values() for ban in bans)]


def is_interim(world: World, event: bytes) -> bool:
    return any(
        one.event == event and one.lapses is not None and world.now < one.lapses
        for one in interim_measures(world)
    )


def record(world: World, said: Said) -> None:
    body = the(decisions.DecisionRecorded, said)
    world.decisions[body.decision] = Decision(body.procedure, body.document)
    for one in interim_measures(world):
        if one.event in body.ratifies:
            one.lapses = None


# --- the Chair


def is_handed_over(world: World, said: Said) -> str | None:
    """E1: the Chair and the key of the next one sign, and nobody else."""
    body = the(decisions.ChairRotated, said)
    owners = {signs(world, key) for key in said.signers if key != body.key}
    return None if owners == {CHAIR} and body.key in said.signers else "E1"


def hands_over_soundly(world: World, said: Said) -> str | None:
    body = the(decisions.ChairRotated, said)
    vice = body.vice_chair
    return broken(
        ("E6", body.year <= int(day_at(world.now)[:4]) + 10),
        ("E6", world.year is None or body.year > world.year),
        ("E11", is_decided(world, body.decision)),
        ("E6", has_vote(world, body.chair) and body.key not in world.keys),
        ("E6", vice is None or (vice != body.chair and has_vote(world, vice))),
    )


def hand_over(world: World, said: Said) -> None:
    body = the(decisions.ChairRotated, said)
    for key in world.keys.values():
        if key.owner == CHAIR and key.end is None:
            key.end = world.now
    world.keys[body.key] = Key(CHAIR, 0, height=world.height)
    world.chair, world.vice_chair, world.year = body.chair, body.vice_chair, body.year


def elects_soundly(world: World, said: Said) -> str | None:
    body = the(decisions.ViceChairElected, said)
    if not is_decided(world, body.decision):
        return "E11"
    return None if has_vote(world, body.vice_chair) and body.vice_chair != world.chair else "E6"


def elect(world: World, said: Said) -> None:
    world.vice_chair = the(decisions.ViceChairElected, said).vice_chair


# --- policy and rules


def about_policy(said: Said) -> str:
    return f"{the(decisions.PolicySet, said).participant or 'KPCS'}/policy"


QUOTAS = ("trade_quota", "statistics_quota", "governance_quota", "notes_quota", "quota_offices")
SCHEME_ONLY = ("signed_supports", "interim_days", "vigilance", "clock_skew_ms", *QUOTAS)


def settles_soundly(world: World, said: Said) -> str | None:
    """E1: each for itself; E11: for all by decision; E5: values that fit; E14: from now on."""
    body = the(decisions.PolicySet, said)
    by_chair = said.author[0] == "KPCS"
    own = body.participant is None if by_chair else body.participant == said.author[0]
    decided = is_decided(world, body.decision) if by_chair else body.decision is None
    names = body.values.__struct_fields__
    given = {name for name in names if getattr(body.values, name) is not None}
    vigilance = body.values.vigilance or ()
    return broken(
        ("E1", own),
        ("E11", decided),
        ("E5", bool(given) and not {"max_validity_days", "max_validity_months"} <= given),
        ("E5", by_chair or not given.intersection(SCHEME_ONLY)),
        ("E5", ascending(vigilance) and not FROZEN_CODES.intersection(vigilance)),
        ("E14", world.now <= body.effective_from <= world.now + YEAR),
    )


def settle(world: World, said: Said) -> None:
    body = the(decisions.PolicySet, said)
    history = world.policies.setdefault(body.participant, [])
    history.append((body.effective_from, body.values, world.height))


def activates_soundly(world: World, said: Said) -> str | None:
    body = the(decisions.RulesActivated, said)
    if body.version != world.rules + 1:
        return "E6"
    if not max(world.height, world.rules_from) < body.height <= world.height + 100_000:
        return "E14"
    return None if is_decided(world, body.decision) else "E11"


def activate(world: World, said: Said) -> None:
    body = the(decisions.RulesActivated, said)
    world.rules, world.rules_from = body.version, body.height


# --- restrictions


def about_restriction(said: Said) -> str:
    body = said.body
    assert isinstance(body, decisions.RestrictionSet | decisions.RestrictionLifted)
    return f"{body.participant}/restriction/{body.restriction}"


def named_ban(world: World, code: str, name: str) -> Ban | None:
    """Give a restriction by its name: the newest of that name."""
    named = [ban for ban in world.bans.get(code, []) if ban.body.restriction == name]
    return named[-1] if named else None


def restricts_soundly(world: World, said: Said) -> str | None:
    body = the(decisions.RestrictionSet, said)
    zones, about = set(body.zones), set(body.operations)
    elsewhere = any(home_of(world, zone[:2]) != body.participant for zone in zones | about)
    apart = about.isdisjoint(zones) if body.mode == "PROHIBITED" else about <= zones
    named = body.approver
    approver = None if named is None else (named.participant, named.authority)
    until = body.effective_until
    return broken(
        ("E6", body.participant in world.members),
        ("E6", named_ban(world, body.participant, body.restriction) is None),
        ("E5", ascending(body.zones) and ascending(body.operations)),
        ("E5", not (elsewhere and body.scope == "ORIGIN") and (apart or not zones)),
        ("E5", (approver is None) == (body.mode == "PROHIBITED")),
        ("E6", approver is None or world.is_open(approver, "MONITORING")),
        ("E5", until is None or until > body.effective_from),
        ("E14", body.effective_from <= world.now + YEAR),
    )


def restrict(world: World, said: Said) -> None:
    body = the(decisions.RestrictionSet, said)
    lapses = lapse_of(world, body.effective_from) if body.interim else None
    ban = Ban(body, body.effective_until, lapses, said.event)
    world.bans.setdefault(body.participant, []).append(ban)


def lifts_soundly(world: World, said: Said) -> str | None:
    """E6: it would hold longer otherwise; E14: not before now."""
    body = the(decisions.RestrictionLifted, said)
    ban = named_ban(world, body.participant, body.restriction)
    if ban is None:
        return "E6"
    until = [end for end in (ban.until, ban.lapses) if end is not None]
    return broken(
        ("E6", all(body.effective_from < end for end in until)),
        ("E14", body.effective_from >= ban.body.effective_from),
    )


def lift_rests_on_decision(world: World, said: Said) -> str | None:
    """E11: what the Chair restricted alone, it may lift alone."""
    body = the(decisions.RestrictionLifted, said)
    ban = named_ban(world, body.participant, body.restriction)
    alone = ban is not None and ban.lapses is not None
    return None if alone else rests_on_decision(world, said)


def lift(world: World, said: Said) -> None:
    body = the(decisions.RestrictionLifted, said)
    ban = named_ban(world, body.participant, body.restriction)
    assert ban is not None
    ban.until = body.effective_from


def approves_under_ban(world: World, said: Said) -> str | None:
    body = said.body
    assert isinstance(body, decisions.ShipmentApproved | decisions.ShipmentDeclined)
    ban = named_ban(world, body.participant, body.restriction)
    if ban is None:
        return "E6"
    approver = ban.body.approver
    if approver is None or (approver.participant, approver.authority) != said.author:
        return "E1"
    photos = getattr(body, "photos", ())
    return None if ascending(photos) else "E5"


def approve(world: World, said: Said) -> None:
    body = said.body
    assert isinstance(body, decisions.ShipmentApproved | decisions.ShipmentDeclined)
    carats = getattr(body, "carat_thousandths", 0)
    world.approvals[body.number, body.participant, body.restriction] = (carats > 0, carats)
