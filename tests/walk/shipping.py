"""What befalls certificates and cases: the issuer's and the importer's statements."""

from collections.abc import Callable

from founding import vary
from naive.dates import days_later
from naive.tables import CASES, CERTIFICATES
from naive.world import Case, Paper

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events import certificate, importing, life
from walk.chance import Act, Chance

Draw = Callable[[Chance, Paper], Body]


def validated(chance: Chance, _paper: Paper) -> Body:
    seals = chance.weighed({("V-1", "V-2"): 30, ("V-1", "V-1"): 1, (): 10})
    ahead = chance.weighed({0: 30, -1000: 10, 10_000: 2, 10_001: 1, -(10**10): 1})
    return certificate.CertificateValidated(validated_at=chance.world.now + ahead, seals=seals)


def notified(chance: Chance, paper: Paper) -> Body:
    day = chance.weighed(
        {
            chance.day(2): 30,
            chance.day(0, 2): 5,
            paper.says.expires_on: 3,
            days_later(paper.says.expires_on, 1): 2,
            days_later(paper.says.issued_on, -1): 1,
            "2026-02-30": 1,
        }
    )
    arrival = chance.weighed({None: 10, days_later(paper.says.issued_on, 20): 10, "2026-02-30": 1})
    return certificate.ExportNotified(
        exported_on=day,
        carrier="Air Diamond",
        transport_document="AWB 1",
        expected_on=arrival,
        transit=chance.weighed({(): 20, ("AE",): 5, ("AE", "IN"): 3, ("XX",): 1}),
    )


def voided(chance: Chance, _paper: Paper) -> Body:
    reason = chance.pick(list(certificate.VoidReason))
    return certificate.CertificateVoided(reason=reason, remarks="")


def amended(chance: Chance, paper: Paper) -> Body:
    field = chance.pick(list(certificate.AmendableField))
    old = read_field(paper, field)
    new = (
        "7"
        if field == certificate.AmendableField.PARCELS
        else f"Other {chance.random.randrange(9)}"
    )
    flaws = {(old, new): 25, ("no such", new): 1, (old, old): 1, (old, ""): 1}
    if field == certificate.AmendableField.PARCELS:
        flaws |= {(old, "0"): 1, (old, "many"): 1, (old, "07"): 1, (old, "100001"): 1}
    old, new = chance.weighed(flaws)
    return certificate.AmendmentEndorsed(field=field, old=old, new=new, reason="typing error")


def read_field(paper: Paper, field: str) -> str:
    thing: object = paper.says
    for name in field.split("."):
        thing = getattr(thing, name)
    return str(thing)


def lost(chance: Chance, _paper: Paper) -> Body:
    return certificate.CertificateLost(with_goods=chance.likely(20), circumstances="")


def found(_chance: Chance, _paper: Paper) -> Body:
    return certificate.CertificateFound(circumstances="behind a desk")


def returned_unused(chance: Chance, paper: Paper) -> Body:
    return certificate.CertificateReturnedUnused(returned_on=some_day(chance, paper))


def transited(chance: Chance, paper: Paper) -> Body:
    day = some_day(chance, paper)
    left = chance.weighed(
        {None: 10, day: 10, days_later(paper.says.issued_on, -9): 1, "2026-02-30": 1}
    )
    return certificate.TransitNoted(entered_on=day, left_on=left, seals_intact=True, remarks="")


def some_day(chance: Chance, paper: Paper) -> str:
    """Give a day since the issue, or rarely one that cannot be."""
    return chance.weighed(
        {
            chance.day(0): 40,
            chance.day(2, 1): 10,
            chance.day(0, 2): 2,
            days_later(paper.says.issued_on, -1): 1,
            "2026-02-30": 1,
        }
    )


def arrived(chance: Chance, paper: Paper) -> Body:
    return importing.ArrivalRecorded(
        arrived_on=some_day(chance, paper),
        seals_intact=chance.likely(90),
        opened=chance.likely(50),
        found_carat_thousandths=chance.pick((None, paper.says.carat_thousandths)),
        remarks="",
        photos=chance.weighed({(): 20, (bytes([2]) * 32, bytes([1]) * 32): 1}),
    )


def off(chance: Chance, amount: int, ppm: int) -> int:
    """Give an amount as declared, or at the edge of the tolerance."""
    edge = amount * ppm // 1_000_000
    return max(1, amount + chance.weighed({0: 80, edge: 5, -edge: 5, edge + 1: 2, -edge - 1: 2}))


def confirmed(chance: Chance, paper: Paper) -> Body:
    says = paper.says
    issuer = chance.pick((paper.issuer, says.destination))
    left = chance.weighed(
        {
            None: 40,
            paper.exported_on: 10,
            says.expires_on: 5,
            days_later(says.expires_on, 1): 1,
            days_later(says.issued_on, -1): 1,
            "2026-02-30": 1,
        }
    )
    body = importing.ImportConfirmed(
        number=says.number,
        parcels=says.parcels,
        carat_thousandths=off(
            chance, says.carat_thousandths, chance.world.number(issuer, "carat_tolerance_ppm")
        ),
        value_usd_cents=off(
            chance, says.value_usd_cents, chance.world.number(issuer, "value_tolerance_ppm")
        ),
        exporter=says.exporter,
        importer=says.importer,
        received_on=some_day(chance, paper),
        exported_on=left,
    )
    return vary(body, **misread(chance, paper, clean=True))


def misread(chance: Chance, paper: Paper, *, clean: bool) -> dict[str, object]:
    """Give what a confirmation gets wrong; mostly nothing."""
    if chance.likely(93):
        return {}
    stranger = vary(paper.says.exporter, name="Somebody")
    return chance.pick(
        (
            {"number": "BW000777"},
            {"exporter": stranger},
            {"importer": stranger},
            {"parcels": paper.says.parcels + 1},
            {"parcels": 9, "exporter": stranger},
            {"received_on": "2026-02-30"} if clean else {},
        )
    )


def confirmed_discrepant(chance: Chance, paper: Paper) -> Body:
    says = paper.says
    body = importing.ImportConfirmedDiscrepant(
        number=says.number,
        parcels=chance.random.randint(1, 4),
        carat_thousandths=chance.random.randint(1, 2 * says.carat_thousandths),
        value_usd_cents=says.value_usd_cents,
        exporter=says.exporter,
        importer=says.importer,
        received_on=some_day(chance, paper),
        cause=importing.DiscrepancyCause.WEIGHING,
        remarks="",
    )
    if chance.likely(10):
        cause = chance.pick(list(importing.DiscrepancyCause))
        remarks = chance.pick(("", " ", "seals broken"))
        return vary(
            body,
            parcels=says.parcels,
            carat_thousandths=says.carat_thousandths,
            cause=cause,
            remarks=remarks,
        )
    return vary(body, **misread(chance, paper, clean=False))


def resolved(_chance: Chance, paper: Paper) -> Body:
    return importing.DiscrepancyResolved(
        parcels=paper.says.parcels,
        carat_thousandths=paper.says.carat_thousandths,
        value_usd_cents=paper.says.value_usd_cents,
        explanation="weighed wrong",
    )


def detained(chance: Chance, _paper: Paper | Case) -> Body:
    reason = chance.pick(list(importing.HoldReason))
    return importing.ShipmentDetained(reason=reason, legal_reference="Order 7", remarks="")


def released(_chance: Chance, _paper: Paper | Case) -> Body:
    return importing.ShipmentReleased(remedy="")


def refused(chance: Chance, _paper: Paper | Case) -> Body:
    technical = [
        number for number, one in chance.world.papers.items() if one.says.kind == "TECHNICAL"
    ]
    number = chance.weighed(
        {
            None: 10,
            chance.maybe(technical[-5:]): 5,
            chance.maybe(list(chance.world.papers)): 1,
            "BW999999": 1,
        }
    )
    return importing.ImportRefusedReturned(
        reason=importing.HoldReason.ORDER, technical_certificate=number, remarks=""
    )


def seized(chance: Chance, _paper: Paper | Case) -> Body:
    return importing.ShipmentSeized(
        reason=importing.HoldReason.ORDER,
        legal_reference="Order 7",
        custody="Customs",
        carat_thousandths=1 + chance.random.randrange(1000),
    )


def received_back(chance: Chance, paper: Paper | Case) -> Body:
    day = some_day(chance, paper) if isinstance(paper, Paper) else chance.day(1, 1)
    most = paper.says.carat_thousandths if isinstance(paper, Paper) else 50_000
    carats = chance.pick((1, most // 2 or 1, most))
    return importing.ReturnReceived(received_on=day, carat_thousandths=carats, condition="")


def diverted(chance: Chance, paper: Paper) -> Body:
    return importing.ShipmentDiverted(place="A port", found_on=some_day(chance, paper), reason="")


def withdrawn(chance: Chance, _thing: Paper | Case) -> Body:
    return life.OpeningWithdrawn(reason=chance.weighed({"the wrong number": 20, " ": 1}))


ON_PAPER: dict[str, Draw] = {
    "opening_withdrawn": withdrawn,
    "certificate_validated": validated,
    "export_notified": notified,
    "certificate_voided": voided,
    "amendment_endorsed": amended,
    "certificate_lost": lost,
    "certificate_found": found,
    "certificate_returned_unused": returned_unused,
    "transit_noted": transited,
    "arrival_recorded": arrived,
    "import_confirmed": confirmed,
    "import_confirmed_discrepant": confirmed_discrepant,
    "discrepancy_resolved": resolved,
    "shipment_detained": detained,
    "shipment_released": released,
    "import_refused_returned": refused,
    "shipment_seized": seized,
    "return_received": received_back,
    "shipment_diverted": diverted,
}
ON_CASE = {
    "opening_withdrawn": withdrawn,
    "shipment_detained": detained,
    "shipment_released": released,
    "import_refused_returned": refused,
    "shipment_seized": seized,
    "return_received": received_back,
}
USUAL = {
    "certificate_validated": 20,
    "export_notified": 20,
    "arrival_recorded": 14,
    "import_confirmed": 20,
    "import_confirmed_discrepant": 8,
    "discrepancy_resolved": 8,
    "certificate_lost": 3,
    "certificate_found": 6,
    "shipment_released": 5,
    "import_refused_returned": 4,
    "return_received": 8,
    "shipment_diverted": 6,
    "certificate_voided": 1,
}
"""How often a step is taken where there is a way on, against 2 of the others."""
BY_ISSUER = (
    "certificate_validated",
    "export_notified",
    "certificate_voided",
    "amendment_endorsed",
    "certificate_returned_unused",
    "discrepancy_resolved",
    "return_received",
)
ELSEWHERE = ("transit_noted", "shipment_diverted")


def actor(chance: Chance, paper: Paper, kind: str) -> str:
    """Give who should say this of a certificate, and rarely who should not."""
    if chance.likely(5):
        return chance.member()
    there = paper.says.destination
    if kind in BY_ISSUER:
        return paper.issuer
    if kind in ("certificate_lost", "certificate_found"):
        return chance.pick((paper.issuer, there))
    if kind in ELSEWHERE or (kind == "shipment_detained" and chance.likely(25)):
        return chance.member()
    return paper.holder or there


def draw_step(chance: Chance, kinds: dict[str, Draw]) -> Act | None:
    """Somebody says something of a certificate: mostly what its state has a way on for."""
    drawn = chance.paper()
    if drawn is None:
        return None
    number, paper = drawn
    fitting = [kind for kind in kinds if paper.state in CERTIFICATES[kind]]
    weights = {one: USUAL.get(one, 2) for one in fitting}
    usual = bool(weights) and chance.likely(85)
    kind = chance.weighed(weights) if usual else chance.pick(list(kinds))
    author = chance.office_of(actor(chance, paper, kind), kind=kind)
    others = cosigners(chance, paper, kind)
    return chance.act(author, kinds[kind](chance, paper), number, *others)


def cosigners(chance: Chance, paper: Paper, kind: str) -> tuple[tuple[str, str], ...]:
    """Give who signs besides the author, as a rule."""
    there = paper.says.destination
    arrived_there = kind == "amendment_endorsed" and paper.state in ("ARRIVED", "DETAINED")
    if kind == "discrepancy_resolved" or arrived_there:
        return (chance.office_of(paper.holder or there, "IMPORTING"),)
    return ()


def draw_case_step(chance: Chance) -> Act | None:
    """Somebody acts on a case."""
    drawn = chance.case()
    if drawn is None:
        return None
    name, case = drawn
    fitting = [kind for kind in ON_CASE if case.state in CASES[kind]]
    kind = chance.pick((fitting if chance.likely(80) else []) or list(ON_CASE))
    code = case.returned_to if kind == "return_received" else case.holder
    if code is None or chance.likely(6):
        code = chance.member()
    return chance.act(chance.office_of(code, kind=kind), ON_CASE[kind](chance, case), name)


def draw_case(chance: Chance) -> Act:
    """An authority opens a case for goods without a certificate, or for a sample."""
    kind = chance.weighed(
        {
            importing.CaseKind.NO_CERTIFICATE: 20,
            importing.CaseKind.SAMPLE: 10,
            importing.CaseKind.DEAD_ARRIVAL: 1,
        }
    )
    code = chance.member()
    body = importing.CaseOpened(
        kind=kind,
        opened_on=chance.weighed({chance.day(1): 20, chance.day(0, 2): 2, "2026-02-30": 1}),
        carat_thousandths=chance.pick((None, 5, 50_000)),
        claimed_provenance=chance.weighed({None: 5, chance.code(): 5}),
        bound_for=chance.weighed({None: 5, chance.code(): 5}),
        remarks="",
    )
    name = f"{code}/case/{chance.random.randrange(60)}"
    return chance.act(chance.office_of(code, kind="case_opened"), body, name)
