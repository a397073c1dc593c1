"""What the model remembers: who takes part, which papers there are, what was said of them."""

import copy
from dataclasses import dataclass, field

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import Certificate
from kpledger.scheme.v1.events.decisions import PolicyValues, RestrictionSet
from kpledger.scheme.v1.events.governance import NumberRange

Office = tuple[str, str]
"""Participant and authority."""


def broken(*asked: tuple[str, bool]) -> str | None:
    """Give the rule of the first thing that is not so."""
    return next((rule for rule, holds in asked if not holds), None)


@dataclass(frozen=True)
class Said:
    """A statement as the model hears it."""

    event: bytes
    type: str
    author: Office
    signers: tuple[bytes, ...]
    subject: str
    prev: bytes | None
    occurred_at: int
    size: int
    """Of its envelope, in bytes."""
    body: Body
    here: bool
    """Whether it is meant for this ledger."""


@dataclass
class Since:
    """A standing."""

    start: int
    status: str
    lapses: int | None
    event: bytes | None


@dataclass
class Member:
    kind: str
    standings: list[Since]
    offices: int = 0
    admitted: int | None = None
    """When the Chair admitted it; none for those who founded the scheme."""


@dataclass
class House:
    """An office."""

    roles: set[str]
    territory: str | None = None
    closed: bool = False
    height: int = 0
    closed_height: int = 0


@dataclass
class Key:
    owner: Office
    start: int
    end: int | None = None
    officer: str | None = None
    height: int = 0


@dataclass
class Run:
    """A run of numbers."""

    office: str
    range: NumberRange
    retired: bool = False
    height: int = 0
    retired_height: int = 0


@dataclass
class Ban:
    """A restriction, one setting of it."""

    body: RestrictionSet
    until: int | None
    lapses: int | None
    event: bytes


@dataclass
class Decision:
    procedure: str
    document: bytes = b""


@dataclass
class Paper:
    """A certificate."""

    says: Certificate
    issuer: str
    office: str
    state: str
    head: bytes
    expiry: str
    issued_at: int
    marks: set[str] = field(default_factory=set)
    exported_on: str | None = None
    arrived_on: str | None = None
    before_lost: str | None = None
    before_held: str | None = None
    """Where it was when somebody on its way held it back."""
    lost: bool = False
    holder: str | None = None
    found: tuple[int, int, int] | None = None
    received_on: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    drew: dict[str, int] = field(default_factory=dict)
    """Number: how much of its goods this one exports again."""


@dataclass
class Case:
    kind: str
    state: str
    head: bytes
    holder: str
    number: str | None
    returned_to: str | None
    weighed: int | None = None


@dataclass
class Affair:
    """A proceeding: a review, a meeting, a concern, a question, a suspect."""

    kind: str
    state: str
    head: bytes
    participant: str
    opened_by: str
    recommendations: dict[str, str] = field(default_factory=dict)
    until: str = ""
    """Last day of a meeting."""


@dataclass
class World:
    """Everything, and the time."""

    now: int
    members: dict[str, Member] = field(default_factory=dict)
    houses: dict[Office, House] = field(default_factory=dict)
    keys: dict[bytes, Key] = field(default_factory=dict)
    runs: dict[str, list[Run]] = field(default_factory=dict)
    forms: dict[str, list[tuple[int, tuple[str, ...], int]]] = field(default_factory=dict)
    """From when, how they look, and the height of the notice."""
    bans: dict[str, list[Ban]] = field(default_factory=dict)
    approvals: dict[tuple[str, str, str], tuple[bool, int]] = field(default_factory=dict)
    policies: dict[str | None, list[tuple[int, PolicyValues, int]]] = field(default_factory=dict)
    """From when, what, and the height at which it was settled."""
    decisions: dict[str, Decision] = field(default_factory=dict)
    positions: dict[str, dict[str, tuple[str, bytes]]] = field(default_factory=dict)
    """Decision: what each participant signed last, of which text."""
    papers: dict[str, Paper] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    presented: dict[str, int] = field(default_factory=dict)
    """Number: how many more shipments came with it."""
    drawn: dict[str, int] = field(default_factory=dict)
    """Number: thousandths of a carat of its goods that were exported again."""
    affairs: dict[str, Affair] = field(default_factory=dict)
    editions: dict[str, int] = field(default_factory=dict)
    """Subject of statistics: the newest edition."""
    reports: dict[str, list[int]] = field(default_factory=dict)
    """Subject of an annual report: the heights at which it was filed."""
    bodies: dict[str, bool] = field(default_factory=dict)
    """Working group: whether it is still there."""
    corrected: dict[bytes, int] = field(default_factory=dict)
    countersigned: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Event: the keys that signed it afterwards."""
    events: dict[bytes, Said] = field(default_factory=dict)
    filed: dict[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)
    """Of the quotas that are used: how much, and at which time that was so."""
    chair: str | None = None
    vice_chair: str | None = None
    year: int | None = None
    rules: int = 1
    rules_from: int = 0
    """The height from which the newest rules hold."""
    witnesses: int = 2
    quorum: int = 3
    """How many sign a recovery of a member, and of the chair; the genesis file of tests says so."""
    height: int = 1
    """Of the block that the next event goes into."""

    def copy(self) -> "World":
        return copy.deepcopy(self)

    def standing(self, code: str, at: int | None = None) -> str | None:
        """Give a member's standing: by the newest word that holds at the time."""
        time = self.now if at is None else at
        member = self.members.get(code)
        for since in reversed(member.standings if member else []):
            if since.start <= time and (since.lapses is None or time < since.lapses):
                return since.status
        return None

    def policy(self, code: str | None, name: str) -> object:
        """Give a value that holds now: the member's own, or else everybody's."""
        for whose in (code, None) if code else (None,):
            for start, values, _ in reversed(self.policies.get(whose, [])):
                value = getattr(values, name)
                if start <= self.now and value is not None:
                    return value
        return DEFAULTS[name]

    def number(self, code: str | None, name: str) -> int:
        value = self.policy(code, name)
        assert isinstance(value, int)
        return value

    def validity(self, code: str) -> tuple[str, int]:
        """Give the longest validity that holds now, ("days", 60) or ("months", 2)."""
        for whose in (code, None):
            for start, values, _ in reversed(self.policies.get(whose, [])):
                if start <= self.now and values.max_validity_months is not None:
                    return ("months", values.max_validity_months)
                if start <= self.now and values.max_validity_days is not None:
                    return ("days", values.max_validity_days)
        return ("days", 60)

    def is_open(self, office: Office, role: str | None = None) -> bool:
        """Tell whether an office is there, and does this."""
        house = self.houses.get(office)
        return house is not None and not house.closed and (role is None or role in house.roles)


DEFAULTS: dict[str, object] = {
    "expiry": "EXPORT_BY",
    "carat_tolerance_ppm": 1_000,
    "carat_tolerance_thousandths": 10,
    "value_tolerance_ppm": 20_000,
    "value_tolerance_usd_cents": 100,
    "officers": 1,
    "strict_lineage": False,
    "notice_expected": False,
    "interim_days": 90,
    "clock_skew_ms": 10_000,
    "trade_quota": 2_500,
    "statistics_quota": 100,
    "governance_quota": 2_000,
    "notes_quota": 100,
    "quota_offices": 4,
}
