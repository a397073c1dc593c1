"""The tables against a naive recount: everything that ever happened, added up from the start."""

from dataclasses import dataclass

from booked import BookedLedger, open_booked_trade
from founding import (
    EXPORTER,
    IMPORTER,
    OFFICES,
    event_id_of,
    make_certificate,
    make_confirmation,
    make_event,
    number_of,
    vary,
)
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from traded import NOTHING, Cell, Total, read_cells, read_total

from kpledger.base.units import add_days, end_of_day_ms, quarter_of
from kpledger.books.projections.trade import distribute
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    CertificateReturnedUnused,
    CertificateValidated,
    CertificateVoided,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    ReplacementReason,
    VoidReason,
)
from kpledger.scheme.v1.events.importing import (
    DiscrepancyCause,
    DiscrepancyResolved,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.events.statistics import Flow
from kpledger.scheme.v1.lifecycles import CertificateState

FIRST_DAY = "2026-03-20"
AMOUNTS = st.integers(1, 10**9)
LINES = st.lists(
    st.builds(
        GoodsLine,
        hs=st.sampled_from(HsCode),
        carat_thousandths=AMOUNTS,
        value_usd_cents=AMOUNTS,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda line: line.hs,
).map(lambda lines: tuple(sorted(lines, key=lambda line: line.hs)))
ORIGINS = st.sampled_from([("BW",), ("AO",), (), ("AO", "BW")])


@dataclass
class Told:
    """One certificate and what was recorded of it."""

    certificate: Certificate
    office: str
    state: CertificateState
    head: bytes

    @property
    def destination(self) -> str:
        code = self.certificate.destination
        return next(office for office in OFFICES if office.startswith(code))


@dataclass
class Fact:
    """What a naive reader of all events writes down: one line for each thing that is counted."""

    day: str
    sign: int
    flow: Flow
    reporter: str
    partner: str
    period: str
    origin: str
    lines: tuple[GoodsLine, ...]


class Story:
    """Draws events that the rules accept, records them, and writes down what they mean."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.ledger: BookedLedger = open_booked_trade()
        self.day = FIRST_DAY
        self.told: list[Told] = []
        self.facts: list[Fact] = []
        self.counted: dict[str, tuple[int, int, str]] = {}

    def step(self) -> None:
        self.day = add_days(self.day, self.draw(st.integers(0, 9)))
        self.ledger.wait_until(self.day)
        one = self.draw(st.sampled_from([None, *self.told]))
        if one is None:
            self.issue()
        elif one.state is CertificateState.ISSUED:
            self.draw(st.sampled_from([self.validate, self.void, self.return_unused]))(one)
        elif one.state is CertificateState.VALIDATED:
            acts = [self.void, self.return_unused, self.replace, self.confirm, self.find_otherwise]
            self.draw(st.sampled_from(acts))(one)
        elif one.state is CertificateState.CONFIRMED_DISCREPANT:
            self.resolve(one)

    def note(
        self, one: Told, sign: int, flow: Flow, day: str, lines: tuple[GoodsLine, ...]
    ) -> None:
        certificate, countries = one.certificate, one.certificate.origin.countries
        ends = one.office[:2], certificate.destination
        reporter, partner = ends if flow is Flow.EXPORT else ends[::-1]
        self.facts.append(
            Fact(
                day=self.day,
                sign=sign,
                flow=flow,
                reporter=reporter,
                partner=partner,
                period=day,
                origin=countries[0] if len(countries) == 1 else "",
                lines=lines,
            )
        )

    def note_export(self, one: Told, sign: int) -> None:
        self.note(one, sign, Flow.EXPORT, one.certificate.issued_on, one.certificate.lines)

    def note_import(self, one: Told, sign: int, carats: int, value: int, day: str) -> None:
        lines = one.certificate.lines
        parts = zip(
            lines,
            distribute(carats, [line.carat_thousandths for line in lines]),
            distribute(value, [line.value_usd_cents for line in lines]),
            strict=True,
        )
        found = tuple(vary(line, carat_thousandths=c, value_usd_cents=v) for line, c, v in parts)
        self.note(one, sign, Flow.IMPORT, day, found)

    def draw_certificate(self, office: str) -> Certificate:
        others = [other[:2] for other in OFFICES if other != office]
        lines, countries = self.draw(LINES), self.draw(ORIGINS)
        kind = OriginKind.SINGLE if len(countries) == 1 else OriginKind.MIXED
        return vary(
            make_certificate(
                number_of(office[:2], len(self.told) + 1), self.draw(st.sampled_from(others))
            ),
            issued_on=self.day,
            expires_on=add_days(self.day, 30),
            origin=Origin(kind=kind, countries=countries),
            lines=lines,
            carat_thousandths=sum(line.carat_thousandths for line in lines),
            value_usd_cents=sum(line.value_usd_cents for line in lines),
            validated_at=self.draw(st.sampled_from([None, self.ledger.now_ms])),
        )

    def remember(self, certificate: Certificate, office: str, event: bytes) -> None:
        validated = certificate.validated_at is not None
        state = CertificateState.VALIDATED if validated else CertificateState.ISSUED
        self.told.append(Told(certificate, office, state, event))
        if validated:
            self.note_export(self.told[-1], 1)

    def issue(self) -> None:
        office = self.draw(st.sampled_from(OFFICES))
        certificate = self.draw_certificate(office)
        encoded = make_event(office, CertificateIssued(certificate=certificate))
        self.ledger.record(encoded)
        self.remember(certificate, office, event_id_of(encoded))

    def say(self, one: Told, body: Body, state: CertificateState, *signers: str) -> None:
        number = one.certificate.number
        one.head = self.ledger.say(signers[0], body, subject=number, prev=one.head, signers=signers)
        one.state = state

    def validate(self, one: Told) -> None:
        last_ms = end_of_day_ms(one.certificate.expires_on)
        body = CertificateValidated(validated_at=min(self.ledger.now_ms, last_ms), seals=())
        self.say(one, body, CertificateState.VALIDATED, one.office)
        self.note_export(one, 1)

    def take_back(self, one: Told, body: Body, state: CertificateState) -> None:
        if one.state is CertificateState.VALIDATED:
            self.note_export(one, -1)
        self.say(one, body, state, one.office)

    def void(self, one: Told) -> None:
        body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
        self.take_back(one, body, CertificateState.VOIDED)

    def return_unused(self, one: Told) -> None:
        body = CertificateReturnedUnused(returned_on=self.day)
        self.take_back(one, body, CertificateState.RETURNED_UNUSED)

    def replace(self, one: Told) -> None:
        new = self.draw_certificate(one.office)
        body = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=new)
        self.take_back(one, body, CertificateState.REPLACED)
        self.remember(new, one.office, one.head)

    def confirm(self, one: Told) -> None:
        certificate = one.certificate
        body = vary(
            make_confirmation(certificate),
            received_on=self.day,
            exported_on=certificate.issued_on,
        )
        self.say(one, body, CertificateState.CONFIRMED, one.destination)
        carats, value = certificate.carat_thousandths, certificate.value_usd_cents
        self.note_import(one, 1, carats, value, self.day)

    def find_otherwise(self, one: Told) -> None:
        carats, value = self.draw(AMOUNTS), self.draw(AMOUNTS)
        body = ImportConfirmedDiscrepant(
            number=one.certificate.number,
            parcels=1,
            carat_thousandths=carats,
            value_usd_cents=value,
            exporter=EXPORTER,
            importer=IMPORTER,
            received_on=self.day,
            cause=DiscrepancyCause.WEIGHING,
            remarks="Synthetic",
        )
        self.say(one, body, CertificateState.CONFIRMED_DISCREPANT, one.destination)
        self.counted[one.certificate.number] = carats, value, self.day
        self.note_import(one, 1, carats, value, self.day)

    def resolve(self, one: Told) -> None:
        carats, value = self.draw(AMOUNTS), self.draw(AMOUNTS)
        body = DiscrepancyResolved(
            parcels=1, carat_thousandths=carats, value_usd_cents=value, explanation=""
        )
        self.say(one, body, CertificateState.RESOLVED, one.office, one.destination)
        old_carats, old_value, day = self.counted[one.certificate.number]
        self.note_import(one, -1, old_carats, old_value, day)
        self.note_import(one, 1, carats, value, day)


def recount(facts: list[Fact], known_at: str) -> dict[Cell, Total]:
    """Add up every cell from the facts."""
    cells: dict[Cell, Total] = {}
    for fact in facts:
        if known_at and fact.day > known_at:
            continue
        quarter = quarter_of(fact.period)
        for position, line in enumerate(fact.lines):
            cell = Cell(fact.reporter, quarter, fact.flow, fact.partner, fact.origin, line.hs.value)
            change = Total(
                fact.sign * line.carat_thousandths,
                fact.sign * line.value_usd_cents,
                fact.sign * (position == 0),
            )
            cells[cell] = cells.get(cell, NOTHING).plus(change)
    return {cell: total for cell, total in cells.items() if total != NOTHING}


def stored(ledger: BookedLedger, known_at: str) -> dict[Cell, Total]:
    """Read every cell as it is kept, and check the totals beside them."""
    cells = read_cells(ledger.books, known_at)
    for reporter, quarter, flow in {cell[:3] for cell in cells}:
        read_total(ledger.books, reporter, Flow(flow), quarter, known_at)
    return {cell: total for cell, total in cells.items() if total != NOTHING}


@given(data=st.data(), steps=st.integers(1, 25))
@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=list(HealthCheck),
    # A ledger is recorded for each example: making a found one smaller would take minutes.
    phases=(Phase.reuse, Phase.generate),
)
def test_every_table_is_what_a_recount_of_all_events_gives(data: st.DataObject, steps: int) -> None:
    story = Story(data)
    for _ in range(steps):
        story.step()
    assert stored(story.ledger, "") == recount(story.facts, "")
    known_at = add_days(story.day, -data.draw(st.integers(0, 40)))
    assert stored(story.ledger, known_at) == recount(story.facts, known_at)
