"""The writer: the state in the books is the state, whatever happened."""

from booked import BookedLedger, open_booked_trade
from founding import make_certificate, number_of

from kpledger.scheme.v1.events.certificate import CertificateIssued


def state_in_books(ledger: BookedLedger) -> dict[bytes, bytes]:
    return dict(ledger.books.connection.execute("SELECT key, value FROM records"))


def state_but_events(ledger: BookedLedger) -> dict[bytes, bytes]:
    pairs = ledger.state.pairs
    return {key: value for key, value in pairs.items() if not key.startswith(b"event/")}


def test_records_are_the_state_without_its_events() -> None:
    ledger = open_booked_trade()
    ledger.say("BW/gaborone", CertificateIssued(certificate=make_certificate(number_of("BW", 1))))
    assert state_in_books(ledger) == state_but_events(ledger)
    with ledger.books.reading() as books:
        assert (books.height, books.time_ms) == (ledger.tip.height, ledger.tip.time_ms)
