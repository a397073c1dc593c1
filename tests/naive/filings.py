"""What is filed: statistics, reports, proceedings, observers, notes, corrections."""

import re
from collections.abc import Callable

from kpledger.base.codec import decode, encode
from kpledger.base.errors import LedgerError
from kpledger.scheme.v1.events import importing, life, statistics
from naive.dates import parse
from naive.houses import the
from naive.papers import OUT, ascending, is_possible
from naive.tables import CLOSED, STEPS
from naive.world import Affair, House, Key, Said, World, broken

Question = Callable[[World, Said], str | None]
NAME = "[a-z0-9]+(-[a-z0-9]+)*"


def is_day(day: str | None) -> bool:
    return day is None or parse(day) is not None


def are_members(world: World, codes: tuple[str, ...]) -> bool:
    return ascending(codes) and world.members.keys() >= set(codes)


# --- proceedings


def opens_under(kind: str, tell: Callable[[Said], str]) -> Question:
    """E5: what is opened stands under a code, with a name of its own."""

    def ask(_world: World, said: Said) -> str | None:
        code, _, name = said.subject.partition(f"/{kind}/")
        return None if code == tell(said) and re.fullmatch(NAME, name) else "E5"

    return ask


def goes_on(world: World, said: Said) -> str | None:
    """E6: the proceeding has a way on by this event, and its author saw the newest."""
    affair = world.affairs.get(said.subject)
    state, head = (affair.state, affair.head) if affair else ("-", None)
    kind = said.subject.split("/")[1] if said.subject.count("/") > 1 else ""
    has_way = (state, said.type) in STEPS.get(kind, {})
    return None if has_way and said.prev == head else "E6"


def tells(*names: str) -> Question:
    """E5: one of these fields says something."""

    def ask(_world: World, said: Said) -> str | None:
        told = [getattr(said.body, name) for name in names]
        return None if any(one.split() if isinstance(one, str) else one for one in told) else "E5"

    return ask


def answers_for_itself(world: World, said: Said) -> str | None:
    return None if said.author[0] == world.affairs[said.subject].participant else "E2"


def proceed(world: World, said: Said) -> None:
    """Take the next step; the first opens the proceeding."""
    kind = said.subject.split("/")[1]
    affair = world.affairs.get(said.subject)
    after = STEPS[kind][affair.state if affair else "-", said.type]
    consented, _, declined = after.partition("/")
    state = consented if getattr(said.body, "consented", True) else declined
    if affair is None:
        code = concerned(said)
        affair = Affair(kind, state, said.event, code, opened_by=said.author[0])
        world.affairs[said.subject] = affair
    affair.state, affair.head = state, said.event
    note_progress(affair, said)


def concerned(said: Said) -> str:
    """Give whom a proceeding is about."""
    if isinstance(said.body, importing.SuspectReported):
        return said.body.claimed_issuer
    return said.subject.split("/")[0]


def note_progress(affair: Affair, said: Said) -> None:
    match said.body:
        case life.ReviewReported():
            affair.recommendations = {one.name: "OPEN" for one in said.body.recommendations}
        case life.RecommendationFollowedUp():
            affair.recommendations[said.body.name] = said.body.status
        case life.MeetingAnnounced():
            affair.until = said.body.until_day
        case _:
            pass


def asks_for_review(world: World, said: Said) -> str | None:
    body = the(life.ReviewRequested, said)
    if said.author[0] not in ("KPCS", body.participant):
        return "E1"
    return None if body.participant in world.members else "E5"


def was_carried_out(world: World, said: Said) -> str | None:
    body = the(life.ReviewCarriedOut, said)
    affair = world.affairs[said.subject]
    sound = (
        is_possible(world, body.from_day)
        and is_possible(world, body.until_day)
        and body.from_day <= body.until_day
        and are_members(world, body.team)
        and affair.participant not in body.team
    )
    return None if sound else "E5"


def recommends_soundly(_world: World, said: Said) -> str | None:
    asked = the(life.ReviewReported, said).recommendations
    sound = ascending(tuple(one.name for one in asked)) and all(is_day(one.due_on) for one in asked)
    return None if sound else "E5"


def was_recommended(world: World, said: Said) -> str | None:
    name = the(life.RecommendationFollowedUp, said).name
    return None if name in world.affairs[said.subject].recommendations else "E6"


def meets_on_days(_world: World, said: Said) -> str | None:
    body = the(life.MeetingAnnounced, said)
    days = is_day(body.from_day) and is_day(body.until_day)
    return None if days and body.from_day <= body.until_day else "E5"


def was_held(world: World, said: Said) -> str | None:
    if not is_possible(world, world.affairs[said.subject].until):
        return "E6"
    return None if are_members(world, the(life.MeetingHeld, said).present) else "E5"


def concerns_another(world: World, said: Said) -> str | None:
    body = the(life.ConcernRaised, said)
    other = body.participant in world.members and body.participant != said.author[0]
    return None if other and is_day(body.answer_due_on) else "E5"


def shows_a_day(_world: World, said: Said) -> str | None:
    return None if is_day(the(importing.SuspectReported, said).claimed_issue) else "E5"


def judges_own_paper(world: World, said: Said) -> str | None:
    """E2: the claimed issuer judges; the Chair, where it is no member."""
    code = world.affairs[said.subject].participant
    right = "KPCS" if world.standing(code) in OUT else code
    return None if said.author[0] == right else "E2"


def asks_about_period(world: World, said: Said) -> str | None:
    body = the(statistics.AnomalyQuestioned, said)
    form = "[0-9]{4}(H[12])?" if body.series == "PRODUCTION" else "[0-9]{4}(Q[1-4])?"
    fits = re.fullmatch(form, body.period) and has_begun(world, body.period)
    return (
        None if fits and body.participant in world.members and is_day(body.answer_due_on) else "E5"
    )


# --- reports and statistics


def has_begun(world: World, period: str) -> bool:
    """Tell whether a quarter, half-year or year has begun."""
    year, part = period[:4], period[4:]
    months = {"": 1, "Q": 3, "H": 6}[part[:1]]
    month = (int(part[1:] or 1) - 1) * months + 1
    return is_possible(world, f"{year}-{month:02d}-01")


def reports_on_year(world: World, said: Said) -> str | None:
    return None if has_begun(world, f"{the(life.AnnualReportFiled, said).year:04d}") else "E5"


def about_report(said: Said) -> str:
    return f"{said.author[0]}/report/{the(life.AnnualReportFiled, said).year}"


def report(world: World, said: Said) -> None:
    world.reports.setdefault(said.subject, []).append(world.height)


def has_no_office_for_it(world: World, said: Said) -> str | None:
    """E1: a root submits only where no office does."""
    code, office = said.author
    others = any(world.is_open(one, "STATISTICS") for one in world.houses if one[0] == code)
    return "E1" if office == "root" and others else None


def is_next_edition(world: World, said: Said) -> bool:
    edition = said.body.edition  # type: ignore[attr-defined]
    return bool(edition == world.editions.get(said.subject, 0) + 1)


def submits_trade(world: World, said: Said) -> str | None:
    body = the(statistics.TradeStatisticsSubmitted, said)
    keys = tuple((row.flow, row.partner, row.origin, row.hs) for row in body.rows)
    sound = (
        ascending(keys)
        and all(is_partner(world, said, row.partner) for row in body.rows)
        and all(row.origin not in ("XX", "EU") for row in body.rows)
    )
    return judge_edition(world, said, body.quarter, sound=sound)


def is_partner(world: World, said: Said, code: str) -> bool:
    return code in world.members and code != said.author[0]


def judge_edition(world: World, said: Said, period: str, *, sound: bool) -> str | None:
    if not has_begun(world, period):
        return "E5"
    if not is_next_edition(world, said):
        return "E6"
    return None if sound else "E5"


def submits_production(world: World, said: Said) -> str | None:
    body = the(statistics.ProductionStatisticsSubmitted, said)
    return judge_edition(world, said, body.half_year, sound=True)


def submits_counts(world: World, said: Said) -> str | None:
    body = the(statistics.CountStatisticsSubmitted, said)
    partners = tuple(row.partner for row in body.rows)
    sound = ascending(partners) and all(is_partner(world, said, one) for one in partners)
    return judge_edition(world, said, body.quarter, sound=sound)


def submit(world: World, said: Said) -> None:
    world.editions[said.subject] = world.editions.get(said.subject, 0) + 1


# --- bodies and observers


def composes_soundly(world: World, said: Said) -> str | None:
    body = the(life.BodyComposed, said)
    if not are_members(world, body.members) or body.chair not in body.members:
        return "E5"
    if body.dissolved and not world.bodies.get(body.name):
        return "E6"
    there = body.dissolved or all(
        world.is_open(("KPCS", one), "OBSERVER") for one in body.observers
    )
    return None if there and ascending(body.observers) else "E5"


def compose(world: World, said: Said) -> None:
    body = the(life.BodyComposed, said)
    world.bodies[body.name] = not body.dissolved


def is_new_observer(world: World, said: Said) -> str | None:
    body = the(life.ObserverRegistered, said)
    known = ("KPCS", body.observer) in world.houses or body.observer in (
        "chair",
        "secretariat",
        "root",
    )
    return "E6" if known or body.key in world.keys else None


def observe(world: World, said: Said) -> None:
    body = the(life.ObserverRegistered, said)
    world.houses["KPCS", body.observer] = House({"OBSERVER"}, height=world.height)
    world.keys[body.key] = Key(("KPCS", body.observer), 0, height=world.height)


def is_observer(world: World, said: Said) -> str | None:
    name = the(life.ObserverWithdrawn, said).observer
    return None if world.is_open(("KPCS", name), "OBSERVER") else "E6"


def withdraw(world: World, said: Said) -> None:
    house = world.houses["KPCS", the(life.ObserverWithdrawn, said).observer]
    house.closed, house.closed_height = True, world.height


# --- notes and corrections


def refers_to_events(world: World, said: Said) -> str | None:
    references = the(life.NoteFiled, said).references
    if not ascending(references):
        return "E5"
    return None if world.events.keys() >= set(references) else "E6"


DECIDES_NOTHING = frozenset(
    {
        "authority_closed",
        "certificate_found",
        "certificate_lost",
        "certificate_returned_unused",
        "certificate_voided",
        "concern_closed",
        "note_filed",
        "shipment_declined",
        "shipment_detained",
        "shipment_diverted",
        "shipment_released",
        "transit_noted",
    }
)
"""Types whose contents moved nothing, so that their author may correct them."""


def corrects_own(world: World, said: Said) -> str | None:
    body = the(life.CorrectionMade, said)
    earlier = world.events.get(body.event)
    if earlier is None:
        return "E6"
    same = earlier.author == said.author if said.author[0] == "KPCS" else True
    if earlier.author[0] != said.author[0] or not same:
        return "E2"
    if earlier.subject != said.subject:
        return "E5"
    if earlier.type not in DECIDES_NOTHING:
        return "E6"
    if not is_like(body.body, earlier):
        return "E5"
    return "E6" if is_closed_by_another(world, said) else None


def is_like(encoded: bytes, earlier: Said) -> bool:
    """Tell whether a corrected body is one of the same type, spelled canonically."""
    try:
        body = decode(encoded, type(earlier.body), what="body", max_bytes=2**20)
    except LedgerError:
        return False
    return encode(body) == encoded


def is_closed_by_another(world: World, said: Said) -> bool:
    """Tell whether another party's later event ended what the corrected one is about."""
    thing = world.cases.get(said.subject) or world.papers.get(said.subject)
    if thing is None or thing.state not in CLOSED:
        return False
    order = list(world.events)
    event = the(life.CorrectionMade, said).event
    later = order.index(thing.head) > order.index(event)
    return later and world.events[thing.head].author[0] != said.author[0]


def correct(world: World, said: Said) -> None:
    event = the(life.CorrectionMade, said).event
    world.corrected[event] = world.corrected.get(event, 0) + 1


def countersigns_own(world: World, said: Said) -> str | None:
    """E6: there is such an event, no countersignature; E2, E5: of the office, on its subject."""
    event = the(life.EventCountersigned, said).event
    earlier = world.events.get(event)
    if earlier is None:
        return "E6"
    keys = world.countersigned.get(event, set())
    return broken(
        ("E2", earlier.author == said.author),
        ("E5", earlier.subject == said.subject),
        ("E6", earlier.type != said.type),
        ("E6", not keys.intersection(said.signers)),
        ("E6", len(keys) + len(said.signers) <= 16),
    )


def countersign(world: World, said: Said) -> None:
    event = the(life.EventCountersigned, said).event
    world.countersigned.setdefault(event, set()).update(said.signers)
