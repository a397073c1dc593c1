"""The book in memory: records in the order of their keys, after as many blocks as were applied."""

from booked import open_booked_trade
from founding import PARTICIPANTS, issue, make_certificate, number_of

from kpledger.scheme.v1.records import CertificateRecord, ParticipantRecord


def test_records_are_read_in_the_order_of_their_keys() -> None:
    ledger = open_booked_trade()
    for serial in (3, 1, 2):
        issue(ledger, make_certificate(number_of("BW", serial)))

    def numbers(after: bytes | None, limit: int) -> list[str]:
        found = ledger.book.records(b"certificate/", CertificateRecord, after=after, limit=limit)
        return [record.number for _, record in found]

    assert numbers(None, 9) == ["BW000001", "BW000002", "BW000003"]
    assert numbers(None, 2) == ["BW000001", "BW000002"]
    assert numbers(b"certificate/BW000001", 9) == ["BW000002", "BW000003"]
    issue(ledger, make_certificate(number_of("BW", 4)))
    assert numbers(b"certificate/BW000003", 9) == ["BW000004"]


def test_it_stands_where_the_ledger_stands() -> None:
    ledger = open_booked_trade()
    assert ledger.book.tip == ledger.tip
    assert ledger.book.state.pairs == ledger.state.pairs
    found = ledger.book.records(b"participant/", ParticipantRecord, after=None, limit=99)
    assert [record.code for _, record in found] == sorted(PARTICIPANTS)
