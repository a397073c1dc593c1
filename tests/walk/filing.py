"""What is filed: statistics, reports, proceedings, observers, notes and corrections."""

from collections.abc import Callable

from naive.dates import day_at
from naive.world import Affair, Office

from kpledger.base.codec import encode
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events import importing, life, statistics
from kpledger.scheme.v1.events.certificate import HsCode
from walk.basis import CHAIR, HASH, SECRETARIAT
from walk.chance import Act, Chance
from walk.governing import new_key

NAMES = tuple(f"2026-{serial}" for serial in range(1, 7))


def edition(chance: Chance, subject: str) -> int:
    last = chance.world.editions.get(subject, 0)
    return chance.weighed({last + 1: 30, last or 1: 1, last + 2: 1})


def periods(chance: Chance) -> tuple[str, str]:
    """Give a quarter and a half-year, mostly ones that are over."""
    year, month = int(day_at(chance.world.now)[:4]), int(day_at(chance.world.now)[5:7])
    quarters = year * 4 + (month - 1) // 3 - chance.weighed({1: 20, 2: 10, 0: 2, -1: 1})
    halves = year * 2 + (month - 1) // 6 - chance.weighed({1: 20, 2: 10, 0: 2, -1: 1})
    return f"{quarters // 4}Q{quarters % 4 + 1}", f"{halves // 2}H{halves % 2 + 1}"


def statistician(chance: Chance) -> Office:
    return chance.office_of(chance.member(), "STATISTICS")


def trade(chance: Chance) -> Act:
    author = statistician(chance)
    quarter, _ = periods(chance)
    subject = f"{author[0]}/trade/{quarter}"
    partners = [code for code in chance.world.members if code != author[0]]
    rows = [
        statistics.TradeRow(
            flow=flow,
            partner=partner,
            origin=chance.pick(("", "BW", "ZA")),
            hs=HsCode.UNSORTED,
            carat_thousandths=5,
            value_usd_cents=500,
        )
        for flow in statistics.Flow
        for partner in sorted(chance.random.sample(partners, min(2, len(partners))))
    ]
    flaws = {0: 20, 1: 1, 2: 1, 3: 1, 4: 1}
    match chance.weighed(flaws):
        case 1:
            rows.reverse()
        case 2:
            rows = rows[:1] * 2
        case 3 if rows:
            rows = [
                statistics.TradeRow(
                    flow=statistics.Flow.EXPORT,
                    partner=chance.pick(("DK", "XX")),
                    origin="",
                    hs=HsCode.UNSORTED,
                    carat_thousandths=1,
                    value_usd_cents=1,
                )
            ]
        case 4:
            rows = [
                statistics.TradeRow(
                    flow=statistics.Flow.EXPORT,
                    partner=author[0],
                    origin="XX",
                    hs=HsCode.UNSORTED,
                    carat_thousandths=1,
                    value_usd_cents=1,
                )
            ]
    body = statistics.TradeStatisticsSubmitted(
        quarter=quarter, edition=edition(chance, subject), rows=tuple(rows), remarks=""
    )
    return chance.act(author, body, subject)


def production(chance: Chance) -> Act:
    author = statistician(chance)
    _, half = periods(chance)
    subject = f"{author[0]}/production/{half}"
    carats = chance.pick((0, 1_000))
    body = statistics.ProductionStatisticsSubmitted(
        half_year=half,
        edition=edition(chance, subject),
        carat_thousandths=carats,
        value_usd_cents=chance.weighed({carats * 5: 10, 7: 1}),
        remarks="",
    )
    return chance.act(author, body, subject)


def counts(chance: Chance) -> Act:
    author = statistician(chance)
    quarter, _ = periods(chance)
    subject = f"{author[0]}/counts/{quarter}"
    partners = sorted(
        chance.random.sample([code for code in chance.world.members if code != author[0]], 2)
    )
    if chance.likely(8):
        partners = chance.pick((partners[::-1], partners[:1] * 2, [author[0]], ["DK"], ["XX"]))
    body = statistics.CountStatisticsSubmitted(
        quarter=quarter,
        edition=edition(chance, subject),
        rows=tuple(statistics.CountRow(partner=one, issued=1, received=2) for one in partners),
        remarks="",
    )
    return chance.act(author, body, subject)


def report(chance: Chance) -> Act:
    code = chance.member()
    year = int(day_at(chance.world.now)[:4]) - chance.weighed({1: 20, 0: 2, -1: 1, 2: 5})
    body = life.AnnualReportFiled(year=year, document=HASH, remarks="")
    return chance.act((code, "root"), body, f"{code}/report/{year}")


def name_of(chance: Chance, code: str, kind: str) -> str:
    """Give the name of an affair: mostly a new one."""
    known = [one for one in chance.world.affairs if one.startswith(f"{code}/{kind}/")]
    name = chance.maybe(known) if chance.likely(6) else None
    return name or f"{code}/{kind}/n-{len(chance.world.affairs)}"


def some_affair(chance: Chance, kind: str) -> tuple[str, Affair] | None:
    names = [name for name, one in chance.world.affairs.items() if one.kind == kind]
    if chance.likely(3) and chance.world.affairs:
        names = list(chance.world.affairs)
    name = chance.maybe(names[-6:])
    return None if name is None else (name, chance.world.affairs[name])


def due(chance: Chance) -> str | None:
    return chance.weighed({None: 10, chance.day(0, 60): 10, chance.day(5): 1, "2026-02-30": 1})


def request_review(chance: Chance) -> Act:
    code = chance.code() if chance.likely(10) else chance.member()
    author = (
        CHAIR if chance.likely(60) else ((code if chance.likely(90) else chance.member()), "root")
    )
    body = life.ReviewRequested(
        participant=code, kind=chance.pick(list(life.ReviewKind)), reason="routine"
    )
    return chance.act(author, body, name_of(chance, code, "review"))


def words(chance: Chance, text: str) -> str:
    """Give what is said, or rarely nothing."""
    return chance.weighed({text: 20, "": 1, " ": 1})


def open_anomaly(chance: Chance) -> Act:
    code = chance.code()
    series = chance.pick(list(statistics.Series))
    quarter, half = periods(chance)
    fitting = half if series == statistics.Series.PRODUCTION else quarter
    body = statistics.AnomalyQuestioned(
        participant=code,
        series=series,
        period=chance.weighed({fitting: 20, half: 1, quarter: 1, "2025": 1}),
        question=words(chance, "Why?"),
        answer_due_on=due(chance),
    )
    wgs = [office for office, house in chance.world.houses.items() if "STATISTICS" in house.roles]
    schemes = [office for office in wgs if office[0] == "KPCS"]
    author = chance.weighed(
        {SECRETARIAT: 10, chance.maybe(schemes) or CHAIR: 10, chance.maybe(wgs) or CHAIR: 1}
    )
    return chance.act(author, body, name_of(chance, code, "anomaly"))


def raise_concern(chance: Chance) -> Act:
    code, other = chance.member(), chance.code()
    body = life.ConcernRaised(
        participant=other,
        text=words(chance, "A concern"),
        document=chance.pick((None, HASH)),
        answer_due_on=due(chance),
    )
    subject = name_of(chance, other if chance.likely(95) else code, "concern")
    return chance.act((code, "root"), body, subject)


def report_suspect(chance: Chance) -> Act:
    code = chance.member()
    author = (
        chance.office_of(code, "IMPORTING", "EXPORTING")
        if chance.likely(90)
        else chance.any_office()
    )
    body = importing.SuspectReported(
        claimed_issuer=chance.weighed({chance.member(): 10, "KE": 3, "XX": 1}),
        claimed_number="4306",
        claimed_issue=chance.weighed({None: 5, chance.day(20): 5, "2026-02-30": 1}),
        image=None,
        remarks="",
    )
    return chance.act(
        author, body, name_of(chance, author[0] if chance.likely(95) else "BW", "suspect")
    )


def announce(chance: Chance) -> Act:
    day = chance.day(0, 60)
    body = life.MeetingAnnounced(
        kind=life.MeetingKind.PLENARY,
        from_day=day,
        until_day=chance.weighed({day: 20, chance.day(90): 3, "2026-02-30": 1}),
        place="Gaborone",
    )
    names = [name for name in chance.world.affairs if "/meeting/" in name]
    subject = chance.maybe(names) if chance.likely(30) else None
    return chance.act(CHAIR, body, subject or name_of(chance, "KPCS", "meeting"))


def present(chance: Chance) -> tuple[str, ...]:
    team = tuple(sorted(chance.random.sample(list(chance.world.members), 2)))
    return chance.weighed({team: 20, (): 1, team[::-1]: 1, ("XX",): 1})


def follow(chance: Chance, kind: str) -> Act | None:
    """Take the next step of an affair, mostly one that it has a way on for."""
    found = some_affair(chance, kind)
    if found is None:
        return None
    subject, affair = found
    author, body = NEXT[kind](chance, affair)
    if chance.likely(12):
        body = life.OpeningWithdrawn(reason="a mistake" if chance.likely(95) else "")
        by_office = kind in ("suspect", "anomaly") and chance.likely(70)
        head = "chair" if affair.opened_by == "KPCS" else "root"
        author = (affair.opened_by, head)
        if by_office:
            author = chance.office_of(affair.opened_by, kind="opening_withdrawn")
    if chance.likely(4):
        author = chance.any_office()
    return chance.act(author, body, subject)


def next_of_review(chance: Chance, affair: Affair) -> tuple[Office, Body]:
    root = (affair.participant, "root")
    step = {"REQUESTED": 0, "DECLINED": 0, "CONSENTED": 1, "CARRIED_OUT": 2, "REPORTED": 3}
    number = step.get(affair.state, 0) if chance.likely(90) else chance.random.randrange(4)
    if number == 0:
        return root, life.ReviewConsented(consented=chance.likely(70), remarks="")
    if number == 1:
        day = chance.day(5)
        until = chance.weighed({day: 10, chance.day(0): 10, chance.day(0, 3): 2, "2026-02-30": 1})
        return CHAIR, life.ReviewCarriedOut(from_day=day, until_day=until, team=present(chance))
    if number == 2:
        asked = [
            life.Recommendation(name=name, text="Do better", due_on=due(chance))
            for name in chance.pick(((), ("audit",), ("audit", "books"), ("books", "audit")))
        ]
        return CHAIR, life.ReviewReported(document=HASH, recommendations=tuple(asked))
    name = chance.maybe(list(affair.recommendations)) if chance.likely(92) else None
    return root, life.RecommendationFollowedUp(
        name=name or "no-such",
        status=chance.pick(list(life.FollowUpStatus)),
        text="",
        document=None,
    )


def next_of_meeting(chance: Chance, _affair: Affair) -> tuple[Office, Body]:
    author = chance.pick((CHAIR, SECRETARIAT))
    return author, life.MeetingHeld(document=HASH, present=present(chance))


def next_of_concern(chance: Chance, affair: Affair) -> tuple[Office, Body]:
    if chance.likely(60):
        answer = life.ConcernAnswered(
            text=words(chance, "Late"), document=chance.pick((None, HASH))
        )
        return (affair.participant, "root"), answer
    return CHAIR, life.ConcernClosed(text=words(chance, "solved"))


def next_of_anomaly(chance: Chance, affair: Affair) -> tuple[Office, Body]:
    author = chance.office_of(affair.participant, "STATISTICS")
    return author, statistics.AnomalyAnswered(answer=words(chance, "Because"), document=None)


def next_of_suspect(chance: Chance, affair: Affair) -> tuple[Office, Body]:
    body = importing.SuspectJudged(verdict=chance.pick(list(importing.Verdict)), remarks="")
    code = affair.participant
    if code in chance.world.members and chance.likely(90):
        return chance.pick(((code, "root"), chance.office_of(code, "EXPORTING"))), body
    return CHAIR, body


NEXT: dict[str, Callable[[Chance, Affair], tuple[Office, Body]]] = {
    "review": next_of_review,
    "meeting": next_of_meeting,
    "concern": next_of_concern,
    "anomaly": next_of_anomaly,
    "suspect": next_of_suspect,
}


def compose(chance: Chance) -> Act:
    members = tuple(sorted(chance.random.sample(list(chance.world.members), 3)))
    observers = [office for code, office in chance.world.houses if code == "KPCS"]
    name = chance.pick(("wgs", "wgm", "cpc"))
    body = life.BodyComposed(
        name=name,
        title="A body",
        kind=life.BodyKind.WORKING_GROUP,
        chair=members[1] if chance.likely(93) else chance.code(),
        members=chance.weighed({members: 20, members[::-1]: 1, (*members[:2], "ZZ"): 1}),
        observers=chance.weighed({(): 10, tuple(sorted(observers))[:1]: 5, ("no-such",): 1}),
        dissolved=chance.likely(15),
    )
    return chance.act(CHAIR, body, f"KPCS/body/{name}")


def observe(chance: Chance) -> Act:
    name = f"observer-{len(chance.world.houses)}"
    if chance.likely(6):
        name = chance.pick(("chair", "wdc", "wgs"))
    body = life.ObserverRegistered(
        observer=name,
        title="An observer",
        kind=life.ObserverKind.INDUSTRY,
        key=new_key(chance, f"KPCS/{name}"),
        contact="",
    )
    return chance.act(CHAIR, body, f"KPCS/{name}")


def withdraw(chance: Chance) -> Act | None:
    spare = [office for code, office in chance.world.houses if office.startswith("observer-")]
    name = chance.maybe(spare) if chance.likely(85) else chance.pick(("wgs", "chair", "none"))
    if name is None:
        return None
    return chance.act(
        CHAIR, life.ObserverWithdrawn(observer=name, reference="Letter"), f"KPCS/{name}"
    )


def note(chance: Chance) -> Act:
    events = list(chance.world.events)
    some = tuple(sorted(chance.random.sample(events, min(2, len(events)))))
    author = chance.any_office()
    subject = chance.weighed(
        {"BW": 5, chance.maybe(list(chance.world.papers)) or "BW000001": 10, "nothing-like-it": 1}
    )
    body = life.NoteFiled(
        text=words(chance, "A note"),
        references=chance.weighed({(): 10, some: 10, some[::-1]: 1, (bytes(32),): 1}),
        document=None,
    )
    return chance.act(author, body, subject)


def correct(chance: Chance) -> Act | None:
    """An author corrects a statement of its own, mostly one that decided nothing."""
    world = chance.world
    events = [event for event, said in world.events.items() if said.type in CORRECTABLE]
    event = chance.maybe((events if chance.likely(85) else list(world.events))[-30:])
    if event is None:
        return None
    said = world.events[event]
    body = chance.weighed(
        {
            encode(said.body): 20,
            encode(life.NoteFiled(text="", references=(), document=None)): 1,
            b"\xc1": 1,
        }
    )
    correction = life.CorrectionMade(
        event=event if chance.likely(97) else bytes(32), body=body, reason="wrong"
    )
    author = said.author if chance.likely(93) else chance.any_office()
    return chance.act(author, correction, said.subject)


def countersign(chance: Chance) -> Act | None:
    """Another officer signs what the own office said, mostly."""
    world = chance.world
    event = chance.maybe(list(world.events)[-40:])
    if event is None:
        return None
    said = world.events[event]
    author = said.author if chance.likely(90) else chance.any_office()
    named = event if chance.likely(97) else bytes(32)
    return chance.act(author, life.EventCountersigned(event=named), said.subject)


CORRECTABLE = (
    "note_filed", "transit_noted", "certificate_lost", "certificate_found", "shipment_detained",
    "shipment_released", "concern_closed", "certificate_voided",
)  # fmt: skip

DRAWS: dict[str, tuple[Callable[[Chance], Act | None], int]] = {
    "trade_statistics_submitted": (trade, 3),
    "production_statistics_submitted": (production, 3),
    "count_statistics_submitted": (counts, 3),
    "annual_report_filed": (report, 3),
    "review_requested": (request_review, 2),
    "review": (lambda chance: follow(chance, "review"), 16),
    "anomaly_questioned": (open_anomaly, 3),
    "anomaly": (lambda chance: follow(chance, "anomaly"), 4),
    "concern_raised": (raise_concern, 3),
    "concern": (lambda chance: follow(chance, "concern"), 4),
    "suspect_reported": (report_suspect, 3),
    "suspect": (lambda chance: follow(chance, "suspect"), 4),
    "meeting_announced": (announce, 3),
    "meeting": (lambda chance: follow(chance, "meeting"), 3),
    "body_composed": (compose, 3),
    "observer_registered": (observe, 2),
    "observer_withdrawn": (withdraw, 2),
    "note_filed": (note, 4),
    "correction_made": (correct, 10),
    "event_countersigned": (countersign, 3),
}
