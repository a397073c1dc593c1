"""Replacement: a new certificate in the place of one, both or neither."""

import pytest
from founding import MemoryLedger, issue, make_certificate, make_event, open_trade, vary
from journey import start_journey

from kpledger.base.state import ChangeSet
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateReplaced,
    ReplacementReason,
)
from kpledger.scheme.v1.lifecycles import CertificateMark

GOOD = make_certificate()


def _replace(ledger: MemoryLedger, certificate: Certificate) -> bytes:
    body = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=certificate)
    prev = ledger.certificate(GOOD.number).head
    return make_event("BW/gaborone", body, subject=GOOD.number, prev=prev)


def test_replacement_changes_both_certificates_together() -> None:
    ledger = open_trade()
    issue(ledger, GOOD)
    encoded = _replace(ledger, make_certificate("BW000002", destination="ZA"))
    ledger.record(encoded)
    old, new = ledger.certificate("BW000001"), ledger.certificate("BW000002")
    assert (old.state, old.replaced_by, old.replaces) == ("REPLACED", "BW000002", None)
    assert (new.state, new.replaced_by, new.replaces) == ("VALIDATED", None, "BW000001")
    assert (new.destination, old.head) == ("ZA", new.head)


@pytest.mark.parametrize(
    ("certificate", "rule", "field"),
    [
        (GOOD, Rule.E9, "body.certificate.number"),
        (vary(GOOD, number="BW000003"), Rule.E3, "body.certificate.number"),
        (vary(GOOD, number="BW000002", destination="BW"), Rule.E4, "body.certificate.destination"),
        (
            vary(GOOD, number="BW000002", parcels=1, seals=("a", "a")),
            Rule.E5,
            "body.certificate.seals",
        ),
    ],
)
def test_refused_replacement_changes_nothing(
    certificate: Certificate, rule: Rule, field: str
) -> None:
    ledger = open_trade()
    issue(ledger, GOOD)
    issue(ledger, make_certificate("BW000003"))
    changes = ChangeSet(ledger.state)
    refusal = ledger.execute(_replace(ledger, certificate), changes)
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (rule, field)
    assert changes.written == {}


def test_replacements_may_form_a_chain() -> None:
    ledger = open_trade()
    issue(ledger, GOOD)
    ledger.record(_replace(ledger, make_certificate("BW000002")))
    body = CertificateReplaced(
        reason=ReplacementReason.LOST, certificate=make_certificate("BW000003")
    )
    head = ledger.certificate("BW000002").head
    ledger.record(make_event("BW/gaborone", body, subject="BW000002", prev=head))
    chain = [ledger.certificate(f"BW00000{serial}").replaced_by for serial in (1, 2, 3)]
    assert chain == ["BW000002", "BW000003", None]


def test_what_was_replaced_on_its_way_says_so() -> None:
    ledger = start_journey("export_notified")
    ledger.record(_replace(ledger, make_certificate("BW000002", destination="ZA")))
    assert ledger.certificate("BW000001").marks == (CertificateMark.EXPORTED,)
    assert ledger.certificate("BW000002").marks == ()
