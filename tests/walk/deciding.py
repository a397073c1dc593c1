"""Decisions of the scheme, and what participants sign about them."""

from kpledger.scheme.v1.events import decisions
from walk.basis import CHAIR, HASH, SECRETARIAT
from walk.chance import Act, Chance


def decide(chance: Chance) -> Act:
    world = chance.world
    procedure = chance.pick(list(decisions.Procedure))
    supports = sorted(chance.random.sample(list(world.members), chance.random.randint(1, 3)))
    objections = [one for one in world.members if one not in supports and chance.likely(1)]
    if chance.likely(3):
        supports = chance.pick(([], ["XX"], ["ZA", "BW"], ["TW"], ["BW", "BW"]))
    signed = [
        code
        for code, (stance, text) in world.positions.get(f"AD-{len(world.decisions)}", {}).items()
        if (stance, text) == ("SUPPORT", HASH)
    ]
    if signed and chance.likely(60):
        supports = sorted(signed)
    interim = interim_events(chance)
    body = decisions.DecisionRecorded(
        decision=f"AD-{len(world.decisions)}" if chance.likely(95) else "AD-1",
        title="A decision",
        document=HASH,
        procedure=procedure,
        decided_on=chance.weighed({chance.day(3): 20, chance.day(0, 2): 1, "2026-02-30": 1}),
        supports=tuple(supports),
        objections=tuple(sorted(objections)),
        ratifies=interim if procedure != "CHAIR_NOTICE" or chance.likely(5) else (),
    )
    author = chance.pick((CHAIR, SECRETARIAT))
    return chance.act(author, body, f"KPCS/decision/{body.decision}")


def take_position(chance: Chance) -> Act:
    world = chance.world
    coming = f"AD-{len(world.decisions)}"
    known = chance.maybe(list(world.decisions)[-3:])
    name = known if known is not None and chance.likely(60) else coming
    stances = {
        decisions.Stance.SUPPORT: 12,
        decisions.Stance.WITHDRAWN: 2,
        decisions.Stance.OBJECTION: 1,
    }
    body = decisions.PositionTaken(
        decision=name,
        document=HASH if chance.likely(96) else bytes([7]) * 32,
        stance=chance.weighed(stances),
        remarks="",
    )
    return chance.act((chance.member(), "root"), body, f"KPCS/decision/{name}")


def interim_events(chance: Chance) -> tuple[bytes, ...]:
    """Give interim measures to ratify, or rarely something that is none."""
    if chance.likely(2) and chance.world.events:
        return (chance.pick(list(chance.world.events)),)
    world = chance.world
    waiting = [
        since.event
        for member in world.members.values()
        for since in member.standings
        if since.lapses is not None and since.event is not None
    ]
    waiting += [ban.event for bans in world.bans.values() for ban in bans if ban.lapses is not None]
    return (
        tuple(sorted(chance.random.sample(waiting, min(len(waiting), 2))))
        if chance.likely(40)
        else ()
    )
