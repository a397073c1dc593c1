"""A version of the rules is complete: whatever is edited in the next one, old blocks stay as sound.

One chain has blocks under v1, the activation of v2, and blocks under v2. Programs replay it whose
v2 differs in a table, a default, a shape, a list or a pattern.
"""

from pathlib import Path
from typing import Final

import pytest
from copied import store
from founding import (
    CHAIR,
    DECISION,
    TODAY,
    MemoryLedger,
    RefusedError,
    event_id_of,
    make_certificate,
    make_event,
    make_genesis,
    number_of,
    open_trade,
)
from scheme_statements import NOTE
from second_version import Edit, make_version

from kpledger.log.audit import Auditor, report_sound
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.rulebook import Rulebook
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.decisions import RulesActivated
from kpledger.scheme.v1.events.importing import ArrivalRecorded
from kpledger.scheme.v1.version import V1
from kpledger.scheme.version import RulesSince

ARRIVAL: Final = ArrivalRecorded(
    arrived_on=TODAY, seals_intact=True, opened=False, found_carat_thousandths=None, remarks=""
)
FIRST_ISSUE, SECOND_ISSUE = (
    make_event("BW/gaborone", CertificateIssued(certificate=make_certificate(number_of("BW", one))))
    for one in (1, 2)
)
UNDER_V2: Final = (
    make_event("EU/antwerp", ARRIVAL, subject=number_of("BW", 1), prev=event_id_of(FIRST_ISSUE)),
    SECOND_ISSUE,
    make_event("BW/root", NOTE, subject="BW", nonce=2),
)

LIFE_CYCLE: Final = """\
transit_noted = {}
arrival_recorded = { state = "ARRIVED" }
import_confirmed = { state = "CONFIRMED", mark = "arrival_not_recorded" }
import_confirmed_discrepant = { state = "CONFIRMED_DISCREPANT", mark = "arrival_not_recorded" }
shipment_detained = { state = "DETAINED" }

[certificate.IN_TRANSIT]
"""

NOTE_PAPER: Final = 'document: DocumentHash | None\n    """Hash of a paper behind it."""'

EDITS: Final = {
    "a_life_cycle": (Edit("lifecycles.toml", LIFE_CYCLE, "\n[certificate.IN_TRANSIT]\n"), 0),
    "a_default_of_policy": (Edit("policy.py", "officers: int = 1\n", "officers: int = 2\n"), 0),
    "a_list": (Edit("countries.txt", " BW ", " "), 1),
    "a_pattern": (Edit("ids.py", "{0,6}[0-9]{1,12}", "{0,6}[0-9]{9,12}"), 1),
    "a_shape": (Edit("events/life.py", NOTE_PAPER, NOTE_PAPER.replace(" | None", "")), 2),
}
"""What somebody may edit in v2, and which of the events under v2 it then refuses."""


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rulebook:
    made = make_version("rules_as_released", (), folder=tmp_path, monkeypatch=monkeypatch)
    return Rulebook({1: V1, 2: made})


def _make_chain(rules: Rulebook) -> tuple[MemoryLedger, int]:
    """Give a ledger whose last blocks are under v2, and the height of the first of them."""
    ledger = open_trade(rules)
    ledger.record(FIRST_ISSUE, make_event("BW/root", NOTE, subject="BW", nonce=1))
    height = ledger.tip.height + 2
    ledger.record(make_event(CHAIR, RulesActivated(version=2, height=height, decision=DECISION)))
    for event in UNDER_V2:
        ledger.record(event)
    return ledger, height


def _replay(ledger: MemoryLedger, rules: Rulebook) -> tuple[list[tuple[bytes, bytes]], str | None]:
    """Give head and state digest after each sound block, and what of the next one is not sound."""
    auditor = Auditor(make_genesis(), rules=rules)
    tips: list[tuple[bytes, bytes]] = []
    for height, block in enumerate(ledger.blocks, start=1):
        kind, payload = (0, b"") if isinstance(block, int) else (1, block)
        entry = StoredEntry(kind=kind, term=1, payload=payload)
        violation = auditor.feed(height, encode_stored_entry(entry))
        if violation is not None:
            return tips, violation.problem
        tip = auditor.progress.tip
        tips.append((tip.head, tip.digest.digest))
    return tips, None


def test_both_versions_replay_to_the_tip(both: Rulebook) -> None:
    ledger, height = _make_chain(both)
    tips, problem = _replay(ledger, both)
    assert (problem, len(tips)) == (None, height - 1 + len(UNDER_V2))
    assert tips[-1] == (ledger.tip.head, ledger.tip.digest.digest)


def test_a_report_names_the_rules_of_the_blocks_that_were_verified(both: Rulebook) -> None:
    ledger, second = _make_chain(both)
    auditor, named = Auditor(make_genesis(), rules=both), list[tuple[RulesSince, ...]]()
    for height, block in enumerate(ledger.blocks, start=1):
        auditor.feed(height, store(block))
        named.append(report_sound(make_genesis(), auditor.progress).rules)
    old, new = RulesSince(version=1, height=1), RulesSince(version=2, height=second)
    assert named == [(old,)] * (second - 1) + [(old, new)] * len(UNDER_V2)


@pytest.mark.parametrize("what", EDITS)
def test_what_is_edited_in_the_second_version_changes_no_block_under_the_first(
    what: str, both: Rulebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, refused = EDITS[what]
    name = f"rules_with_{what}_edited"
    edited = make_version(name, (edit,), folder=tmp_path, monkeypatch=monkeypatch)
    ledger, height = _make_chain(both)
    before, _ = _replay(ledger, both)
    after, problem = _replay(ledger, Rulebook({1: V1, 2: edited}))
    assert after == before[: height - 1 + refused]
    assert len(after) >= height - 1
    assert problem is not None


def test_shapes_of_versions_are_not_each_others(both: Rulebook) -> None:
    first, second = both.versions[1].shapes, both.versions[2].shapes
    assert list(first) == list(second)
    assert not set(first.values()) & set(second.values())


def test_event_is_judged_in_the_shape_of_the_version_in_force(both: Rulebook) -> None:
    """Whoever decodes before the height is known reads it as the newest version does."""
    ledger = open_trade(both)
    event = decode_envelope(SECOND_ISSUE, both)
    assert type(event.body) is not CertificateIssued
    _, executed = ledger.seal(event.encoded)
    assert type(executed.events[0].body) is CertificateIssued
    ledger.record(event.encoded)
    with pytest.raises(RefusedError, match="E6"):
        ledger.record(event.encoded)
