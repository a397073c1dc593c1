"""E12 and E1: when an event comes, for which ledger, who says it and who signed it."""

from naive.tables import AUTHORS
from naive.world import Said, World

ROLES = ("EXPORTING", "IMPORTING", "MONITORING", "STATISTICS", "OBSERVER")
OFFICES_OF_THE_SCHEME = ("chair", "secretariat")


def came_before(world: World, said: Said) -> str | None:
    return "E6" if said.event in world.events else None


def is_meant_and_timely(world: World, said: Said) -> str | None:
    skew = world.number(None, "clock_skew_ms")
    return None if said.here and said.occurred_at <= world.now + skew else "E12"


def has_office(world: World, said: Said) -> str | None:
    """E1: whether the author is somebody who may say this."""
    code, office = said.author
    allowed = AUTHORS[said.type]
    if code == "KPCS" and office in OFFICES_OF_THE_SCHEME:
        return None if {office, "any"} & allowed else "E1"
    if code != "KPCS" and office == "root":
        return None if {"root", "any"} & allowed else "E1"
    house = world.houses.get(said.author)
    if house is None or house.closed:
        return "E1"
    side = "scheme" if code == "KPCS" else "member"
    roles = house.roles | {f"{side}:{role}" for role in house.roles}
    return None if "any" in allowed or roles & allowed else "E1"


def signs(world: World, key: bytes) -> tuple[str, str] | None:
    """Give whose signature a key makes now, if anybody's."""
    known = world.keys.get(key)
    if known is None or world.now < known.start:
        return None
    return None if known.end is not None and world.now >= known.end else known.owner


def is_signed(world: World, said: Said) -> str | None:
    """E1: every signature is the author's, and there are enough officers among them."""
    return judge_signatures(world, said, cosigners=())


def judge_signatures(
    world: World, said: Said, cosigners: tuple[frozenset[tuple[str, str]], ...]
) -> str | None:
    """Compare the signers with those asked for; each cosigner is a choice of offices."""
    owners = [signs(world, key) for key in said.signers]
    if None in owners:
        return "E1"
    own = frozenset({said.author})
    # Of two keys of the author's office, the second may be the one that signs with it.
    twice = owners.count(said.author) > 1
    parties = [own, *(party if twice else party - own for party in cosigners)]
    everybody = frozenset().union(*parties)
    if not everybody.issuperset(owners):
        return "E1"
    if any(not party.intersection(owners) for party in parties):
        return "E1"
    if count_officers(world, said, own) < asked_officers(world, said):
        return "E1"
    for party in parties[1:]:
        code = min(party)[0]
        asked = 1 if code == "KPCS" else world.number(code, "officers")
        if count_officers(world, said, party) - (own <= party) < asked:
            return "E1"
    return None


def count_officers(world: World, said: Said, party: frozenset[tuple[str, str]]) -> int:
    known = [(key, world.keys[key]) for key in said.signers if world.keys[key].owner in party]
    return len({one.officer or key for key, one in known})


def asked_officers(world: World, said: Said) -> int:
    code, office = said.author
    alone = code == "KPCS" or office == "root" or said.type == "event_countersigned"
    return 1 if alone else world.number(code, "officers")
