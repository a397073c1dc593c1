"""Who gives new keys to whoever lost them, and what of a thief's doing is undone."""

from kpledger.scheme.v1.events import governance
from naive.authors import signs
from naive.dates import DAY, day_at
from naive.houses import OWN, the
from naive.world import Key, Said, World, broken

CHAIR = ("KPCS", "chair")
SECRETARIAT = ("KPCS", "secretariat")


def is_witness(world: World, code: str) -> bool:
    """Tell whether a member is heard: a founder, or one admitted a year ago; no entity."""
    member = world.members.get(code)
    if member is None or member.kind == "ENTITY":
        return False
    return member.admitted is None or world.now >= member.admitted + 366 * DAY


def is_signed_for_another(world: World, said: Said) -> str | None:
    """E1: the Chair, and an own key of the member or enough others; nobody else."""
    code = the(governance.ParticipantRecovered, said).code
    owners = [signs(world, key) for key in said.signers]
    others = [one for one in owners if one != CHAIR]
    if None in owners or CHAIR not in owners or said.author != CHAIR:
        return "E1"
    if any(one in {(code, name) for name in OWN} for one in others):
        return None if all(one in {(code, name) for name in OWN} for one in others) else "E1"
    return hears(world, [one for one in others if one], code, world.witnesses)


def hears(world: World, owners: list[tuple[str, str]], besides: str, asked: int) -> str | None:
    fit = all(
        office == "root" and code != besides and is_witness(world, code) for code, office in owners
    )
    return None if fit and len({code for code, _ in owners}) >= asked else "E1"


def is_signed_by_quorum(world: World, said: Said) -> str | None:
    """E1: the author, enough others, and the key that the chair gets."""
    body = the(governance.ChairRecovered, said)
    owners = [signs(world, key) for key in said.signers if key != body.key]
    if None in owners or said.author not in owners or body.key not in said.signers:
        return "E1"
    others = [one for one in owners if one and one != said.author]
    return hears(world, others, said.author[0], world.quorum - 1)


def is_past(world: World, height: int | None) -> bool:
    return height is None or height <= world.height


def recovers_soundly(world: World, said: Said) -> str | None:
    body = the(governance.ParticipantRecovered, said)
    return broken(
        ("E6", body.code in world.members),
        ("E6", are_new(world, body.root_key, body.recovery_key)),
        ("E5", is_past(world, body.suspect_height)),
    )


def are_new(world: World, *keys: bytes) -> bool:
    return len(set(keys)) == len(keys) and not world.keys.keys() & set(keys)


def recovers_chair_soundly(world: World, said: Said) -> str | None:
    body = the(governance.ChairRecovered, said)
    return broken(
        ("E6", world.members.keys() >= {body.chair, body.vice_chair or body.chair}),
        ("E6", body.chair != body.vice_chair and body.year <= int(day_at(world.now)[:4]) + 10),
        ("E6", are_new(world, body.key, body.secretariat_key)),
        ("E5", is_past(world, body.suspect_height)),
    )


def recover(world: World, said: Said) -> None:
    body = the(governance.ParticipantRecovered, said)
    undo(world, body.code, body.suspect_height)
    give(world, {(body.code, "root"): body.root_key, (body.code, "recovery"): body.recovery_key})


def recover_chair(world: World, said: Said) -> None:
    body = the(governance.ChairRecovered, said)
    undo(world, "KPCS", body.suspect_height)
    give(world, {CHAIR: body.key, SECRETARIAT: body.secretariat_key})
    world.chair, world.vice_chair, world.year = body.chair, body.vice_chair, body.year


def give(world: World, keys: dict[tuple[str, str], bytes]) -> None:
    """Put new keys in the place of all that an owner has."""
    for key in world.keys.values():
        if key.owner in keys and key.end is None:
            key.end = world.now
    for owner, public in keys.items():
        world.keys[public] = Key(owner, 0, height=world.height)


def undo(world: World, code: str, since: int | None) -> None:
    """Take back what was arranged in a house from a height on."""
    if since is None:
        return
    for key in world.keys.values():
        if key.owner[0] == code and key.height >= since and key.end is None:
            key.end = world.now
    for owner, house in world.houses.items():
        if owner[0] == code and house.height >= since:
            house.closed = True
        elif owner[0] == code and house.closed_height >= since:
            house.closed, house.closed_height = False, 0
    undo_lists(world, code, since)


def undo_lists(world: World, code: str, since: int) -> None:
    for subject, heights in world.reports.items():
        if subject.startswith(f"{code}/"):
            heights[:] = [height for height in heights if height < since]
    runs = world.runs.get(code, [])
    runs[:] = [run for run in runs if run.height < since]
    for run in runs:
        if run.retired_height >= since:
            run.retired, run.retired_height = False, 0
    for items in (
        world.forms.get(code, []),
        world.policies.get(None if code == "KPCS" else code, []),
    ):
        items[:] = [one for one in items if one[2] < since]  # type: ignore[misc]
