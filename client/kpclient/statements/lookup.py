"""Lookups that commands begin with: the certificate that is meant, as the ledger knows it."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

from kpclient.errors import EXIT_REFUSED, ClientError, UsageError
from kpclient.session import Session
from kpledger.base.errors import MalformedError
from kpledger.books.certificates import CERTIFICATE, CertificateQuestion
from kpledger.scheme.v1.ids import parse_number
from kpledger.scheme.v1.records import CertificateRecord

T = TypeVar("T")


class NotFoundError(ClientError):
    """The ledger does not know what was asked for."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, what: str) -> None:
        """Say what was asked for."""
        super().__init__(f"there is no {what} on the ledger")


def read_typed(parse: Callable[[str], T], text: str, option: str, accepted: str) -> T:
    """Read what somebody typed for an option.

    Raises:
        UsageError: it is not what is accepted.
    """
    try:
        return parse(text)
    except MalformedError as error:
        raise UsageError(option, error.problem, accepted) from None


def find_certificate(session: Session, number: str) -> CertificateRecord:
    """Give the record of a certificate.

    Raises:
        UsageError: the number is none.
        NotFoundError: there is no such certificate.
    """
    accepted = "a country code, optional letters, then digits, such as BW00001234"
    wanted = read_typed(parse_number, number, "NUMBER", accepted)
    record = session.ask(
        lambda ledger: ledger.find(CERTIFICATE, CertificateQuestion(number=wanted))
    )
    if record is None:
        raise NotFoundError(f"certificate {wanted}")
    return record
