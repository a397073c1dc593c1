"""What befalls a certificate after its issue: who may say so, and when (6.4; E2, E6 to E8)."""

from naive import tables
from naive.papers import give_back
from naive.world import Case, Paper, Said, World

BY_ISSUER = (
    "certificate_validated",
    "export_notified",
    "amendment_endorsed",
    "certificate_voided",
    "certificate_replaced",
    "certificate_returned_unused",
    "discrepancy_resolved",
    "return_received",
)
AT_EITHER_END = ("certificate_lost", "certificate_found")
BY_DESTINATION = ("arrival_recorded", "import_confirmed", "import_confirmed_discrepant")
ELSEWHERE = ("transit_noted", "shipment_diverted")
OPENS_CASE = ("arrival_recorded", "shipment_detained")


def is_its_business(world: World, said: Said) -> str | None:
    """E2: the issuer acts on its certificate, the destination on the import, or who has it."""
    code = said.author[0]
    case = world.cases.get(said.subject)
    if case is not None:
        right = case.returned_to if said.type == "return_received" else case.holder
        return None if code == right else "E2"
    paper = world.papers.get(said.subject)
    return None if paper is None or code in offered(world, paper, said) else "E2"


def offered(world: World, paper: Paper, said: Said) -> set[str]:
    """Give the participants that may say this of a certificate."""
    own, there = paper.issuer, paper.says.destination
    everybody = {code for code, _ in world.houses}
    if said.type in BY_ISSUER:
        return {own}
    if said.type in BY_DESTINATION:
        return {there}
    if said.type in AT_EITHER_END:
        roles = world.houses[said.author].roles
        ends = (("EXPORTING", own), ("IMPORTING", there))
        return {code for role, code in ends if role in roles}
    if said.type in ELSEWHERE:
        return everybody - ({own, there} if said.type == "transit_noted" else {there})
    on_its_way = paper.holder is None or is_over(paper)
    held_anywhere = said.type == "shipment_detained" and on_its_way
    return everybody if held_anywhere else {paper.holder or there}


def is_over(paper: Paper) -> bool:
    return paper.state in (*tables.TAKEN_BACK, *tables.USED)


def was_confirmed(world: World, said: Said) -> str | None:
    """E7: one confirmation for each certificate."""
    paper = world.papers.get(said.subject)
    return "E7" if paper is not None and paper.state in tables.CONFIRMED else None


def is_alive(world: World, said: Said) -> str | None:
    """E8: nobody confirms what is dead, lost, held back or not validated."""
    paper = world.papers.get(said.subject)
    return None if paper is None or paper.state in tables.CERTIFICATES[said.type] else "E8"


def has_a_way_on(world: World, said: Said) -> str | None:
    """E6: it exists, and its state has a way on by this event."""
    case = world.cases.get(said.subject)
    if case is not None:
        return None if case.state in tables.CASES.get(said.type, {}) else "E6"
    paper = world.papers.get(said.subject)
    if paper is None:
        return "E6"
    if is_over(paper) and said.type in OPENS_CASE:
        return None
    return None if paper.state in tables.CERTIFICATES.get(said.type, {}) else "E6"


def saw_newest(world: World, said: Said) -> str | None:
    """E6: the author has seen the newest event (optimistic lock)."""
    thing = world.cases.get(said.subject) or world.papers.get(said.subject)
    return "E6" if thing is not None and said.prev != thing.head else None


def step(world: World, said: Said) -> None:
    """Move a certificate or a case along its table."""
    case = world.cases.get(said.subject)
    if case is not None:
        case.state = tables.CASES[said.type][case.state]
        case.head = said.event
        return
    paper = world.papers[said.subject]
    if is_over(paper) and said.type in OPENS_CASE:
        open_case(world, paper, said)
        return
    move(paper, said)
    if paper.state in tables.TAKEN_BACK:
        give_back(world, paper)


def move(paper: Paper, said: Said) -> None:
    cell = tables.CERTIFICATES[said.type][paper.state]
    before = paper.state
    match cell.rstrip("*"):
        case "=":
            pass
        case "<":
            assert paper.before_lost is not None
            paper.state = paper.before_lost
        case after:
            paper.state = after
    paper.head = said.event
    if cell.endswith("*"):
        marks = tables.MARKS
        paper.marks.add(marks.get(said.type) or marks[said.type, before])


def open_case(world: World, paper: Paper, said: Said) -> None:
    """A shipment came under a certificate that is over: it gets a case, the certificate stays."""
    number = paper.says.number
    serial = world.presented.get(number, 0) + 1
    world.presented[number] = serial
    world.cases[f"{number}/{serial}"] = Case(
        kind="DEAD_ARRIVAL" if paper.state in tables.TAKEN_BACK else "REPRESENTATION",
        state="OPEN" if said.type == "arrival_recorded" else "DETAINED",
        head=said.event,
        holder=said.author[0],
        number=number,
        returned_to=paper.issuer,
        weighed=getattr(said.body, "found_carat_thousandths", None),
    )
