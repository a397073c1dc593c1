"""E4: restrictions by origin, export and import, their zones and approvals, while they hold."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    MemoryLedger,
    issue,
    make_certificate,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from judging import Judgement, judge, judgement
from scheme_statements import (
    ADMISSION,
    APPROVAL,
    LIFTING,
    MONITOR,
    MONITORING,
    RESTRICTION,
    add_monitor_key,
)

from kpledger.base.state import ChangeSet
from kpledger.base.units import DAY_MS, MAX_TIME_MS
from kpledger.scheme.event import Author
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateValidated,
    OriginKind,
)
from kpledger.scheme.v1.events.decisions import Mode, RestrictionSet, Scope, ShipmentDeclined
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    AuthorityRole,
    ParticipantKind,
)
from kpledger.scheme.v1.records import RestrictionsRecord
from kpledger.scheme.v1.rules.restrictions import MAX_RESTRICTIONS

CERTIFICATE: Final = make_certificate()
PROHIBITION: Final = vary(RESTRICTION, mode=Mode.PROHIBITED, approver=None, zones=())
DECLINE: Final = ShipmentDeclined(
    restriction="zones", participant="BW", number="BW000001", reason=""
)
ZONES: Final = (Rule.E4, "body.certificate.origin.zones")


def _monitored(*restrictions: RestrictionSet) -> MemoryLedger:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, MONITORING), add_monitor_key())
    for one in restrictions:
        ledger.record(make_event(CHAIR, one))
    return ledger


def _with_zones(*zones: str, certificate: Certificate = CERTIFICATE) -> Certificate:
    return vary(certificate, origin=vary(certificate.origin, zones=zones))


def _judge_issue(
    ledger: MemoryLedger, certificate: Certificate, author: str = "BW/gaborone"
) -> Judgement:
    return judge(ledger, author, CertificateIssued(certificate=certificate))


IN_SCOPE: Final = [
    (Scope.EXPORT, "BW", True),
    (Scope.IMPORT, "EU", True),
    (Scope.ORIGIN, "BW", True),
    (Scope.EXPORT, "EU", False),
    (Scope.IMPORT, "BW", False),
    (Scope.ORIGIN, "ZA", False),
]


@pytest.mark.parametrize(("scope", "code", "in_scope"), IN_SCOPE)
def test_prohibition_holds_back_what_is_in_its_scope(
    scope: Scope, code: str, *, in_scope: bool
) -> None:
    ledger = _monitored(vary(PROHIBITION, scope=scope, participant=code))
    assert _judge_issue(ledger, CERTIFICATE) == ((Rule.E4, "subject") if in_scope else None)


def test_origin_is_restricted_whoever_issues() -> None:
    ledger = _monitored(PROHIBITION)
    certificate = make_certificate("ZA000001")
    mixed = vary(certificate.origin, kind=OriginKind.MIXED, countries=("BW", "ZA"))
    refused = _judge_issue(ledger, vary(certificate, origin=mixed), "ZA/joburg")
    assert refused == (Rule.E4, "subject")
    assert _judge_issue(ledger, certificate, "ZA/joburg") is None


@pytest.mark.parametrize("countries", [("DK",), ("GL",), ("BW", "GL"), ("DK", "GL")], ids="-".join)
@pytest.mark.parametrize("author", ["EU/antwerp", "ZA/joburg"])
def test_stones_of_a_territory_are_restricted_with_its_participant(
    author: str, countries: tuple[str, ...]
) -> None:
    ledger = _monitored(vary(PROHIBITION, participant="EU"))
    kind = OriginKind.SINGLE if len(countries) == 1 else OriginKind.MIXED
    certificate = make_certificate(f"{author[:2]}000001", "BW")
    certificate = vary(certificate, origin=vary(certificate.origin, kind=kind, countries=countries))
    assert _judge_issue(ledger, certificate, author) == (Rule.E4, "subject")


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ((), ZONES),
        (("GL/maniitsoq",), None),
        (("GL/maniitsoq", "GL/qaqortoq"), ZONES),
    ],
)
@pytest.mark.parametrize("mode", [Mode.PROHIBITED, Mode.POST])
def test_zones_of_a_territory_are_allowed_under_its_participant(
    zones: tuple[str, ...], expected: Judgement, mode: Mode
) -> None:
    ledger = _monitored()
    approver = None if mode is Mode.PROHIBITED else RESTRICTION.approver
    allowed = ("GL/maniitsoq",)
    ledger.record(
        make_event(
            CHAIR,
            vary(RESTRICTION, participant="EU", mode=mode, zones=allowed, approver=approver),
        )
    )
    certificate = make_certificate("EU000001", "BW")
    origin = vary(certificate.origin, countries=("GL",), zones=zones)
    assert _judge_issue(ledger, vary(certificate, origin=origin), "EU/antwerp") == expected


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ((), ZONES),
        (("BW/orapa",), None),
        (("BW/jwaneng", "BW/orapa"), None),
        (("BW/orapa", "BW/tsabong"), ZONES),
    ],
)
def test_certificate_names_zones_all_of_them_allowed(
    zones: tuple[str, ...], expected: Judgement
) -> None:
    ledger = _monitored(vary(PROHIBITION, zones=RESTRICTION.zones))
    assert _judge_issue(ledger, _with_zones(*zones)) == expected


def test_zones_of_other_origins_are_not_asked_about() -> None:
    ledger = _monitored(vary(PROHIBITION, zones=RESTRICTION.zones))
    mixed = vary(CERTIFICATE.origin, kind=OriginKind.MIXED, countries=("BW", "ZA"))
    certificate = vary(CERTIFICATE, origin=mixed)
    named = _with_zones("BW/orapa", "ZA/kimberley", certificate=certificate)
    assert _judge_issue(ledger, named) is None
    only_the_other = _with_zones("ZA/kimberley", certificate=certificate)
    assert _judge_issue(ledger, only_the_other) == ZONES


def test_shipment_passes_once_it_is_approved_up_to_the_weight() -> None:
    ledger = _monitored(RESTRICTION)
    certificate = _with_zones("BW/orapa")
    assert _judge_issue(ledger, certificate) == (Rule.E4, "subject")
    ledger.record(make_event(MONITOR, vary(APPROVAL, carat_thousandths=99_999)))
    too_heavy = (Rule.E4, "body.certificate.carat_thousandths")
    assert _judge_issue(ledger, certificate) == too_heavy
    ledger.record(make_event(MONITOR, APPROVAL))
    assert _judge_issue(ledger, certificate) is None
    # The newest word counts.
    ledger.record(make_event(MONITOR, DECLINE))
    assert _judge_issue(ledger, certificate) == (Rule.E4, "subject")


def test_approval_afterwards_holds_nothing_back() -> None:
    ledger = _monitored(vary(RESTRICTION, mode=Mode.POST))
    issue(ledger, _with_zones("BW/orapa"))
    assert judge(ledger, MONITOR, APPROVAL) is None


def test_restriction_holds_from_its_first_to_before_its_last_millisecond() -> None:
    since, until = NOW_MS + 10, NOW_MS + 20
    ledger = _monitored(vary(PROHIBITION, effective_from=since, effective_until=until))
    outcomes = []
    for time in (since - 1, since, until - 1, until):
        ledger.now_ms = time
        outcomes.append(_judge_issue(ledger, CERTIFICATE))
    assert outcomes == [None, (Rule.E4, "subject"), (Rule.E4, "subject"), None]


def test_interim_restriction_lapses_and_the_chair_lifts_it_alone() -> None:
    ledger = _monitored(vary(PROHIBITION, decision="CN-1", interim=True))
    assert _judge_issue(ledger, CERTIFICATE) == (Rule.E4, "subject")
    assert judge(ledger, CHAIR, vary(LIFTING, decision="CN-2")) is None
    ledger.now_ms = NOW_MS + 90 * DAY_MS
    late = vary(CERTIFICATE, issued_on="2026-05-31", expires_on="2026-06-30")
    late = vary(late, validated_at=ledger.now_ms)
    assert _judge_issue(ledger, late) is None


def test_lifted_restriction_holds_nothing_back() -> None:
    ledger = _monitored(PROHIBITION)
    ledger.record(make_event(CHAIR, LIFTING))
    ledger.now_ms = LIFTING.effective_from
    assert _judge_issue(ledger, CERTIFICATE) is None


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        (vary(PROHIBITION, zones=("BW/orapa",)), None),
        (vary(PROHIBITION, zones=("BW/jwaneng",)), (Rule.E4, "subject")),
        (vary(RESTRICTION, zones=()), (Rule.E4, "subject")),
        (PROHIBITION, (Rule.E4, "subject")),
    ],
)
def test_certificate_is_judged_anew_when_it_is_validated(
    restriction: RestrictionSet, expected: Judgement
) -> None:
    """A restriction that came since its issue counts, for its zones as well."""
    ledger = _monitored()
    issue(ledger, vary(_with_zones("BW/orapa"), validated_at=None))
    ledger.record(make_event(CHAIR, restriction))
    body = CertificateValidated(validated_at=NOW_MS, seals=())
    head = ledger.certificate("BW000001").head
    event = make_event("BW/gaborone", body, subject="BW000001", prev=head)
    assert judgement(ledger.attempt(event)) == expected


def test_trading_entity_trades() -> None:
    """Chinese Taipei is no participant, and diamonds go there under certificates."""
    ledger = open_trade()
    entity = vary(
        ADMISSION,
        code="TW",
        name="Chinese Taipei",
        kind=ParticipantKind.ENTITY,
        root_key=signing_key("TW/root").public_key,
    )
    assert _judge_issue(ledger, make_certificate(destination="TW")) == (
        Rule.E4,
        "body.certificate.destination",
    )
    ledger.record(make_event(CHAIR, entity))
    assert _judge_issue(ledger, make_certificate(destination="TW")) is None


MARANGE: Final = vary(RESTRICTION, zones=(), operations=("BW/jwaneng",))
BANNED: Final = vary(MARANGE, mode=Mode.PROHIBITED, approver=None)
NOT_YET: Final = (Rule.E4, "subject")
OPERATIONS: Final = [
    ("needs-approval", MARANGE, ("BW/jwaneng",), NOT_YET),
    ("other-operation", MARANGE, ("BW/orapa",), None),
    ("mixed-with-another", MARANGE, ("BW/jwaneng", "BW/orapa"), NOT_YET),
    ("says-none", MARANGE, (), ZONES),
    ("prohibited", BANNED, ("BW/jwaneng",), ZONES),
    ("other-than-prohibited", BANNED, ("BW/orapa",), None),
    ("mixed-with-prohibited", BANNED, ("BW/jwaneng", "BW/orapa"), ZONES),
    ("says-none-where-one-is-prohibited", BANNED, (), ZONES),
    ("afterwards", vary(MARANGE, mode=Mode.POST), ("BW/jwaneng",), None),
    ("says-none-afterwards", vary(MARANGE, mode=Mode.POST), (), ZONES),
    ("allowed", vary(MARANGE, zones=RESTRICTION.zones), ("BW/orapa",), None),
    ("unknown", vary(MARANGE, zones=RESTRICTION.zones), ("BW/tsabong",), ZONES),
    ("by-issuer", vary(MARANGE, scope=Scope.EXPORT), ("BW/orapa",), None),
    ("by-issuer-held", vary(MARANGE, scope=Scope.EXPORT), ("BW/jwaneng",), NOT_YET),
    ("by-destination", vary(MARANGE, scope=Scope.IMPORT, participant="EU"), ("BW/orapa",), None),
    (
        "by-destination-held",
        vary(MARANGE, scope=Scope.IMPORT, participant="EU"),
        ("BW/jwaneng",),
        NOT_YET,
    ),
]


@pytest.mark.parametrize(
    ("restriction", "zones", "expected"), [pytest.param(*row[1:], id=row[0]) for row in OPERATIONS]
)
def test_restriction_of_one_operation_leaves_the_others_alone(
    restriction: RestrictionSet, zones: tuple[str, ...], expected: Judgement
) -> None:
    """Marange was under approval while Murowa traded; who says neither does not get by."""
    assert _judge_issue(_monitored(restriction), _with_zones(*zones)) == expected


def test_approved_operation_passes() -> None:
    ledger = _monitored(MARANGE)
    ledger.record(make_event(MONITOR, APPROVAL))
    assert _judge_issue(ledger, _with_zones("BW/jwaneng")) is None


REFUSED: Final[list[tuple[str, dict[str, object], Rule, str]]] = [
    ("of-a-stranger", {"participant": "XX"}, Rule.E6, "body.participant"),
    ("name-used", {"restriction": "set"}, Rule.E6, "body.restriction"),
    ("zone-elsewhere", {"zones": ("ZA/kimberley",)}, Rule.E5, "body.zones"),
    ("zones-unsorted", {"zones": ("BW/orapa", "BW/jwaneng")}, Rule.E5, "body.zones"),
    ("zone-twice", {"zones": ("BW/orapa", "BW/orapa")}, Rule.E5, "body.zones"),
    ("operation-elsewhere", {"operations": ("ZA/venetia",)}, Rule.E5, "body.operations"),
    ("operations-unsorted", {"operations": ("BW/orapa", "BW/jwaneng")}, Rule.E5, "body.operations"),
    ("operation-not-allowed", {"operations": ("BW/tsabong",)}, Rule.E5, "body.zones"),
    (
        "operation-allowed-and-prohibited",
        {"operations": ("BW/orapa",), "mode": Mode.PROHIBITED, "approver": None},
        Rule.E5,
        "body.zones",
    ),
    ("nobody-approves", {"approver": None}, Rule.E5, "body.approver"),
    ("nothing-to-approve", {"mode": Mode.PROHIBITED}, Rule.E5, "body.approver"),
    (
        "approver-does-not-monitor",
        {"approver": Author(participant="BW", authority="gaborone")},
        Rule.E6,
        "body.approver",
    ),
    (
        "approver-unknown",
        {"approver": Author(participant="KPCS", authority="nobody")},
        Rule.E6,
        "body.approver",
    ),
    (
        "begins-in-a-distant-year",
        {"effective_from": MAX_TIME_MS, "effective_until": None},
        Rule.E14,
        "body.effective_from",
    ),
    ("ends-as-it-begins", {"effective_until": NOW_MS}, Rule.E5, "body.effective_until"),
]


@pytest.mark.parametrize(
    ("changes", "rule", "field"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_unsound_restriction_is_refused(changes: dict[str, object], rule: Rule, field: str) -> None:
    ledger = _monitored(vary(RESTRICTION, restriction="set"))
    assert judge(ledger, CHAIR, vary(RESTRICTION, **changes)) == (rule, field)


def test_closed_office_approves_nothing() -> None:
    ledger = _monitored()
    ledger.record(make_event(CHAIR, AuthorityClosed(authority="car-team", reason="")))
    assert judge(ledger, CHAIR, RESTRICTION) == (Rule.E6, "body.approver")


def test_participant_is_under_a_bounded_number_of_restrictions() -> None:
    ledger = _monitored(RESTRICTION)
    held = ledger.read(RestrictionsRecord.key_for("BW"), RestrictionsRecord).restrictions
    named = [vary(held[0], restriction=f"r-{count}") for count in range(MAX_RESTRICTIONS)]
    changes = ChangeSet(ledger.state)
    for restrictions, expected in (
        (named[1:], None),
        (named, (Rule.E6, "body.restriction")),
    ):
        record = RestrictionsRecord(restrictions=tuple(restrictions))
        changes.put(RestrictionsRecord.key_for("BW"), record)
        ledger.state.apply(changes)
        assert judge(ledger, CHAIR, RESTRICTION) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"restriction": "other"}, (Rule.E6, "body.restriction")),
        ({"decision": "AD-2026-9"}, (Rule.E11, "body.decision")),
        ({"effective_from": NOW_MS - 1}, (Rule.E14, "body.effective_from")),
        ({"effective_from": NOW_MS + 10}, (Rule.E6, "body.effective_from")),
        ({"effective_from": NOW_MS + 9}, None),
    ],
)
def test_restriction_is_lifted_while_it_holds(
    changes: dict[str, object], expected: Judgement
) -> None:
    ledger = _monitored(vary(RESTRICTION, effective_until=NOW_MS + 10))
    assert judge(ledger, CHAIR, vary(LIFTING, **changes)) == expected


@pytest.mark.parametrize("body", [APPROVAL, DECLINE])
def test_only_the_approver_of_a_restriction_speaks_under_it(
    body: ShipmentDeclined,
) -> None:
    other = vary(MONITORING, authority="other-team", roles=(AuthorityRole.MONITORING,))
    ledger = _monitored(RESTRICTION, vary(PROHIBITION, restriction="none"))
    ledger.record(make_event(CHAIR, other))
    assert judge(ledger, "BW/gaborone", body) == (Rule.E1, "author")
    assert judge(ledger, MONITOR, body) is None
    assert judge(ledger, MONITOR, vary(body, restriction="x")) == (Rule.E6, "body.restriction")
    without = vary(body, restriction="none")
    assert judge(ledger, MONITOR, without) == (Rule.E6, "body.restriction")
    moved = _monitored(vary(RESTRICTION, approver=Author(participant="KPCS", authority="car-team")))
    assert judge(moved, MONITOR, body, subject="BW000002") == (Rule.E5, "subject")


def test_approver_of_one_restriction_has_no_say_in_another() -> None:
    ledger = open_trade()
    team = vary(MONITORING, authority="other-team", roles=(AuthorityRole.MONITORING,))
    ledger.record(make_event(CHAIR, MONITORING), make_event(CHAIR, team), add_monitor_key())
    other = Author(participant="KPCS", authority="other-team")
    ledger.record(make_event(CHAIR, vary(RESTRICTION, approver=other)))
    assert judge(ledger, MONITOR, APPROVAL) == (Rule.E1, "author")


def test_photos_are_named_once_in_order() -> None:
    ledger = _monitored(RESTRICTION)
    twice = vary(APPROVAL, photos=(bytes(32), bytes(32)))
    assert judge(ledger, MONITOR, twice) == (Rule.E5, "body.photos")
