"""What ``kpledger show`` makes of records and events for people."""

from founding import (
    TODAY,
    MemoryLedger,
    make_certificate,
    make_confirmation,
    make_event,
    open_trade,
    vary,
)

from kpclient.net.answers import VerifiedEvent
from kpclient.output.histories import describe_certificate, flatten
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    DiscrepancyResolved,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.lifecycles import CertificateMark


def test_record_is_told_in_words() -> None:
    record = {
        "zones": ["CF/berberati", "CF/boda"],
        "effective_from": 1_767_225_600_000,
        "effective_until": None,
        "filed_at": [0, 1_000],
        "interim": False,
        "clock_skew_ms": 10_000,
        "height": 0,
        "closed_height": 7,
        "recommendations": [
            {"name": "seals", "due_on": None},
            {"name": "staff", "due_on": "2027-01-01"},
        ],
        "approver": {"participant": "KPCS", "authority": "car-team"},
    }
    assert flatten(record) == {
        "zones": "CF/berberati, CF/boda",
        "effective from": "2026-01-01T00:00:00.000Z",
        "filed at": "the founding, 1970-01-01T00:00:01.000Z",
        "interim": "no",
        "clock skew ms": "10000",
        "height": "the founding",
        "closed height": "7",
        "recommendation 1": "name seals",
        "recommendation 2": "name staff; due on 2027-01-01",
        "approver participant": "KPCS",
        "approver authority": "car-team",
    }


def verified(ledger: MemoryLedger, *encoded: bytes) -> tuple[VerifiedEvent, ...]:
    """Record events, each in a block of its own, and give them as a node's history does."""
    for one in encoded:
        ledger.record(one)
    return tuple(
        VerifiedEvent(decode_envelope(one), height=0, index=0, block_time_ms=0) for one in encoded
    )


def test_what_was_found_and_agreed_is_told_beside_what_is_declared() -> None:
    ledger = open_trade()
    licensed = vary(make_certificate().exporter, licence="L-7")
    certificate = vary(make_certificate(), exporter=licensed)
    issued = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    (event,) = verified(ledger, issued)
    arrival = ArrivalRecorded(
        arrived_on=TODAY,
        seals_intact=False,
        opened=True,
        found_carat_thousandths=99_000,
        remarks="",
    )
    found = ImportConfirmedDiscrepant(
        number="BW000001",
        parcels=1,
        carat_thousandths=99_000,
        value_usd_cents=4_900_000,
        exporter=licensed,
        importer=certificate.importer,
        received_on=TODAY,
        cause=DiscrepancyCause.WEIGHING,
        remarks="",
    )
    agreed = DiscrepancyResolved(
        parcels=2, carat_thousandths=100_000, value_usd_cents=5_000_000, explanation=""
    )
    events = [event]
    for body, signers in (
        (arrival, ("EU/antwerp",)),
        (found, ("EU/antwerp",)),
        (agreed, ("BW/gaborone", "EU/antwerp")),
    ):
        prev = events[-1].event.event_id
        said = make_event(signers[0], body, subject="BW000001", prev=prev, signers=signers)
        events += verified(ledger, said)
    told = describe_certificate(ledger.certificate("BW000001"), [one.event for one in events])
    assert told["exporter"].endswith(", licence L-7")
    assert {name: told[name] for name in ("seals", "arrived", "received", "found", "agreed")} == {
        "seals": "S-1, S-0",
        "arrived": f"{TODAY}, seals broken, 99.000 ct weighed",
        "received": TODAY,
        "found": "1 parcel, 99.000 ct, US$ 49000.00",
        "agreed": "2 parcels, 100.000 ct, US$ 50000.00",
    }
    assert told["carats"] == "100.000"


def test_what_was_found_as_declared_is_not_repeated() -> None:
    ledger = open_trade()
    certificate = make_certificate()
    issued = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    (event,) = verified(ledger, issued)
    confirmation = make_confirmation(certificate)
    confirmed = make_event("EU/antwerp", confirmation, prev=event.event.event_id)
    events = (event, *verified(ledger, confirmed))
    told = describe_certificate(ledger.certificate("BW000001"), [one.event for one in events])
    assert (told["received"], "found" in told) == (TODAY, False)


def test_what_is_remarkable_of_a_certificate_stands_in_words_beside_its_state() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/gaborone", CertificateIssued(certificate=make_certificate())))
    record = ledger.certificate("BW000001")
    for mark in CertificateMark:
        told = describe_certificate(vary(record, marks=(mark,)), [])["state"]
        assert told == f"VALIDATED, {mark.value.replace('_', ' ')}"
