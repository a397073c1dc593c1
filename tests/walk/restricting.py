"""Restrictions: set, lifted, and what their approvers say to shipments."""

from naive.dates import DAY

from kpledger.scheme.event import Author, Body
from kpledger.scheme.v1.events import decisions
from walk.basis import CHAIR, some_decision, soon
from walk.chance import Act, Chance


def restrict(chance: Chance) -> Act:
    code = chance.pick(("CF", "ZA", "BW", "EU")) if chance.likely(80) else chance.code()
    decision, interim = some_decision(chance)
    mode = chance.weighed(
        {decisions.Mode.PRE: 5, decisions.Mode.POST: 5, decisions.Mode.PROHIBITED: 2}
    )
    start = soon(chance)
    approvers = [
        office for office, house in chance.world.houses.items() if "MONITORING" in house.roles
    ]
    approver = chance.maybe(approvers if chance.likely(95) else list(chance.world.houses))
    asked = (mode != decisions.Mode.PROHIBITED) == chance.likely(97)
    zones = chance.weighed(
        {
            (): 10,
            ("CF/berberati", "CF/boda"): 5,
            ("ZA/kimberley",): 3,
            ("GL/maniitsoq",): 3,
            ("ZA/b", "ZA/a"): 1,
        }
    )
    about: tuple[str, ...] = ()
    if chance.likely(30):
        about = chance.weighed({zones[:1]: 5, ("ZA/kimberley",): 3, ("CF/boda",): 3})
    body = decisions.RestrictionSet(
        restriction=chance.pick(("zones", "export-1", "import-1")),
        participant=code,
        scope=chance.pick(list(decisions.Scope)),
        mode=mode,
        zones=zones,
        operations=about,
        approver=Author(participant=approver[0], authority=approver[1])
        if asked and approver
        else None,
        effective_from=start,
        effective_until=chance.weighed({None: 3, start + 20 * DAY: 10, start: 1, start - 1: 1}),
        decision=decision,
        interim=interim,
    )
    return chance.act(CHAIR, body, f"{code}/restriction/{body.restriction}")


def lift(chance: Chance) -> Act | None:
    held = [ban for bans in chance.world.bans.values() for ban in bans]
    ban = chance.maybe(held[-6:])
    if ban is None:
        return None
    body = decisions.RestrictionLifted(
        restriction=ban.body.restriction if chance.likely(95) else "no-such",
        participant=ban.body.participant,
        effective_from=soon(chance),
        decision=some_decision(chance)[0],
    )
    return chance.act(CHAIR, body, f"{body.participant}/restriction/{body.restriction}")


def approve(chance: Chance) -> Act | None:
    """The approver of a restriction says something to a certificate, before or after its issue."""
    held = [ban for bans in chance.world.bans.values() for ban in bans if ban.body.approver]
    ban = chance.maybe(held[-6:])
    if ban is None or ban.body.approver is None:
        return None
    approver = (ban.body.approver.participant, ban.body.approver.authority)
    if chance.likely(4):
        approver = chance.any_office()
    number = number_to_approve(chance, ban.body.participant)
    name = ban.body.restriction if chance.likely(97) else "no-such"
    body: Body
    if chance.likely(80):
        body = decisions.ShipmentApproved(
            restriction=name,
            participant=ban.body.participant,
            number=number,
            carat_thousandths=chance.pick((500, 200_000)),
            reference="File 1",
            photos=chance.weighed({(): 20, (bytes([2]) * 32, bytes([1]) * 32): 1}),
        )
    else:
        body = decisions.ShipmentDeclined(
            restriction=name, participant=ban.body.participant, number=number, reason=""
        )
    return chance.act(approver, body, number)


def number_to_approve(chance: Chance, code: str) -> str:
    """Give a number that was issued, or that may be issued soon."""
    if chance.likely(40):
        return chance.maybe(list(chance.world.papers)[-20:]) or "BW000001"
    runs = chance.world.runs.get(code, []) or [
        run for runs in chance.world.runs.values() for run in runs
    ]
    run = chance.maybe(runs)
    if run is None:
        return "BW000001"
    serial = run.range.first
    while f"{run.range.prefix}{serial:0{run.range.width}d}" in chance.world.papers:
        serial += 1
    return f"{run.range.prefix}{serial:0{run.range.width}d}"
