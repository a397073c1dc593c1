"""The table of queries, and what each has in common."""

import msgspec
import pytest
from booked import open_booked_trade
from founding import make_certificate, signing_key

from kpledger.books.keys import KEY, KeyQuestion
from kpledger.books.participants import PARTICIPANT, ParticipantQuestion
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery, NotOnLedgerError
from kpledger.books.question import QuestionError
from kpledger.books.scheme import SCHEME
from kpledger.books.subject import SUBJECT, SubjectQuestion
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.governance import Standing


def test_queries_are_listed_once_and_in_order() -> None:
    paths = [query.path for query in QUERIES]
    assert paths == sorted(set(paths))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.path)
def test_a_question_that_says_no_more_than_it_must_is_answered(query: AnyQuery) -> None:
    """What has a default may be left out; the others say something that is on this ledger."""
    ledger, certificate = open_booked_trade(), make_certificate()
    ledger.say("BW/gaborone", CertificateIssued(certificate=certificate))
    said = {
        "code": "BW",
        "key": signing_key("BW/gaborone").public_key.hex(),
        "number": certificate.number,
        "one": "BW",
        "other": certificate.destination,
        "participant": "BW",
        "period": "2026Q1",
        "subject": certificate.number,
        "year": "2026",
    }
    needed = [one.name for one in msgspec.structs.fields(query.question) if one.required]
    question = query.question(**{name: said[name] for name in needed})
    assert isinstance(msgspec.json.decode(query.reply(ledger.books, question)), dict)


def test_a_question_of_another_query_is_none() -> None:
    with pytest.raises(TypeError, match="SubjectQuestion is no question of scheme"):
        SCHEME.reply(open_booked_trade().books, SubjectQuestion(subject="BW"))


def test_bytes_are_written_in_hexadecimal() -> None:
    ledger = open_booked_trade()
    key = signing_key("BW/root").public_key.hex()
    answer = msgspec.json.decode(KEY.reply(ledger.books, KeyQuestion(key=key)))
    assert (answer["key"], answer["authority"]) == (key, "root")
    found = msgspec.json.decode(SUBJECT.reply(ledger.books, SubjectQuestion(subject="KPCS/chair")))
    assert found["record"]["key"] == signing_key("KPCS/chair").public_key.hex()


def test_a_participant_is_shown_as_of_the_newest_block() -> None:
    ledger = open_booked_trade()
    found = ledger.ask(PARTICIPANT, ParticipantQuestion(code="BW"))
    assert (found.status, found.ranges[0].range.prefix) == (Standing.ACTIVE, "BW")
    assert [one.authority for one in found.authorities] == ["gaborone"]


@pytest.mark.parametrize(("code", "problem"), [("bw", QuestionError), ("XX", NotOnLedgerError)])
def test_a_participant_has_to_be_on_the_ledger(code: str, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        PARTICIPANT.respond(open_booked_trade().books, ParticipantQuestion(code=code))


@pytest.mark.parametrize(("key", "problem"), [("00", QuestionError), ("0" * 64, NotOnLedgerError)])
def test_a_key_has_to_be_registered(key: str, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        KEY.respond(open_booked_trade().books, KeyQuestion(key=key))
