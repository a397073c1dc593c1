"""Issuing: who may trade with whom, under which number, what the paper must say (C1, C6)."""

import re

from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
)
from naive.dates import DAY, day_at, days_later, months_later, parse, starts
from naive.world import Ban, Paper, Run, Said, World

FROZEN_CODES = frozenset({"EU", "XX", "QQ"})
"""Codes that the walk tries and that are no country of mining origin."""
OUT = frozenset({None, "REMOVED"})
NOT_IN_TRADE = OUT | {"SUSPENDED", "SELF_SUSPENDED", "MEMBER_NO_TRADE"}
HOMES = {
    "AT AX BE BG CY CZ DE DK EE ES FI FR GF GL GP GR HR HU IE IT LT LU LV MF MQ MT NL PL PT RE RO"
    " SE SI SK YT": "EU",
    "HK MO": "CN",
    "LI": "CH",
    "AS GU MP PR UM VI": "US",
}
WHOLE = 10_000
MILLION = 10**6
HELD = ("ARRIVED", "DETAINED", "DIVERTED", "RETURNED", "SEIZED")
"""States in which somebody has goods before it that are not in trade."""


def paper_in(said: Said) -> Certificate:
    assert isinstance(said.body, CertificateIssued | CertificateReplaced)
    return said.body.certificate


def is_possible(world: World, day: str) -> bool:
    """Tell whether a day has begun: somewhere in the east, by a fast clock."""
    start = starts(day)
    return start is not None and start <= world.now + DAY + world.number(None, "clock_skew_ms")


def ascending(items: tuple[object, ...]) -> bool:
    return list(items) == sorted(set(items))  # type: ignore[type-var]


def home_of(world: World, country: str) -> str:
    """Give the member that trades the stones of a country: itself, or whose territory it is."""
    homes = [home for countries, home in HOMES.items() if country in countries.split()]
    return homes[0] if homes and country not in world.members else country


# --- E4


def are_parties_in_order(world: World, said: Said) -> str | None:
    return are_in_trade(world, paper_in(said), said.author[0])


def not_in_order(paper: Certificate) -> frozenset[str | None]:
    """Give the standings in which nobody sends or gets such goods."""
    return OUT if paper.kind == "TECHNICAL" else NOT_IN_TRADE


def are_in_trade(world: World, paper: Certificate, issuer: str) -> str | None:
    """E4: two different members, both in trade now, and no restriction in the way."""
    standings = {world.standing(issuer), world.standing(paper.destination)}
    if standings & not_in_order(paper):
        return "E4"
    if issuer == paper.destination or is_restricted(world, paper, issuer):
        return "E4"
    return None


def is_dated_in_trade(world: World, paper: Certificate, issuer: str, *days: str) -> str | None:
    """E4: at one moment of each day that is told, both were in trade and nothing was in the way.

    A day that is not over is judged by now, as all is.
    """
    for start in (start for day in days if (start := starts(day)) is not None):
        moments = [start, *changes_within(world, start)]
        if start + DAY <= world.now and not any(
            was_in_trade(world, paper, issuer, moment) for moment in moments
        ):
            return "E4"
    return None


def was_in_trade(world: World, paper: Certificate, issuer: str, moment: int) -> bool:
    standings = {world.standing(code, moment) for code in (issuer, paper.destination)}
    bans = bans_at(world, paper, issuer, moment) if paper.kind != "TECHNICAL" else []
    return not standings & not_in_order(paper) and not any(
        blocks(world, paper, *ban) for ban in bans
    )


def changes_within(world: World, start: int) -> list[int]:
    """Give the moments of a day at which somebody's standing changed, or a restriction."""
    times = {
        moment
        for member in world.members.values()
        for since in member.standings
        for moment in (since.start, since.lapses)
    } | {
        moment
        for bans in world.bans.values()
        for ban in bans
        for moment in (ban.body.effective_from, ban.until, ban.lapses)
    }
    return sorted(moment for moment in times if moment is not None and start < moment < start + DAY)


def is_issued_in_trade(world: World, said: Said) -> str | None:
    paper = paper_in(said)
    days = [paper.issued_on]
    if paper.validated_at is not None:
        days.append(day_at(paper.validated_at))
    return is_dated_in_trade(world, paper, said.author[0], *days)


def bans_at(world: World, paper: Certificate, issuer: str, moment: int) -> list[tuple[str, Ban]]:
    """Give the restrictions in force that a certificate falls under."""
    touched = {
        "ORIGIN": tuple(home_of(world, country) for country in paper.origin.countries),
        "EXPORT": (issuer,),
        "IMPORT": (paper.destination,),
    }
    found = []
    for code, bans in world.bans.items():
        newest = {ban.body.restriction: ban for ban in bans}
        found += [
            (code, ban)
            for ban in newest.values()
            if code in touched[ban.body.scope] and holds(ban, moment)
        ]
    return found


def holds(ban: Ban, now: int) -> bool:
    ends = [end for end in (ban.until, ban.lapses) if end is not None]
    return ban.body.effective_from <= now and all(now < end for end in ends)


def is_restricted(world: World, paper: Certificate, issuer: str) -> bool:
    """Tell whether a restriction is in the way: its approver can let the shipment pass."""
    if paper.kind == "TECHNICAL":
        return False
    return any(
        blocks(world, paper, code, ban) for code, ban in bans_at(world, paper, issuer, world.now)
    )


def blocks(world: World, paper: Certificate, code: str, ban: Ban) -> bool:
    zones, about = set(ban.body.zones), set(ban.body.operations)
    named = [
        zone
        for zone in paper.origin.zones
        if ban.body.scope != "ORIGIN" or home_of(world, zone[:2]) == code
    ]
    if (zones or about) and not named:
        return True
    if zones and not zones.issuperset(named):
        return True
    if about and not about.intersection(paper.origin.zones):
        return False
    if ban.body.mode == "PRE":
        said = world.approvals.get((paper.number, code, ban.body.restriction), (False, 0))
        return not said[0] or paper.carat_thousandths > said[1]
    return ban.body.mode == "PROHIBITED" and bool(about or not zones)


# --- E3


def is_numbered_well(world: World, said: Said) -> str | None:
    """E3: a new number of the issuer's own form, in a run that the office may use that day."""
    paper = paper_in(said)
    if paper.number in world.papers:
        return "E3"
    match = re.fullmatch(r"([A-Z-]*)([0-9]+)", paper.number)
    assert match is not None
    runs = [run for run in world.runs.get(said.author[0], []) if holds_number(run, *match.groups())]
    if not any(run.office == said.author[1] and not run.retired for run in runs):
        return "E3"
    day = paper.issued_on
    usable = any(run.range.use_from <= day <= run.range.use_until for run in runs)
    return None if usable and fits_form(world, said.author[0], paper.number) else "E3"


def holds_number(run: Run, prefix: str, digits: str) -> bool:
    numbers = run.range
    return (prefix, len(digits)) == (numbers.prefix, numbers.width) and numbers.first <= int(
        digits
    ) <= numbers.last


def fits_form(world: World, code: str, number: str) -> bool:
    """Tell whether a number has a form that its participant notified, if it notified any."""
    notified = [masks for start, masks, _ in world.forms.get(code, []) if start <= world.now]
    if not notified:
        return True
    shape = re.sub("[0-9]", "#", number)
    return shape in notified[-1]


# --- E5


def is_filled_in(world: World, said: Said) -> str | None:
    """E5: the fields of Annex I are there and agree with each other."""
    paper = paper_in(said)
    sound = (
        is_dated(world, paper, said.author[0])
        and adds_up(paper)
        and is_listed(paper)
        and has_origin(paper)
    )
    return None if sound else "E5"


def is_dated(world: World, paper: Certificate, issuer: str) -> bool:
    if parse(paper.issued_on) is None or parse(paper.expires_on) is None:
        return False
    unit, count = world.validity(issuer)
    later = months_later if unit == "months" else days_later
    skew = world.number(None, "clock_skew_ms")
    return (
        is_possible(world, paper.issued_on)
        and paper.issued_on >= "2003-01-01"
        and paper.issued_on <= paper.expires_on <= later(paper.issued_on, count)
        and (paper.validated_at is None or paper.validated_at <= world.now + skew)
        and not is_validated_too_early(world, paper, paper.validated_at)
    )


def is_validated_too_early(world: World, paper: Certificate, validated_at: int | None) -> bool:
    """Tell whether a validation lies before the day of issue began anywhere, by any clock."""
    start = starts(paper.issued_on)
    if validated_at is None or start is None:
        return False
    return validated_at < start - DAY - world.number(None, "clock_skew_ms")


def adds_up(paper: Certificate) -> bool:
    return (
        sum(line.carat_thousandths for line in paper.lines) == paper.carat_thousandths
        and sum(line.value_usd_cents for line in paper.lines) == paper.value_usd_cents
    )


def is_listed(paper: Certificate) -> bool:
    """Tell whether lists are in their order, each item once, and English among the languages."""
    return (
        ascending(paper.languages)
        and "en" in paper.languages
        and ascending(tuple(line.hs for line in paper.lines))
        and ascending(tuple(source.number for source in paper.sources))
        and paper.number not in {source.number for source in paper.sources}
        and ascending(paper.photos)
        and len(set(paper.seals)) == len(paper.seals)
    )


def has_origin(paper: Certificate) -> bool:
    origin = paper.origin
    count = len(origin.countries)
    return (
        (count == 1 if origin.kind == "SINGLE" else count != 1)
        and ascending(origin.countries)
        and not FROZEN_CODES.intersection(origin.countries)
        and (not origin.shares or are_shares(paper))
        and ascending(origin.zones)
        and all(zone[:2] in origin.countries for zone in origin.zones)
    )


def are_shares(paper: Certificate) -> bool:
    origin = paper.origin
    return (
        origin.kind == "MIXED"
        and len(origin.shares) == len(origin.countries)
        and sum(origin.shares) == WHOLE
    )


# --- E9, E10, E13


def is_another_number(_world: World, said: Said) -> str | None:
    return "E9" if paper_in(said).number == said.subject else None


def moves_a_case(world: World, said: Said) -> str | None:
    """E10: a technical certificate moves goods that its issuer holds, a normal one has no case."""
    paper = paper_in(said)
    if paper.kind == "NORMAL":
        return "E10" if paper.case else None
    case = world.cases.get(paper.case)
    if case is not None:
        fits = case.holder == said.author[0] and case.state not in ("RETURN_CLOSED", "WITHDRAWN")
        return None if fits and is_enough(world, said, case.weighed) else "E10"
    held = world.papers.get(paper.case)
    if held is None or held.state not in HELD or held.holder != said.author[0]:
        return "E10"
    return None if is_enough(world, said, None) else "E10"


def moving(world: World, case: str, but: str = "") -> list[int]:
    """Give the weights of the technical certificates under which goods move."""
    return [
        one.says.carat_thousandths
        for number, one in world.papers.items()
        if (one.says.kind, one.says.case) == ("TECHNICAL", case)
        and one.state not in ("VOIDED", "REPLACED", "RETURNED_UNUSED", "RETURN_CLOSED")
        and number != but
    ]


def is_enough(world: World, said: Said, weighed: int | None) -> bool:
    """Tell whether goods suffice: one certificate if nobody weighed them, else their weight."""
    paper = paper_in(said)
    others = moving(world, paper.case, but=said.subject)
    if weighed is None:
        return not others
    allowed = world.number(said.author[0], "carat_tolerance_ppm")
    least = world.number(said.author[0], "carat_tolerance_thousandths")
    more = paper.carat_thousandths + sum(others) - weighed
    return len(others) < 100 and more <= max(weighed * allowed // MILLION, least)


def share_from_abroad(world: World, paper: Certificate, issuer: str) -> int:
    """Give how much of a shipment the issuer did not mine, in ten-thousandths."""
    homes, shares = [home_of(world, one) for one in paper.origin.countries], paper.origin.shares
    if shares:
        return sum(share for home, share in zip(homes, shares, strict=True) if home != issuer)
    return 0 if set(homes) == {issuer} else WHOLE


def covers_sources(world: World, said: Said) -> str | None:
    """E13: where lineage is strict, sources were imported and cover what is exported again."""
    paper = paper_in(said)
    issuer = said.author[0]
    if not world.policy(issuer, "strict_lineage") or paper.kind == "TECHNICAL":
        return None
    total = sum(source.carat_thousandths for source in paper.sources)
    if total * WHOLE < paper.carat_thousandths * share_from_abroad(world, paper, issuer):
        return "E13"
    old = world.papers.get(said.subject)
    freed = old.drew if old else {}
    for source in paper.sources:
        used = world.papers.get(source.number)
        if used is None or used.says.destination != issuer or used.found is None:
            return "E13"
        if used.says.kind == "TECHNICAL" or not can_come_from(paper, used):
            return "E13"
        left = used.found[1] - world.drawn.get(source.number, 0) + freed.get(source.number, 0)
        if source.carat_thousandths > left:
            return "E13"
    return None


def can_come_from(paper: Certificate, used: Paper) -> bool:
    """Tell whether goods can be those of a source: there by then, of its origins and classes."""
    countries, before = set(paper.origin.countries), set(used.says.origin.countries)
    if countries and before and not countries & before:
        return False
    classes = {str(line.hs) for line in used.says.lines} & {
        "710210",
        *(str(line.hs) for line in paper.lines),
    }
    return bool(classes) and used.received_on is not None and used.received_on <= paper.issued_on


# --- what follows


def issue(world: World, said: Said, replaces: str | None = None) -> None:
    paper = paper_in(said)
    issuer, office = said.author
    world.papers[paper.number] = Paper(
        says=paper,
        issuer=issuer,
        office=office,
        state="ISSUED" if paper.validated_at is None else "VALIDATED",
        head=said.event,
        expiry=str(world.policy(issuer, "expiry")),
        issued_at=world.now,
        replaces=replaces,
    )
    draw(world, world.papers[paper.number])


def draw(world: World, paper: Paper) -> None:
    """Count what is exported again by whoever it was imported by."""
    for source in paper.says.sources if paper.says.kind == "NORMAL" else ():
        used = world.papers.get(source.number)
        if used is not None and used.says.destination == paper.issuer:
            paper.drew[source.number] = source.carat_thousandths
            world.drawn[source.number] = (
                world.drawn.get(source.number, 0) + source.carat_thousandths
            )


def give_back(world: World, paper: Paper, carats: int | None = None) -> None:
    """What was to be exported again is there still: all of it, or as much as came back."""
    left = sum(paper.drew.values()) if carats is None else carats
    for number, drew in paper.drew.items():
        world.drawn[number] -= min(drew, left)
        left = max(left - drew, 0)


def replace(world: World, said: Said) -> None:
    old = world.papers[said.subject]
    old.replaced_by = paper_in(said).number
    issue(world, said, replaces=said.subject)
