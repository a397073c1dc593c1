"""Lookups that commands begin with: the certificate that is meant, as the ledger knows it."""

from typing import ClassVar

from kpclient.errors import EXIT_REFUSED, ClientError, UsageError
from kpclient.session import Session
from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_hex32
from kpledger.books.certificates import CERTIFICATE, CertificateQuestion
from kpledger.scheme.v1.ids import parse_number
from kpledger.scheme.v1.records import CertificateRecord


class NotFoundError(ClientError):
    """The ledger does not know what was asked for."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, what: str) -> None:
        """Say what was asked for."""
        super().__init__(f"there is no {what} on the ledger")


def check_number(text: str) -> str:
    """Read a certificate's number that somebody typed.

    Raises:
        UsageError: it is none.
    """
    try:
        return parse_number(text)
    except MalformedError as error:
        accepted = "a country code, optional letters, then digits, such as BW00001234"
        raise UsageError("NUMBER", f"{error.problem}", accepted) from None


def read_hex_id(text: str, option: str) -> bytes:
    """Read the id of an event that somebody typed.

    Raises:
        UsageError: it is none.
    """
    try:
        return parse_hex32(text, option)
    except MalformedError as error:
        raise UsageError(option, error.problem, "64 hexadecimal digits") from None


def find_certificate(session: Session, number: str) -> CertificateRecord:
    """Give the record of a certificate.

    Raises:
        UsageError: the number is none.
        NotFoundError: there is no such certificate.
    """
    wanted = check_number(number)
    record = session.ask(
        lambda ledger: ledger.find(CERTIFICATE, CertificateQuestion(number=wanted))
    )
    if record is None:
        raise NotFoundError(f"certificate {wanted}")
    return record
