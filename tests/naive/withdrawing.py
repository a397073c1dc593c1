"""What was opened by mistake is withdrawn by whoever opened it."""

from naive import filings, trade
from naive.papers import moving
from naive.world import Said, World


def is_opener(world: World, said: Said) -> str | None:
    """E2: offices of the participant that opened it; root or Chair for what these open."""
    affair = world.affairs.get(said.subject)
    if affair is None:
        return trade.is_its_business(world, said)
    head = (affair.opened_by, "chair" if affair.opened_by == "KPCS" else "root")
    any_office = affair.kind in ("suspect", "anomaly") and said.author[0] == affair.opened_by
    return None if any_office or said.author == head else "E2"


def is_untouched(world: World, said: Said) -> str | None:
    """E6: nobody else has acted on it, and its author saw the newest."""
    if said.subject in world.affairs:
        return filings.goes_on(world, said)
    return trade.has_a_way_on(world, said) or trade.saw_newest(world, said)


def moves_nothing(world: World, said: Said) -> str | None:
    """E10: no technical certificate moves the goods."""
    return "E10" if moving(world, said.subject) else None


def withdraw(world: World, said: Said) -> None:
    if said.subject in world.affairs:
        filings.proceed(world, said)
        return
    trade.step(world, said)
    paper = world.papers.get(said.subject)
    if paper is None:
        return
    says = paper.says
    if paper.state == "RESOLVED":
        paper.found = (says.parcels, says.carat_thousandths, says.value_usd_cents)
    elif paper.state == "IN_TRANSIT":
        paper.holder = None
    elif paper.holder != says.destination:
        paper.before_held = paper.before_held or "DIVERTED"
