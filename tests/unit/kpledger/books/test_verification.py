"""The verification: what everybody may know of a certificate, and nothing else."""

import msgspec
import pytest
from booked import open_booked_trade
from founding import make_certificate

from kpledger.books.certificates import CertificateQuestion
from kpledger.books.question import QuestionError
from kpledger.books.verification import VERIFICATION, VerificationAnswer
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateVoided, VoidReason
from kpledger.scheme.v1.lifecycles import CertificateState

CERTIFICATE = make_certificate()


def test_it_tells_what_was_declared_and_where_the_certificate_stands() -> None:
    ledger = open_booked_trade()
    question = CertificateQuestion(number=CERTIFICATE.number)
    assert ledger.ask(VERIFICATION, question) == VerificationAnswer(
        number=CERTIFICATE.number, certificate=None
    )
    head = ledger.say("BW/gaborone", CertificateIssued(certificate=CERTIFICATE))
    found = msgspec.json.decode(VERIFICATION.reply(ledger.books, question))
    assert found == {
        "number": CERTIFICATE.number,
        "certificate": {
            "state": CertificateState.VALIDATED,
            "issuer": "BW",
            "destination": CERTIFICATE.destination,
            "issued_on": CERTIFICATE.issued_on,
            "expires_on": CERTIFICATE.expires_on,
            "carat_thousandths": CERTIFICATE.carat_thousandths,
            "lines": [
                {"hs": line.hs, "carat_thousandths": line.carat_thousandths}
                for line in CERTIFICATE.lines
            ],
            "suspect": False,
        },
    }
    void = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    ledger.say("BW/gaborone", void, subject=CERTIFICATE.number, prev=head)
    answer = ledger.ask(VERIFICATION, question).certificate
    assert answer is not None
    assert answer.state is CertificateState.VOIDED


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(QuestionError) as caught:
        VERIFICATION.respond(open_booked_trade().books, CertificateQuestion(number="BW"))
    assert caught.value.field == "number"
