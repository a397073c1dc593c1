"""Look: what somebody wants flagged: of which book, in which days, by which thresholds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from kpledger.analysis.book import Book
from kpledger.analysis.flags.finding import Finding
from kpledger.analysis.flags.indexes.flows import FlowsRead, read_flows
from kpledger.analysis.flags.indexes.pairs import Pair, read_pairs
from kpledger.analysis.flags.indexes.papers import Paper, read_open
from kpledger.analysis.flags.indexes.submissions import (
    TRADE,
    Reported,
    read_production,
    read_reported,
)
from kpledger.analysis.flags.settings import FlagSettings
from kpledger.scheme.v1.events.certificate import CertificateKind
from kpledger.scheme.v1.lifecycles.case import CaseState
from kpledger.scheme.v1.lifecycles.certificate import CertificateState
from kpledger.scheme.v1.records import (
    CaseRecord,
    CertificateRecord,
    ParticipantRecord,
    case_key,
    certificate_key,
)

_MAX_PARTICIPANTS = 1_000


@dataclass(frozen=True)
class Look:
    """One look at a book."""

    book: Book
    settings: FlagSettings
    from_day: str
    until_day: str
    at: str
    """Today, for whatever is overdue."""
    participant: str = ""
    """Only what concerns this one, or everybody."""
    _flows: dict[str, FlowsRead] = field(default_factory=dict)
    _pairs: dict[str, dict[tuple[str, str], Pair]] = field(default_factory=dict)
    _trade: dict[tuple[str, str], Reported | None] = field(default_factory=dict)
    _production: dict[str, dict[str, Reported]] = field(default_factory=dict)

    def flows_since(self, month: str) -> FlowsRead:
        """Read the flows from a month on, once for all flags that need them."""
        if month not in self._flows:
            self._flows[month] = read_flows(self.book.index, self.codes, month)
        return self._flows[month]

    def pairs_in(self, quarter: str) -> dict[tuple[str, str], Pair]:
        """Read a quarter of all pairs, once for all flags that need it."""
        if quarter not in self._pairs:
            self._pairs[quarter] = read_pairs(self.book.index, quarter)
        return self._pairs[quarter]

    def trade_of(self, code: str, quarter: str) -> Reported | None:
        """Read what a participant submitted of its trade, once for all pairs."""
        place = (code, quarter)
        if place not in self._trade:
            self._trade[place] = read_reported(self.book.index, code, TRADE, quarter)
        return self._trade[place]

    def production_of(self, code: str) -> dict[str, Reported]:
        """Read what a participant reported to have mined, by half-year, once for all flags."""
        if code not in self._production:
            self._production[code] = dict(read_production(self.book.index, code))
        return self._production[code]

    @cached_property
    def members(self) -> tuple[ParticipantRecord, ...]:
        """Every participant."""
        found = self.book.records(
            b"participant/", ParticipantRecord, after=None, limit=_MAX_PARTICIPANTS
        )
        return tuple(record for _, record in found)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the participants that are looked at."""
        if self.participant:
            return (self.participant,)
        return tuple(record.code for record in self.members)

    def unanswered(self, from_expiry: str, until_expiry: str) -> Iterator[tuple[str, Paper]]:
        """Give what expired on some days without news, the newest first."""
        for expired, paper in read_open(self.book.index, from_expiry, until_expiry):
            if self.concerns(paper.issuer, paper.destination) and not self._came_back(paper):
                yield expired, paper

    def _came_back(self, paper: Paper) -> bool:
        """Tell whether a technical certificate is answered by a return that was received."""
        record = self.book.record(certificate_key(paper.number), CertificateRecord)
        if record is None or record.kind is not CertificateKind.TECHNICAL:
            return False
        refused = self.book.record(certificate_key(record.case), CertificateRecord)
        case = self.book.record(case_key(record.case), CaseRecord)
        return (refused is not None and refused.state is CertificateState.RETURN_CLOSED) or (
            case is not None and case.state is CaseState.RETURN_CLOSED
        )

    def covers(self, day: str) -> bool:
        """Tell whether a day is looked at."""
        return self.from_day <= day <= self.until_day

    def concerns(self, *codes: str) -> bool:
        """Tell whether one of these is looked at."""
        return not self.participant or self.participant in codes


Detector = Callable[[Look], Iterator[Finding]]
"""Gives the findings of one flag, the newest first."""
