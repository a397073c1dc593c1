"""The state in the books: what was used lately is at hand, the rest in the file."""

from booked import BookedLedger, open_booked_trade
from founding import issue, make_certificate

from kpledger.base.state import Record
from kpledger.books.projections.rows import Rows
from kpledger.books.projections.state import BooksState, Recent
from kpledger.scheme.v1.records import (
    AuthorityRecord,
    CertificateRecord,
    EventRecord,
    ParticipantRecord,
)


def test_recent_values_stay_and_others_go() -> None:
    recent = Recent[str, int](1)
    recent["old"], recent["used"] = 1, 2
    recent.forget()
    assert recent.find("used") == 2
    recent["new"] = 3
    recent.forget()
    assert (recent.find("used"), recent.find("new"), recent.find("old")) == (2, 3, None)


def kinds_of(ledger: BookedLedger) -> dict[bytes, type[Record]]:
    kinds: tuple[type[Record], ...] = (
        ParticipantRecord,
        AuthorityRecord,
        CertificateRecord,
        EventRecord,
    )
    by_name = {kind.KIND: kind for kind in kinds}
    return {
        key: by_name[name]
        for key in ledger.state.pairs
        if (name := key.decode().partition("/")[0]) in by_name
    }


def test_every_key_gives_what_the_ledger_gives() -> None:
    """Events too, which have rows of their own; once from the file, then from memory."""
    ledger = open_booked_trade()
    issue(ledger, make_certificate())
    state = BooksState(Rows(ledger.books.connection))
    kinds = kinds_of(ledger)
    assert set(kinds.values()) >= {EventRecord, CertificateRecord}
    for key, kind in (*kinds.items(), *kinds.items()):
        assert state.get(key) == ledger.state.pairs[key]
        assert state.read(key, kind) is not None
    for nothing in (b"event/" + b"00" * 32, b"certificate/XX000001"):
        assert state.get(nothing) is None
        assert state.read(nothing, EventRecord) is None
