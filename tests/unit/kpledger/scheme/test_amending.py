"""C4: typing errors are corrected by the issuer, and with the destination once it has the goods."""

import pytest
from founding import EXPORTER, IMPORTER, make_event, signing_key, vary
from journey import judge, make_step, set_policy, start_journey
from statements import NUMBER, SOUND

from kpledger.scheme.v1.events.certificate import AmendableField, AmendmentEndorsed
from kpledger.scheme.v1.events.governance import KeyAdded
from kpledger.scheme.v1.lifecycles import CertificateMark

_F = AmendableField


def _amend(field: AmendableField, old: str, new: str) -> AmendmentEndorsed:
    return AmendmentEndorsed(field=field, old=old, new=new, reason="")


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        (_F.EXPORTER_NAME, EXPORTER.name, "Kgalagadi Gems Ltd"),
        (_F.EXPORTER_ADDRESS, EXPORTER.address, "x" * 256),
        (_F.EXPORTER_LICENCE, EXPORTER.licence, ""),
        (_F.IMPORTER_NAME, IMPORTER.name, "x"),
        (_F.IMPORTER_ADDRESS, IMPORTER.address, "Elsewhere"),
        (_F.IMPORTER_LICENCE, IMPORTER.licence, "x" * 64),
    ],
)
def test_certificate_says_what_was_amended_and_all_else_as_before(
    field: AmendableField, old: str, new: str
) -> None:
    ledger = start_journey()
    before = ledger.certificate(NUMBER)
    ledger.record(make_step(ledger, "amendment_endorsed", _amend(field, old, new)))
    after = ledger.certificate(NUMBER)
    party, _, part = field.partition(".")
    changed = vary(getattr(before, party), **{part: new})
    assert after == vary(
        before, head=after.head, marks=(CertificateMark.AMENDED,), **{party: changed}
    )


@pytest.mark.parametrize("parcels", [1, 100_000])
def test_number_of_parcels_is_amended_as_a_number(parcels: int) -> None:
    ledger = start_journey()
    body = _amend(_F.PARCELS, "2", str(parcels))
    ledger.record(make_step(ledger, "amendment_endorsed", body))
    assert ledger.certificate(NUMBER).parcels == parcels


@pytest.mark.parametrize(
    ("field", "old", "new", "where"),
    [
        (_F.PARCELS, "3", "4", "body.old"),
        (_F.PARCELS, "02", "4", "body.old"),
        (_F.EXPORTER_NAME, IMPORTER.name, "Another", "body.old"),
        (_F.PARCELS, "2", "2", "body.new"),
        (_F.PARCELS, "2", "0", "body.new"),
        (_F.PARCELS, "2", "100001", "body.new"),
        (_F.PARCELS, "2", "07", "body.new"),
        (_F.PARCELS, "2", "-1", "body.new"),
        (_F.PARCELS, "2", "", "body.new"),
        (_F.PARCELS, "2", "\u0663", "body.new"),
        (_F.EXPORTER_NAME, EXPORTER.name, "", "body.new"),
        (_F.IMPORTER_ADDRESS, IMPORTER.address, "", "body.new"),
        (_F.IMPORTER_LICENCE, "", "x" * 65, "body.new"),
        (_F.IMPORTER_LICENCE, "", "", "body.new"),
    ],
)
def test_amendment_repeats_what_stands_there_and_says_something_sound(
    field: AmendableField, old: str, new: str, where: str
) -> None:
    found = judge(start_journey(), "amendment_endorsed", _amend(field, old, new))
    assert found == ("E5", where)


def test_value_that_was_amended_before_is_the_old_one() -> None:
    ledger = start_journey("amendment_endorsed")
    assert judge(ledger, "amendment_endorsed") == ("E5", "body.old")
    assert judge(ledger, "amendment_endorsed", _amend(_F.PARCELS, "7", "8")) is None


@pytest.mark.parametrize("at", ["arrival_recorded", "shipment_detained"])
def test_destination_signs_once_it_has_the_goods(at: str) -> None:
    ledger = start_journey(at)
    alone = judge(ledger, "amendment_endorsed", signers=("BW/gaborone",))
    other = judge(ledger, "amendment_endorsed", signers=("BW/gaborone", "ZA/joburg"))
    both = judge(ledger, "amendment_endorsed", signers=("BW/gaborone", "EU/antwerp"))
    assert (alone, other, both) == (("E1", "signatures"), ("E1", "signatures"), None)


def test_destination_does_not_sign_before() -> None:
    signers = ("BW/gaborone", "EU/antwerp")
    found = judge(start_journey(), "amendment_endorsed", signers=signers)
    assert found == ("E1", "signatures")


def test_confirmation_repeats_what_was_amended() -> None:
    ledger = start_journey()
    body = _amend(_F.IMPORTER_NAME, IMPORTER.name, "Another NV")
    ledger.record(make_step(ledger, "amendment_endorsed", body))
    confirmation = SOUND["import_confirmed"][1]
    renamed = vary(confirmation, importer=vary(IMPORTER, name="Another NV"))
    assert judge(ledger, "import_confirmed", confirmation) == ("E7", "body.importer.name")
    assert judge(ledger, "import_confirmed", renamed) is None


def test_destination_signs_with_as_many_officers_as_it_asks_for() -> None:
    ledger = start_journey("arrival_recorded")
    second = KeyAdded(authority="antwerp", key=signing_key("second").public_key, valid_from=0)
    ledger.record(make_event("EU/root", second))
    set_policy(ledger, "EU", officers=2)
    signers = ("BW/gaborone", "EU/antwerp")
    assert judge(ledger, "amendment_endorsed", signers=signers) == ("E1", "signatures")
    assert judge(ledger, "amendment_endorsed", signers=(*signers, "second")) is None
