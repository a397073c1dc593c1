"""The world in which every walk begins: members, offices, keys, numbers, policy."""

import copy
import functools

from founding import FOUNDED_MS
from naive.world import World

from kpledger.base.state import MemoryState
from kpledger.scheme.event import Body
from kpledger.scheme.rulebook import Rulebook
from kpledger.scheme.v1.events import decisions, governance
from walk.basis import CHAIR
from walk.bench import EVERY_VERSION, Bench, open_bench
from walk.chance import Act, Chance

ROLE = governance.AuthorityRole
BOTH = (ROLE.EXPORTING, ROLE.IMPORTING)
ALL = (*BOTH, ROLE.STATISTICS)
NEW_MEMBERS = {
    "CF": governance.ParticipantKind.STATE,
    "CN": governance.ParticipantKind.STATE,
    "NA": governance.ParticipantKind.STATE,
    "TW": governance.ParticipantKind.ENTITY,
}
OFFICES: dict[str, tuple[governance.AuthorityRole, ...]] = {
    "BW/gaborone": ALL,
    "BW/francistown": (ROLE.EXPORTING,),
    "EU/antwerp": BOTH,
    "EU/lisbon": (ROLE.IMPORTING, ROLE.STATISTICS),
    "IN/mumbai": ALL,
    "ZA/joburg": ALL,
    "ZA/monitor": (ROLE.MONITORING,),
    "CF/bangui": ALL,
    "CN/shanghai": BOTH,
    "CN/hongkong": BOTH,
    "NA/windhoek": ALL,
    "TW/taipei": BOTH,
}
POLICIES: dict[str, dict[str, object]] = {
    "EU": {"max_validity_months": 2},
    "ZA": {"expiry": decisions.ExpiryMeaning.JOURNEY},
    "IN": {"officers": 2},
    "NA": {"strict_lineage": True},
}


def settle(bench: Bench) -> None:
    """Say what opens the world; nothing of it may be refused."""
    chance = bench.chance(0)
    decide(bench, chance)
    for code, kind in NEW_MEMBERS.items():
        key = bench.learn(f"{code}/root")
        body = governance.ParticipantAdmitted(
            code=code,
            name=code,
            kind=kind,
            effective_from=FOUNDED_MS,
            root_key=key,
            recovery_key=bench.learn(f"{code}/recovery"),
            decision="AD-0",
        )
        say(bench, chance.act(CHAIR, body, code))
    for office, roles in OFFICES.items():
        open_office(bench, chance, office, roles)
    for code, values in POLICIES.items():
        set_policy(bench, chance, code, values)
    bench.advance(1)


def decide(bench: Bench, chance: Chance) -> None:
    body = decisions.DecisionRecorded(
        decision="AD-0",
        title="First plenary",
        document=bytes(32),
        procedure=decisions.Procedure.PLENARY,
        decided_on="2026-01-05",
        supports=("BW", "ZA"),
        objections=(),
        ratifies=(),
    )
    say(bench, chance.act(CHAIR, body, "KPCS/decision/AD-0"))


def open_office(
    bench: Bench, chance: Chance, office: str, roles: tuple[governance.AuthorityRole, ...]
) -> None:
    code, _, name = office.partition("/")
    body = governance.AuthorityRegistered(
        authority=name,
        title=name,
        place=name,
        roles=roles,
        contact="",
        territory="HK" if name == "hongkong" else None,
    )
    countersigned = bench.world.members[code].offices == 0 or body.territory is not None
    say(bench, chance.act((code, "root"), body, office, *((CHAIR,) if countersigned else ())))
    for serial in range(3):
        key = bench.learn(f"{office}#{serial}")
        added = governance.KeyAdded(
            authority=name, key=key, valid_from=FOUNDED_MS, officer=f"officer-{serial}"
        )
        say(bench, chance.act((code, "root"), added, key.hex()))
    if ROLE.EXPORTING in roles:
        say(bench, chance.act((code, "root"), numbers(bench, code, name), office))


def numbers(bench: Bench, code: str, name: str) -> Body:
    first = 1_000 * len(bench.world.runs.get(code, [])) + 1
    return governance.NumberRangeAllocated(
        authority=name,
        range=governance.NumberRange(
            prefix="HK" if name == "hongkong" else code,
            width=6,
            first=first,
            last=first + 999,
            use_from="2026-01-01",
            use_until="2027-12-31",
        ),
    )


def set_policy(bench: Bench, chance: Chance, code: str, values: dict[str, object]) -> None:
    body = decisions.PolicySet(
        participant=code,
        values=decisions.PolicyValues(**values),  # type: ignore[arg-type]
        effective_from=bench.world.now,
        decision=None,
    )
    say(bench, chance.act((code, "root"), body, f"{code}/policy"))


def say(bench: Bench, act: Act) -> None:
    refused = bench.say(act)
    assert refused is None, f"{refused}: {act}"


@functools.cache
def _settled() -> Bench:
    bench = open_bench()
    settle(bench)
    return bench


def open_walk(rules: Rulebook = EVERY_VERSION) -> Bench:
    """Give a bench of its own in the settled world."""
    first = _settled()
    ledger = copy.copy(first.ledger)
    ledger.state = MemoryState()
    ledger.state.pairs.update(first.ledger.state.pairs)
    ledger.blocks = []
    world: World = first.world.copy()
    bench = Bench(ledger, world, rules)
    bench.names = dict(first.names)
    bench.nonce = first.nonce
    return bench
