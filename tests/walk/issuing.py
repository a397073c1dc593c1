"""Certificates to be issued: sound ones, and ones with a flaw."""

from collections.abc import Callable

from founding import make_certificate, vary
from naive.dates import DAY, day_at, days_later, months_later, parse
from naive.world import Office, Run

from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    ReplacementReason,
    Source,
)
from walk.chance import Act, Chance

COUNTRIES = ("AO", "BW", "CF", "GL", "NA", "RU", "ZA")
ZONES = ("CF/berberati", "CF/boda", "CF/carnot", "GL/maniitsoq", "ZA/kimberley")
WHOLE = 10_000


def draw_number(chance: Chance, office: Office) -> str:
    """Give a number that the office may issue next, or rarely another."""
    world = chance.world
    if chance.likely(3) and world.papers:
        return chance.pick(list(world.papers))
    runs = world.runs.get(office[0], [])
    if chance.likely(4):
        runs = world.runs.get(chance.member(), [])
    own = [run for run in runs if run.office == office[1] and not run.retired]
    run = chance.maybe((own if chance.likely(93) else []) or runs)
    if run is None:
        return f"{office[0]}{chance.random.randrange(99):06d}"
    return spell(run, draw_serial(chance, run))


def draw_serial(chance: Chance, run: Run) -> int:
    first, last = run.range.first, run.range.last
    if chance.likely(2):
        return chance.pick((max(first - 1, 0), last, last + 1))
    serial = first
    while spell(run, serial) in chance.world.papers and serial < last:
        serial += 1
    return min(serial + chance.random.randrange(3), last)


def spell(run: Run, serial: int) -> str:
    return f"{run.range.prefix}{serial:0{run.range.width}d}"


def draw_destination(chance: Chance, issuer: str) -> str:
    if chance.likely(3):
        return chance.pick((issuer, "XX"))
    others = [code for code in chance.world.members if code != issuer]
    fine = [code for code in others if chance.world.standing(code) == "ACTIVE"]
    return chance.pick((fine if chance.likely(92) else []) or others)


def draw_origin(chance: Chance, issuer: str) -> Origin:
    if chance.likely(30):
        count = chance.pick((0, 2, 3))
        countries = tuple(sorted(chance.random.sample(COUNTRIES, count)))
        shares = (5_000, 5_000) if count == 2 and chance.likely(40) else ()
        zones = tuple(zone for zone in ZONES if zone[:2] in countries and chance.likely(50))
        return Origin(kind=OriginKind.MIXED, countries=countries, shares=shares, zones=zones)
    country = issuer if chance.likely(50) and issuer in COUNTRIES else chance.pick(COUNTRIES)
    zones = tuple(zone for zone in ZONES if zone[:2] == country and chance.likely(60))
    return Origin(kind=OriginKind.SINGLE, countries=(country,), zones=zones)


def draw_sources(chance: Chance, issuer: str) -> tuple[Source, ...]:
    """Give certificates under which goods came in, some of them for a re-export."""
    if chance.likely(60):
        return ()
    papers = chance.world.papers
    came = [one for one, paper in papers.items() if paper.says.destination == issuer]
    number = chance.maybe((came if chance.likely(90) else []) or list(papers))
    if number is None:
        return ()
    carats = papers[number].says.carat_thousandths
    return (
        Source(number=number, carat_thousandths=chance.pick((carats, carats // 2 + 1, carats * 2))),
    )


def draw_certificate(chance: Chance, office: Office) -> Certificate:
    """Give a certificate that should do, as far as drawing it knows."""
    issuer = office[0]
    number = draw_number(chance, office)
    today = day_at(chance.world.now)
    issued_on = chance.day(2) if chance.likely(30) else today
    sources = draw_sources(chance, issuer)
    lines = draw_lines(chance, sources)
    return vary(
        make_certificate(number, draw_destination(chance, issuer)),
        issued_on=issued_on,
        expires_on=draw_expiry(chance, issuer, issued_on),
        origin=draw_origin(chance, issuer),
        parcels=chance.random.randint(1, 4),
        carat_thousandths=sum(line.carat_thousandths for line in lines),
        value_usd_cents=sum(line.value_usd_cents for line in lines),
        lines=lines,
        validated_at=None if chance.likely(45) else chance.world.now - chance.random.randrange(DAY),
        seals=(f"S-{chance.random.randrange(10**6)}",),
        sources=sources,
    )


def draw_lines(chance: Chance, sources: tuple[Source, ...]) -> tuple[GoodsLine, ...]:
    total = sum(source.carat_thousandths for source in sources)
    carats = total if total and chance.likely(80) else chance.pick((1_000, 10_000, 100_000))
    codes = chance.pick(((HsCode.UNSORTED,), (HsCode.INDUSTRIAL, HsCode.NON_INDUSTRIAL)))
    parts = (
        [carats]
        if len(codes) == 1 or carats < 2
        else [carats // 3 or 1, carats - (carats // 3 or 1)]
    )
    return tuple(
        GoodsLine(hs=code, carat_thousandths=part, value_usd_cents=part * 50)
        for code, part in zip(codes, parts, strict=False)
    )


def draw_expiry(chance: Chance, issuer: str, issued_on: str) -> str:
    unit, count = chance.world.validity(issuer)
    longest = (months_later if unit == "months" else days_later)(issued_on, count)
    return chance.weighed(
        {
            longest: 30,
            days_later(longest, 1): 1,
            days_later(issued_on, min(10, count)): 15,
            issued_on: 3,
            days_later(issued_on, -1): 1,
        }
    )


def shift(day: str, count: int) -> str:
    """Give another day; one that does not exist stays as it is."""
    return day if parse(day) is None else days_later(day, count)


def _origin(kind: OriginKind, *countries: str, **more: object) -> Callable[[Certificate], object]:
    def spoil(_paper: Certificate) -> object:
        return {"origin": vary(Origin(kind=kind, countries=countries), **more)}

    return spoil


FLAWS: tuple[Callable[[Certificate], object], ...] = (
    lambda paper: {"carat_thousandths": paper.carat_thousandths + 1},
    lambda paper: {"value_usd_cents": paper.value_usd_cents - 1 or 2},
    lambda paper: {"lines": paper.lines[::-1] if len(paper.lines) > 1 else paper.lines * 2},
    lambda _: {"languages": ("fr",)},
    lambda _: {"languages": ("fr", "en")},
    lambda _: {"seals": ("a", "b", "a")},
    lambda _: {"sources": (Source(number="ZA2", carat_thousandths=1),) * 2},
    lambda paper: {"issued_on": shift(paper.issued_on, 2)},
    lambda paper: {"issued_on": shift(paper.issued_on, -500)},
    lambda _: {"issued_on": "2026-02-30"},
    lambda _: {"expires_on": "2026-13-01"},
    lambda paper: {"validated_at": (paper.validated_at or 0) + 400 * DAY},
    lambda _: {"photos": (bytes([2]) * 32, bytes([1]) * 32)},
    lambda _: {"case": "BW/case/none"},
    lambda _: {"kind": CertificateKind.TECHNICAL},
    _origin(OriginKind.SINGLE),
    _origin(OriginKind.SINGLE, "AO", "BW"),
    _origin(OriginKind.SINGLE, "XX"),
    _origin(OriginKind.SINGLE, "EU"),
    _origin(OriginKind.SINGLE, "BW", zones=("ZA/kimberley",)),
    _origin(OriginKind.SINGLE, "ZA", zones=("ZA/kimberley", "ZA/cullinan")),
    _origin(OriginKind.SINGLE, "ZA", shares=(10_000,)),
    _origin(OriginKind.MIXED, "BW"),
    _origin(OriginKind.MIXED, "ZA", "BW"),
    _origin(OriginKind.MIXED, "BW", "ZA", shares=(1, 2)),
    _origin(OriginKind.MIXED, "BW", "ZA", shares=(10_000,)),
)  # fmt: skip


def draw_issue(chance: Chance) -> Act:
    """An office issues a certificate."""
    active = [one for one in chance.world.members if chance.world.standing(one) == "ACTIVE"]
    issuers = [one for one in active if one in chance.world.runs]
    code = chance.pick((issuers if chance.likely(90) else []) or list(chance.world.members))
    office = chance.office_of(code, kind="certificate_issued")
    paper = flaw(chance, draw_certificate(chance, office))
    return chance.act(office, CertificateIssued(certificate=paper), paper.number)


def flaw(chance: Chance, paper: Certificate) -> Certificate:
    for _ in range(chance.weighed({0: 86, 1: 12, 2: 2})):
        paper = vary(paper, **chance.pick(FLAWS)(paper))  # type: ignore[arg-type]
    return paper


def draw_technical(chance: Chance) -> Act | None:
    """The holder of detained, seized or returned goods moves them."""
    world = chance.world
    held = [(name, paper.holder) for name, paper in world.papers.items() if paper.holder]
    held += [(name, case.holder) for name, case in world.cases.items()]
    found = chance.maybe(held[-40:])
    if found is None:
        return None
    name, holder = found
    assert holder is not None
    office = chance.office_of(holder, kind="certificate_issued")
    paper = vary(draw_certificate(chance, office), kind=CertificateKind.TECHNICAL, case=name)
    return chance.act(office, CertificateIssued(certificate=flaw(chance, paper)), paper.number)


REPLACEABLE = ("ISSUED", "VALIDATED", "IN_TRANSIT", "LOST", "DIVERTED")


def draw_replacement(chance: Chance) -> Act | None:
    """The issuer puts a new certificate in the place of one."""
    found = chance.paper(REPLACEABLE)
    if found is None:
        return None
    number, old = found
    office = chance.office_of(old.issuer, kind="certificate_replaced")
    paper = flaw(chance, draw_certificate(chance, office))
    if chance.likely(3):
        paper = vary(paper, number=number)
    body = CertificateReplaced(reason=ReplacementReason.DAMAGED, certificate=paper)
    return chance.act(office, body, number)
