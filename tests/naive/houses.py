"""How members come and go, and arrange their own house: offices, keys, numbers, forms."""

from typing import TypeVar

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events import governance
from naive.authors import judge_signatures, signs
from naive.dates import DAY, parse
from naive.papers import ascending, home_of
from naive.tables import STANDINGS
from naive.world import House, Key, Member, Run, Said, Since, World

B = TypeVar("B", bound=Body)
YEAR = 366 * DAY
UNLIKE_OTHERS = {
    "key_rotated": (("KPCS", "chair"),),
    "key_revoked": (("KPCS", "chair"), ("KPCS", "secretariat")),
}
"""Offices of which the keys change by a hand-over, or never end without another."""
ROLES = {
    True: {"MONITORING", "STATISTICS"},
    False: {"EXPORTING", "IMPORTING", "MONITORING", "STATISTICS"},
}
"""Whether an office is one of the scheme: what it may be designated for."""
OWN = ("root", "recovery")
"""Not offices: under these are the keys of a member itself."""
RESERVED = {"KPCS": ("chair", "secretariat", *OWN)}
MAX_RUNS = 1000


def the(kind: type[B], said: Said) -> B:
    """Give the body, of which the type is known by the order of questions."""
    assert isinstance(said.body, kind)
    return said.body


def names_nothing_before(_world: World, said: Said) -> str | None:
    return "E6" if said.prev is not None else None


def house_of(said: Said) -> str:
    """Give whose offices an author arranges: its own; the Chair those of the scheme."""
    return said.author[0]


def takes_part(world: World, said: Said) -> str | None:
    """E4: whoever was removed, or is not in yet, takes no part."""
    code = house_of(said)
    if code == "KPCS":
        return None
    return "E4" if world.standing(code) in (None, "REMOVED") else None


def keeps_house(world: World, said: Said) -> str | None:
    """E4: whoever was removed arranges nothing; who comes in later gets ready before."""
    member = world.members.get(house_of(said))
    comes = member is not None and any(since.start > world.now for since in member.standings)
    awaited = comes and world.standing(house_of(said)) is None
    return None if awaited else takes_part(world, said)


# --- members


def is_new_member(world: World, said: Said) -> str | None:
    body = the(governance.ParticipantAdmitted, said)
    new = {body.root_key, body.recovery_key}
    is_another_s = home_of(world, body.code) != body.code or body.code in world.members
    if is_another_s or len(new) < 2 or new & world.keys.keys():
        return "E6"
    return "E14" if body.effective_from > world.now + YEAR else None


def admit(world: World, said: Said) -> None:
    body = the(governance.ParticipantAdmitted, said)
    lapses = lapse_of(world, body.effective_from) if body.interim else None
    world.members[body.code] = Member(
        kind=body.kind,
        standings=[Since(body.effective_from, "ACTIVE", lapses, said.event)],
        admitted=world.now,
    )
    world.keys[body.root_key] = Key((body.code, "root"), 0, height=world.height)
    world.keys[body.recovery_key] = Key((body.code, "recovery"), 0, height=world.height)


def lapse_of(world: World, start: int) -> int:
    return start + world.number(None, "interim_days") * DAY


def suspends_only_itself(_world: World, said: Said) -> str | None:
    """E1: a member's own root may suspend itself and nothing more."""
    body = the(governance.ParticipantStatusChanged, said)
    if said.author[0] == "KPCS":
        return None
    own = said.author[0] == body.code and body.status == "SELF_SUSPENDED"
    return None if own else "E1"


def follows_on_standing(world: World, said: Said) -> str | None:
    """E6: one standing follows on another; E14: and never begins before it."""
    body = the(governance.ParticipantStatusChanged, said)
    member = world.members.get(body.code)
    if member is None:
        return "E6"
    last = newest_standing(world, member)
    if body.status not in STANDINGS[last.status if last else "REMOVED"]:
        return "E6"
    starts = [since.start for since in member.standings]
    begun = [start for start in starts if start <= world.now]
    by_chair = said.author[0] == "KPCS"
    first = max(begun if begun and by_chair else starts)
    if not by_chair:
        first = max(first, world.now - DAY)
    if not first <= body.effective_from <= world.now + YEAR:
        return "E14"
    return None


def newest_standing(world: World, member: Member) -> Since | None:
    """Give the standing that a further one follows on: the newest that has not lapsed."""
    for since in reversed(member.standings):
        if since.lapses is None or world.now < since.lapses:
            return since
    return None


def change_standing(world: World, said: Said) -> None:
    body = the(governance.ParticipantStatusChanged, said)
    lapses = lapse_of(world, body.effective_from) if body.interim else None
    since = Since(body.effective_from, body.status, lapses, said.event)
    world.members[body.code].standings.append(since)


# --- offices


def registers_soundly(world: World, said: Said) -> str | None:
    body = the(governance.AuthorityRegistered, said)
    code = house_of(said)
    if body.authority in RESERVED.get(code, OWN) or (code, body.authority) in world.houses:
        return "E6"
    fits = ascending(body.roles) and ROLES[code == "KPCS"].issuperset(body.roles)
    if body.territory is not None:
        home = home_of(world, body.territory)
        fits = fits and code != "KPCS" and home in (code, body.territory)
        fits = fits and body.territory not in world.members
    return None if fits else "E5"


def is_countersigned_at_first(world: World, said: Said) -> str | None:
    """E1: the Chair signs a member's first office too, and one with a territory, and no other."""
    member = world.members.get(said.author[0])
    claims = the(governance.AuthorityRegistered, said).territory is not None
    if member is None or (member.offices > 0 and not claims):
        return judge_signatures(world, said, cosigners=())
    return judge_signatures(world, said, cosigners=(frozenset({("KPCS", "chair")}),))


def register(world: World, said: Said) -> None:
    body = the(governance.AuthorityRegistered, said)
    code = house_of(said)
    world.houses[code, body.authority] = House(set(body.roles), body.territory, height=world.height)
    if code != "KPCS":
        world.members[code].offices += 1


def closes_an_open_office(world: World, said: Said) -> str | None:
    body = the(governance.AuthorityClosed, said)
    office = (house_of(said), body.authority)
    closable = world.is_open(office) and not world.is_open(office, "OBSERVER")
    return None if closable else "E6"


def close(world: World, said: Said) -> None:
    house = world.houses[house_of(said), the(governance.AuthorityClosed, said).authority]
    house.closed, house.closed_height = True, world.height


# --- keys


def is_signed_by_two(world: World, said: Said) -> str | None:
    """E1: a member's own keys change by two of them.

    A root may always put an end to itself.
    """
    root = (said.author[0], "root")
    itself = said.type == "key_revoked" and said.signers == (key_named(said),)
    if said.author != root or itself or not concerns_itself(world, said):
        return judge_signatures(world, said, cosigners=())
    owners = [signs(world, key) for key in said.signers]
    own = {(root[0], name) for name in OWN}
    sound = len(owners) > 1 and root in owners and own.issuperset(owners)
    return None if sound else "E1"


def concerns_itself(world: World, said: Said) -> bool:
    if isinstance(said.body, governance.KeyAdded):
        return said.body.authority in OWN
    known = world.keys.get(key_named(said))
    return known is not None and known.owner in {(said.author[0], name) for name in OWN}


def may_have_key(world: World, said: Said) -> str | None:
    body = the(governance.KeyAdded, said)
    code = house_of(said)
    if body.key in world.keys:
        return "E6"
    if body.authority in OWN and code != "KPCS":
        return None
    return None if world.is_open((code, body.authority)) else "E6"


def add_key(world: World, said: Said) -> None:
    body = the(governance.KeyAdded, said)
    owner = (house_of(said), body.authority)
    world.keys[body.key] = Key(owner, body.valid_from, officer=body.officer, height=world.height)


def key_named(said: Said) -> bytes:
    body = said.body
    return (
        body.old
        if isinstance(body, governance.KeyRotated)
        else the(governance.KeyRevoked, said).key
    )


def is_own_key(world: World, said: Said) -> str | None:
    """E2: it is a key of its own offices; E6: and in force."""
    key = world.keys.get(key_named(said))
    if key is None or key.owner[0] != house_of(said) or key.owner in UNLIKE_OTHERS[said.type]:
        return "E2"
    return "E6" if key.end is not None else None


def revokes_soundly(world: World, said: Said) -> str | None:
    """E5: a time of suspicion where it is compromised, only there; recoveries are others."""
    body = the(governance.KeyRevoked, said)
    if body.reason == "RECOVERED":
        return "E5"
    if (body.reason == "COMPROMISED") != (body.suspect_since is not None):
        return "E5"
    latest = world.now + world.number(None, "clock_skew_ms")
    return "E5" if (body.suspect_since or 0) > latest else None


def revoke(world: World, said: Said) -> None:
    world.keys[the(governance.KeyRevoked, said).key].end = world.now


def follows_at_once(world: World, said: Said) -> str | None:
    """E6: the new key is new, and counts now."""
    body = the(governance.KeyRotated, said)
    late = body.valid_from > world.now + world.number(None, "clock_skew_ms")
    return "E6" if body.new in world.keys or late else None


def rotate(world: World, said: Said) -> None:
    body = the(governance.KeyRotated, said)
    old = world.keys[body.old]
    old.end = world.now
    world.keys[body.new] = Key(old.owner, body.valid_from, officer=old.officer, height=world.height)


# --- numbers and forms


def allots_to_an_exporter(world: World, said: Said) -> str | None:
    body = the(governance.NumberRangeAllocated, said)
    return None if world.is_open((said.author[0], body.authority), "EXPORTING") else "E6"


def allots_new_numbers(world: World, said: Said) -> str | None:
    """E3: well formed, of the participant or its territory, beside all others."""
    body = the(governance.NumberRangeAllocated, said)
    code, new = said.author[0], body.range
    house = world.houses[code, body.authority]
    sound = (
        new.prefix[:2] in (code, house.territory)
        and new.first <= new.last < 10**new.width
        and parse(new.use_from) is not None
        and parse(new.use_until) is not None
        and new.use_from <= new.use_until
        and len(world.runs.get(code, [])) < MAX_RUNS
    )
    overlap = any(
        (run.range.prefix, run.range.width) == (new.prefix, new.width)
        and run.range.first <= new.last
        and new.first <= run.range.last
        for run in world.runs.get(code, [])
    )
    return None if sound and not overlap else "E3"


def allot(world: World, said: Said) -> None:
    body = the(governance.NumberRangeAllocated, said)
    world.runs.setdefault(said.author[0], []).append(
        Run(body.authority, body.range, height=world.height)
    )


def named_run(world: World, said: Said) -> Run | None:
    body = the(governance.NumberRangeRetired, said)
    for run in world.runs.get(said.author[0], []):
        name = (run.office, run.range.prefix, run.range.width, run.range.first)
        if name == (body.authority, body.prefix, body.width, body.first):
            return run
    return None


def retires_own_numbers(world: World, said: Said) -> str | None:
    run = named_run(world, said)
    return "E3" if run is None or run.retired else None


def retire(world: World, said: Said) -> None:
    run = named_run(world, said)
    assert run is not None
    run.retired, run.retired_height = True, world.height


def forms_are_its_own(world: World, said: Said) -> str | None:
    body = the(governance.CertificateFormatNotified, said)
    code = said.author[0]
    own = {code, *(house.territory for owner, house in world.houses.items() if owner[0] == code)}
    if not ascending(body.masks):
        return "E5"
    return None if all(mask[:2] in own for mask in body.masks) else "E3"


def notify_form(world: World, said: Said) -> None:
    body = the(governance.CertificateFormatNotified, said)
    world.forms.setdefault(said.author[0], []).append((body.valid_from, body.masks, world.height))
