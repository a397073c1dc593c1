"""Governance: members, offices, keys, numbers, decisions, restrictions, policy."""

from collections.abc import Callable

from naive.dates import DAY, day_at, days_later
from naive.recovering import is_witness
from naive.tables import STANDINGS
from naive.world import Office

from kpledger.scheme.v1.events import decisions, governance
from walk import deciding, restricting
from walk.basis import CHAIR, HASH, some_decision, soon
from walk.chance import Act, Chance

NEWCOMERS = ("AO", "CA", "GB", "JP", "LS", "TZ")


def new_key(chance: Chance, owner: str) -> bytes:
    """Give the public half of a key that nobody had before, or rarely one that is known."""
    if chance.likely(3):
        return chance.pick(list(chance.names))
    return chance.learn(f"{owner}#{len(chance.names)}")


def admit(chance: Chance) -> Act:
    code = chance.pick(NEWCOMERS) if chance.likely(90) else chance.member()
    decision, interim = some_decision(chance)
    kind = chance.weighed(
        {governance.ParticipantKind.STATE: 5, governance.ParticipantKind.ENTITY: 1}
    )
    body = governance.ParticipantAdmitted(
        code=code,
        name=code,
        kind=kind,
        effective_from=soon(chance),
        root_key=new_key(chance, f"{code}/root"),
        recovery_key=new_key(chance, f"{code}/recovery"),
        decision=decision,
        interim=interim,
    )
    return chance.act(CHAIR, body, code)


def change_standing(chance: Chance) -> Act:
    world = chance.world
    code = chance.code()
    down = [one for one in world.members if world.standing(one) != "ACTIVE"]
    if down and chance.likely(min(90, 30 * len(down))):
        code = chance.pick(down)
    itself = code in world.members and chance.likely(20)
    decision, interim = some_decision(chance)
    if itself:
        interim = chance.likely(5)
    fitting = STANDINGS.get(world.standing(code) or "", ())
    status = chance.maybe(fitting if chance.likely(85) else ()) or chance.pick(list(STANDINGS))
    if "ACTIVE" in fitting and chance.likely(60):
        status = "ACTIVE"
    if itself and chance.likely(90):
        status = "SELF_SUSPENDED"
    body = governance.ParticipantStatusChanged(
        code=code,
        status=governance.Standing(status),
        effective_from=soon(chance),
        decision=decision,
        interim=interim,
    )
    author = (code if chance.likely(95) else chance.member(), "root") if itself else CHAIR
    return chance.act(author, body, code)


def keeper(chance: Chance) -> Office:
    """Give who arranges offices: a root, and sometimes the Chair for the scheme's."""
    return CHAIR if chance.likely(10) else (chance.member(), "root")


def second(chance: Chance, author: Office) -> tuple[Office, ...]:
    """Give whose key signs with a root what concerns its own keys: mostly the recovery key."""
    return () if author == CHAIR or chance.likely(8) else ((author[0], "recovery"),)


def second_for(chance: Chance, author: Office, key: bytes) -> tuple[Office, ...]:
    """Likewise where a key is about to change: it is asked for a member's own keys alone."""
    own = chance.world.keys[key].owner[1] in ("root", "recovery")
    return second(chance, author) if own or chance.likely(3) else ()


def office_under(chance: Chance, code: str) -> str:
    offices = [office for owner, office in chance.world.houses if owner == code]
    return chance.maybe(offices if chance.likely(90) else []) or chance.pick(
        ("root", "recovery", "nowhere", "chair")
    )


def register(chance: Chance) -> Act:
    author = keeper(chance)
    code = author[0]
    name = f"office-{len(chance.world.houses)}"
    if chance.likely(8):
        name = office_under(chance, code)
    role = governance.AuthorityRole
    roles = chance.weighed(
        {
            (role.EXPORTING, role.IMPORTING): 10,
            (role.EXPORTING, role.IMPORTING, role.STATISTICS): 10,
            (role.IMPORTING,): 3,
            (role.MONITORING,): 5,
            (role.STATISTICS,): 2,
            (role.OBSERVER,): 1,
            (role.IMPORTING, role.EXPORTING): 1,
        }
    )
    if author == CHAIR:
        roles = chance.pick(((role.MONITORING,), (role.STATISTICS,), (role.EXPORTING,)))
    territory = chance.weighed({None: 30, "IM": 2, "BW": 1, "HK": 1})
    body = governance.AuthorityRegistered(
        authority=name, title=name, place="Somewhere", roles=roles, contact="", territory=territory
    )
    member = chance.world.members.get(code)
    first = member is not None and (member.offices == 0 or territory is not None)
    asked = first if chance.likely(95) else not first
    return chance.act(
        author, body, f"{code}/{name}", *((CHAIR,) if asked and code != "KPCS" else ())
    )


def close(chance: Chance) -> Act | None:
    """Close an office, mostly one that was opened on the way."""
    houses = chance.world.houses
    spare = [one for one, house in houses.items() if one[1].startswith("o") and not house.closed]
    office = chance.maybe(spare if chance.likely(85) else list(houses))
    if office is None:
        return None
    code, name = office if chance.likely(95) else (chance.member(), office[1])
    body = governance.AuthorityClosed(authority=name, reason="")
    return chance.act(CHAIR if code == "KPCS" else (code, "root"), body, f"{code}/{name}")


def add_key(chance: Chance) -> Act:
    author = keeper(chance)
    code = author[0]
    name = office_under(chance, code)
    body = governance.KeyAdded(
        authority=name,
        key=new_key(chance, f"{code}/{name}"),
        valid_from=soon(chance),
        officer=chance.pick((None, "a", "b", f"o-{len(chance.names)}")),
    )
    others = second(chance, author) if name in ("root", "recovery") else ()
    return chance.act(author, body, body.key.hex(), *others)


def key_of(chance: Chance, code: str) -> bytes:
    """Give a key of a participant's offices, and rarely of anybody."""
    keys = chance.world.keys
    own = [key for key, one in keys.items() if one.owner[0] == code]
    alive = [key for key in own if keys[key].end is None]
    return (
        chance.pick((alive if chance.likely(85) else own) or list(keys))
        if chance.likely(95)
        else chance.pick(list(keys))
    )


def rotate_key(chance: Chance) -> Act:
    author = keeper(chance)
    old = key_of(chance, author[0])
    new = new_key(chance, chance.names[old].partition("#")[0])
    body = governance.KeyRotated(old=old, new=new, valid_from=soon(chance))
    return chance.act(author, body, old.hex(), *second_for(chance, author, old))


def revoke_key(chance: Chance) -> Act | None:
    """Mostly a key of an office that has another: somebody has to be left."""
    author = keeper(chance)
    key = key_of(chance, author[0])
    owner = chance.world.keys[key].owner
    others = [one for one in chance.world.keys.values() if one.owner == owner and one.end is None]
    if len(others) < 4 and chance.likely(90):
        return None
    reason = chance.pick(list(governance.RevocationReason))
    suspect = chance.world.now - DAY if reason == "COMPROMISED" else None
    if chance.likely(5):
        suspect = chance.pick((None, chance.world.now, chance.world.now + DAY))
    body = governance.KeyRevoked(key=key, reason=reason, suspect_since=suspect)
    return chance.act(author, body, key.hex(), *second_for(chance, author, key))


def suspect(chance: Chance) -> int | None:
    """Give a height from which a thief may have signed, and rarely one to come."""
    height = chance.world.height
    back = chance.weighed({None: 5, 0: 2, 1: 3, 3: 3, -1: 1})
    return None if back is None else max(height - back, 1)


def helpers(chance: Chance, count: int) -> list[Office]:
    """Give roots that may witness a recovery, and rarely any."""
    members = chance.world.members
    heard = [code for code in members if is_witness(chance.world, code)]
    pool = heard if len(heard) >= count and chance.likely(90) else list(members)
    return [(code, "root") for code in chance.random.sample(pool, count)]


def recover(chance: Chance) -> Act:
    code = chance.member()
    body = governance.ParticipantRecovered(
        code=code,
        root_key=new_key(chance, f"{code}/root"),
        recovery_key=new_key(chance, f"{code}/recovery"),
        suspect_height=suspect(chance),
        reason="",
    )
    others = helpers(chance, chance.weighed({2: 10, 1: 2, 3: 2}))
    own = (code, chance.pick(("root", "recovery")))
    return chance.act(CHAIR, body, code, *((own,) if chance.likely(50) else others))


def recover_chair(chance: Chance) -> Act:
    world = chance.world
    key = new_key(chance, "KPCS/chair")
    body = governance.ChairRecovered(
        year=(world.year or 2026) + chance.weighed({0: 10, 1: 5, 20: 1}),
        chair=chance.code(),
        vice_chair=chance.weighed({None: 5, chance.code(): 3}),
        key=key,
        secretariat_key=new_key(chance, "KPCS/secretariat"),
        suspect_height=suspect(chance),
        reason="",
    )
    signing = helpers(chance, chance.weighed({3: 10, 2: 2, 4: 2}))
    act = chance.act(signing[0], body, "KPCS/chair", *signing[1:])
    return chance.also_by(act, chance.names[key]) if chance.likely(92) else act


def allot(chance: Chance) -> Act:
    code = chance.member()
    office = (
        chance.office_of(code, "EXPORTING")[1] if chance.likely(92) else office_under(chance, code)
    )
    house = chance.world.houses.get((code, office))
    prefix = chance.weighed({code: 20, (house and house.territory) or code: 10, "ZZ": 1})
    count = len(chance.world.runs.get(code, []))
    first = chance.weighed({count * 1_000 + 1: 20, 1: 1, count * 500: 1})
    today = day_at(chance.world.now)
    until = chance.weighed(
        {
            days_later(today, 400): 20,
            days_later(today, 20): 5,
            days_later(today, -1): 1,
            "2026-02-30": 1,
        }
    )
    body = governance.NumberRangeAllocated(
        authority=office,
        range=governance.NumberRange(
            prefix=prefix,
            width=6,
            first=first,
            last=max(first + chance.weighed({999: 20, 4: 5, -1: 1, 10**6: 1}), 0),
            use_from=chance.weighed({today: 20, days_later(today, 5): 2, days_later(today, 30): 1}),
            use_until=until,
        ),
    )
    return chance.act((code, "root"), body, f"{code}/{office}")


def retire(chance: Chance) -> Act | None:
    code = chance.member()
    runs = chance.world.runs.get(code, [])
    run = chance.maybe(runs)
    if run is None or (len(runs) < 3 and chance.likely(90)):
        return None
    body = governance.NumberRangeRetired(
        authority=run.office if chance.likely(95) else office_under(chance, code),
        prefix=run.range.prefix,
        width=run.range.width,
        first=run.range.first + (0 if chance.likely(95) else 1),
        reason="",
    )
    return chance.act((code, "root"), body, f"{code}/{body.authority}")


def notify_form(chance: Chance) -> Act:
    code = chance.member()
    good = f"{code}######"
    masks = chance.weighed(
        {
            (good,): 20,
            (f"{code}#####", good): 3,
            (good, f"{code}#####"): 1,
            (f"{code}-####",): 1,
            ("ZZ####",): 1,
        }
    )
    body = governance.CertificateFormatNotified(
        masks=masks, specimen=HASH, features="", valid_from=soon(chance)
    )
    return chance.act((code, "root"), body, code)


def hand_over(chance: Chance) -> Act:
    world = chance.world
    heir = world.vice_chair or chance.member()
    key = new_key(chance, "KPCS/chair")
    body = decisions.ChairRotated(
        year=(world.year or 2026) + chance.weighed({1: 20, 0: 1}),
        chair=heir if chance.likely(92) else chance.code(),
        key=key,
        vice_chair=chance.weighed({None: 5, chance.code(): 5}),
        decision=some_decision(chance)[0],
    )
    act = chance.act(CHAIR, body, "KPCS/chair")
    return chance.also_by(act, chance.names[key]) if chance.likely(95) else act


def elect(chance: Chance) -> Act:
    body = decisions.ViceChairElected(vice_chair=chance.code(), decision=some_decision(chance)[0])
    return chance.act(CHAIR, body, "KPCS/chair")


VALUES: tuple[dict[str, object], ...] = (
    {"max_validity_days": 60},
    {"max_validity_days": 30},
    {"max_validity_months": 2},
    {"max_validity_months": 3},
    {"expiry": decisions.ExpiryMeaning.JOURNEY},
    {"expiry": decisions.ExpiryMeaning.EXPORT_BY},
    {"carat_tolerance_ppm": 5_000},
    {"carat_tolerance_thousandths": 0},
    {"value_tolerance_ppm": 0},
    {"value_tolerance_usd_cents": 0},
    {"officers": 2},
    {"officers": 1},
    {"strict_lineage": True},
    {"strict_lineage": False},
    {"notice_expected": True},
    {"interim_days": 30},
    {"signed_supports": 1},
    {"signed_supports": 0},
    {"clock_skew_ms": 20_000},
    {"clock_skew_ms": 10_000},
    {"trade_quota": 10, "quota_offices": 1},
    {"trade_quota": 2_500},
    {"governance_quota": 10, "notes_quota": 10},
    {"governance_quota": 2_000},
    {"vigilance": ("AO", "CF")},
    {"vigilance": ("CF", "AO")},
    {"max_validity_days": 60, "max_validity_months": 2},
    {},
)


def set_policy(chance: Chance) -> Act:
    code = None if chance.likely(25) else chance.member()
    values = chance.pick(VALUES)
    by_chair = code is None or chance.likely(5)
    decision = some_decision(chance)[0] if by_chair else None
    if chance.likely(3):
        decision = chance.pick((None, "NO-SUCH-1"))
    body = decisions.PolicySet(
        participant=code,
        values=decisions.PolicyValues(**values),  # type: ignore[arg-type]
        effective_from=soon(chance),
        decision=decision,
    )
    author = CHAIR if by_chair else (code or "", "root")
    return chance.act(author, body, f"{code or 'KPCS'}/policy")


def activate_rules(chance: Chance) -> Act:
    world = chance.world
    body = decisions.RulesActivated(
        version=chance.weighed({world.rules + 1: 10, world.rules + 2: 1, 2: 1}),
        height=world.height + chance.weighed({0: 1, 1: 5, 5: 10, 100_000: 1, 100_001: 1}),
        decision=some_decision(chance)[0],
    )
    return chance.act(CHAIR, body, "KPCS/rules")


DRAWS: dict[str, tuple[Callable[[Chance], Act | None], int]] = {
    "participant_admitted": (admit, 3),
    "participant_status_changed": (change_standing, 8),
    "authority_registered": (register, 4),
    "authority_closed": (close, 3),
    "key_added": (add_key, 6),
    "key_rotated": (rotate_key, 6),
    "key_revoked": (revoke_key, 12),
    "participant_recovered": (recover, 3),
    "chair_recovered": (recover_chair, 4),
    "number_range_allocated": (allot, 6),
    "number_range_retired": (retire, 4),
    "certificate_format_notified": (notify_form, 2),
    "decision_recorded": (deciding.decide, 12),
    "position_taken": (deciding.take_position, 8),
    "chair_rotated": (hand_over, 2),
    "vice_chair_elected": (elect, 2),
    "policy_set": (set_policy, 8),
    "rules_activated": (activate_rules, 4),
    "restriction_set": (restricting.restrict, 6),
    "restriction_lifted": (restricting.lift, 3),
    "shipment_approved": (restricting.approve, 16),
}
