"""What statements on certificates and cases must say, and what follows (groups C and I)."""

import re

from msgspec.structs import replace

from kpledger.scheme.v1.events import certificate, importing
from naive import trade
from naive.authors import judge_signatures
from naive.dates import DAY, day_at, ends, parse, starts
from naive.houses import the
from naive.papers import (
    FROZEN_CODES,
    are_in_trade,
    ascending,
    changes_within,
    give_back,
    is_dated_in_trade,
    is_possible,
    is_validated_too_early,
    not_in_order,
    replace as replace_by_new,
)
from naive.tables import CONFIRMED, TAKEN_BACK
from naive.world import Case, Office, Paper, Said, World

MILLION = 10**6
MOST_PARCELS = 100_000


def is_since_issue(world: World, said: Said, day: str) -> bool:
    """Tell whether something can have happened to a certificate on a day."""
    paper = world.papers.get(said.subject)
    return is_possible(world, day) and (paper is None or paper.says.issued_on <= day)


def is_since_arrival(world: World, said: Said, day: str) -> bool:
    """Tell whether it can have happened on a day, after an arrival if one was recorded."""
    paper = world.papers.get(said.subject)
    arrived = paper.arrived_on if paper else None
    return is_since_issue(world, said, day) and (arrived is None or arrived <= day)


def happened(name: str, rule: str = "E5"):  # type: ignore[no-untyped-def] # noqa: ANN201
    """Ask whether the day in a field can be."""

    def ask(world: World, said: Said) -> str | None:
        return None if is_since_issue(world, said, getattr(said.body, name)) else rule

    return ask


# --- the issuer


def trades_still(world: World, said: Said) -> str | None:
    """E4 again, when it is validated and when it leaves."""
    paper = world.papers[said.subject]
    return are_in_trade(world, paper.says, paper.issuer)


def validates_in_trade(world: World, said: Said) -> str | None:
    """E4 of the day of validation."""
    paper = world.papers[said.subject]
    day = day_at(the(certificate.CertificateValidated, said).validated_at)
    return is_dated_in_trade(world, paper.says, paper.issuer, day)


def leaves_in_trade(world: World, said: Said) -> str | None:
    """E4 of the day on which it leaves."""
    paper = world.papers[said.subject]
    day = the(certificate.ExportNotified, said).exported_on
    return is_dated_in_trade(world, paper.says, paper.issuer, day)


def validates_soundly(world: World, said: Said) -> str | None:
    body = the(certificate.CertificateValidated, said)
    skew = world.number(None, "clock_skew_ms")
    paper = world.papers[said.subject]
    if body.validated_at > world.now + skew or len(set(body.seals)) < len(body.seals):
        return "E5"
    end = ends(paper.says.expires_on)
    assert end is not None
    late = body.validated_at > end
    return "E5" if late or is_validated_too_early(world, paper.says, body.validated_at) else None


def is_in_force(world: World, said: Said) -> str | None:
    """E6: nothing leaves under a certificate that has expired."""
    end = ends(world.papers[said.subject].says.expires_on)
    assert end is not None
    return "E6" if world.now > end else None


def leaves_while_valid(world: World, said: Said) -> str | None:
    body = the(certificate.ExportNotified, said)
    says = world.papers[said.subject].says
    if parse(body.exported_on) is None:
        return "E5"
    if not says.issued_on <= body.exported_on <= says.expires_on:
        return "E5"
    if FROZEN_CODES.intersection(body.transit):
        return "E5"
    if body.expected_on is None:
        return None
    fits = parse(body.expected_on) is not None and body.expected_on >= body.exported_on
    return None if fits else "E5"


def leave(world: World, said: Said) -> None:
    trade.step(world, said)
    world.papers[said.subject].exported_on = the(certificate.ExportNotified, said).exported_on


def amends_what_stands(world: World, said: Said) -> str | None:
    body = the(certificate.AmendmentEndorsed, said)
    says = world.papers[said.subject].says
    if body.old != read(says, body.field) or body.new == body.old:
        return "E5"
    if body.field == "parcels":
        match = re.fullmatch("[1-9][0-9]{0,5}", body.new)
        return None if match and int(body.new) <= MOST_PARCELS else "E5"
    if body.field.endswith("licence"):
        return None if len(body.new) <= 64 else "E5"
    return None if body.new else "E5"


def read(says: certificate.Certificate, field: str) -> str:
    who, _, what = field.partition(".")
    thing = getattr(says, who)
    return str(getattr(thing, what) if what else thing)


def amend(world: World, said: Said) -> None:
    trade.step(world, said)
    body = the(certificate.AmendmentEndorsed, said)
    paper = world.papers[said.subject]
    who, _, what = body.field.partition(".")
    if what:
        changed = replace(getattr(paper.says, who), **{what: body.new})
        paper.says = replace(paper.says, **{who: changed})
    else:
        paper.says = replace(paper.says, parcels=int(body.new))


def importers(world: World, code: str) -> frozenset[Office]:
    return frozenset(
        office
        for office, house in world.houses.items()
        if office[0] == code and "IMPORTING" in house.roles and not house.closed
    )


def is_agreed_once_arrived(world: World, said: Said) -> str | None:
    """E1: the destination signs an amendment too, once it has the goods."""
    paper = world.papers.get(said.subject)
    there = paper.says.destination if paper else ""
    if paper is None or paper.state not in ("ARRIVED", "DETAINED"):
        return judge_signatures(world, said, cosigners=())
    return judge_signatures(world, said, cosigners=(importers(world, there),))


def is_agreed(world: World, said: Said) -> str | None:
    """E1: issuer and destination sign what they agree on."""
    paper = world.papers.get(said.subject)
    if paper is None:
        return judge_signatures(world, said, cosigners=())
    return judge_signatures(world, said, cosigners=(importers(world, paper.says.destination),))


def was_reported_lost(world: World, said: Said) -> str | None:
    return None if world.papers[said.subject].lost else "E6"


def lose(world: World, said: Said) -> None:
    paper = world.papers[said.subject]
    prior = paper.state
    trade.step(world, said)
    paper.before_lost, paper.lost = prior, True


def find(world: World, said: Said) -> None:
    trade.step(world, said)
    paper = world.papers[said.subject]
    paper.lost = False
    if paper.before_held == "LOST":
        paper.before_held = paper.before_lost


def passes_soundly(world: World, said: Said) -> str | None:
    body = the(certificate.TransitNoted, said)
    if not is_since_issue(world, said, body.entered_on):
        return "E5"
    if body.left_on is None:
        return None
    return None if is_possible(world, body.left_on) and body.left_on >= body.entered_on else "E5"


# --- the destination


def arrives_soundly(world: World, said: Said) -> str | None:
    body = the(importing.ArrivalRecorded, said)
    fits = is_since_issue(world, said, body.arrived_on) and ascending(body.photos)
    return None if fits else "E5"


def arrive(world: World, said: Said) -> None:
    paper = world.papers[said.subject]
    over = trade.is_over(paper)
    trade.step(world, said)
    if not over:
        paper.arrived_on = the(importing.ArrivalRecorded, said).arrived_on
        paper.holder = said.author[0]


def repeats_paper(world: World, said: Said) -> str | None:
    """E7: number, parties and a possible day."""
    body = said.body
    assert isinstance(body, importing.ImportConfirmed | importing.ImportConfirmedDiscrepant)
    says = world.papers[said.subject].says
    same = (body.number, body.exporter, body.importer) == (
        said.subject,
        says.exporter,
        says.importer,
    )
    return None if same and is_since_arrival(world, said, body.received_on) else "E7"


def is_clean(world: World, said: Said) -> str | None:
    """E8: in force when it left or came, issued in good standing, and as declared."""
    body = the(importing.ImportConfirmed, said)
    paper = world.papers[said.subject]
    good = (
        not paper.lost
        and was_issued_in_trade(world, paper)
        and was_in_time(paper, body)
        and body.parcels == paper.says.parcels
        and is_near(world, paper, body, "carat_thousandths", "carat_tolerance")
        and is_near(world, paper, body, "value_usd_cents", "value_tolerance")
    )
    return None if good else "E8"


def tells_what_differs(world: World, said: Said) -> str | None:
    """E8: a figure differs, or the cause or the remarks say what does."""
    body = the(importing.ImportConfirmedDiscrepant, said)
    says = world.papers[said.subject].says
    tells = (
        body.parcels != says.parcels
        or body.carat_thousandths != says.carat_thousandths
        or body.value_usd_cents != says.value_usd_cents
        or body.cause in ("CONTENTS", "CLERICAL")
        or body.remarks.strip() != ""
    )
    return None if tells else "E8"


def was_issued_in_trade(world: World, paper: Paper) -> bool:
    """Tell whether the issuer was in trade when it was recorded, and on the day it states."""
    start = starts(paper.says.issued_on)
    assert start is not None
    out = not_in_order(paper.says)
    if world.standing(paper.issuer, paper.issued_at) in out:
        return False
    moments = (start, *changes_within(world, start), start + DAY - 1)
    held = {world.standing(paper.issuer, moment) for moment in moments}
    return moments[-1] >= paper.issued_at or not held <= out


def is_near(
    world: World, paper: Paper, body: importing.ImportConfirmed, field: str, tolerance: str
) -> bool:
    declared, found = getattr(paper.says, field), getattr(body, field)
    unit = "thousandths" if field == "carat_thousandths" else "usd_cents"
    least = world.number(paper.says.destination, f"{tolerance}_{unit}")
    millionths = world.number(paper.says.destination, f"{tolerance}_ppm")
    return bool(abs(found - declared) <= max(least, declared * millionths // MILLION))


def was_in_time(paper: Paper, body: importing.ImportConfirmed) -> bool:
    left, issued = body.exported_on, paper.says.issued_on
    if left is not None and (parse(left) is None or not issued <= left <= body.received_on):
        return False
    end = paper.says.expires_on
    if paper.expiry == "JOURNEY":
        return body.received_on <= end
    return (left or paper.exported_on or body.received_on) <= end


def confirm(world: World, said: Said) -> None:
    trade.step(world, said)
    body = said.body
    assert isinstance(body, importing.ImportConfirmed | importing.ImportConfirmedDiscrepant)
    paper = world.papers[said.subject]
    paper.found = (body.parcels, body.carat_thousandths, body.value_usd_cents)
    paper.received_on = body.received_on
    paper.holder = said.author[0]
    paper.exported_on = getattr(body, "exported_on", None) or paper.exported_on


def resolve(world: World, said: Said) -> None:
    trade.step(world, said)
    body = the(importing.DiscrepancyResolved, said)
    paper = world.papers[said.subject]
    paper.found = (body.parcels, body.carat_thousandths, body.value_usd_cents)


def holds_as_member(world: World, said: Said) -> str | None:
    """E4: whoever was removed holds back nothing that was not sent to it."""
    paper = world.papers.get(said.subject)
    if paper is not None and paper.says.destination == said.author[0]:
        return None
    return "E4" if world.standing(said.author[0]) in (None, "REMOVED") else None


def detain(world: World, said: Said) -> None:
    paper = world.papers.get(said.subject)
    if paper is None or trade.is_over(paper):
        trade.step(world, said)
        return
    prior = paper.state
    trade.step(world, said)
    if said.author[0] != paper.says.destination:
        paper.before_held = prior
    paper.holder = said.author[0]


def release(world: World, said: Said) -> None:
    """What was held back on its way goes on from where it was; else it has arrived."""
    paper = world.papers.get(said.subject)
    trade.step(world, said)
    if paper is not None and paper.before_held is not None:
        paper.state, paper.before_held = paper.before_held, None
        paper.holder = paper.holder if paper.state == "DIVERTED" else None


def surface(world: World, said: Said) -> None:
    trade.step(world, said)
    world.papers[said.subject].holder = said.author[0]


def returns_under_own_paper(world: World, said: Said) -> str | None:
    """E10: what goods are sent back under is a technical certificate of the author for them."""
    number = the(importing.ImportRefusedReturned, said).technical_certificate
    if number is None:
        return None
    paper = world.papers.get(number)
    fits = (
        paper is not None
        and paper.says.kind == "TECHNICAL"
        and (paper.issuer, paper.says.case) == (said.author[0], said.subject)
        and paper.state not in (*TAKEN_BACK, *CONFIRMED)
    )
    return None if fits else "E10"


def came_back(world: World, said: Said) -> str | None:
    day = the(importing.ReturnReceived, said).received_on
    return None if is_since_arrival(world, said, day) else "E5"


def come_back(world: World, said: Said) -> None:
    trade.step(world, said)
    thing = world.cases.get(said.subject) or world.papers[said.subject]
    thing.holder = said.author[0]
    if isinstance(thing, Paper):
        give_back(world, thing, the(importing.ReturnReceived, said).carat_thousandths)


def replace_paper(world: World, said: Said) -> None:
    trade.step(world, said)
    replace_by_new(world, said)


# --- cases


def opens_under_own_code(_world: World, said: Said) -> str | None:
    named = re.fullmatch("[A-Z]{2}/case/[a-z0-9]+(-[a-z0-9]+)*", said.subject)
    return None if named and said.subject[:2] == said.author[0] else "E5"


def opens_on_a_day(world: World, said: Said) -> str | None:
    body = the(importing.CaseOpened, said)
    fits = body.kind in ("NO_CERTIFICATE", "SAMPLE") and is_possible(world, body.opened_on)
    return None if fits else "E5"


def is_new_case(world: World, said: Said) -> str | None:
    return "E6" if said.subject in world.cases else None


def open_case(world: World, said: Said) -> None:
    body = the(importing.CaseOpened, said)
    world.cases[said.subject] = Case(
        kind=body.kind,
        state="OPEN",
        head=said.event,
        holder=said.author[0],
        number=None,
        returned_to=body.claimed_provenance,
        weighed=body.carat_thousandths,
    )
