"""Every query there is; a new one is a row here, and the node and the command serve it."""

from typing import Final

from kpledger.books.balance import BALANCE, PRODUCTION_CHECK
from kpledger.books.calendar import CALENDAR
from kpledger.books.certificates import CERTIFICATE, CERTIFICATES, HISTORY
from kpledger.books.flags.search import FLAGS
from kpledger.books.keys import KEY, SIGNING_KEYS
from kpledger.books.mirror import MIRROR
from kpledger.books.numbers import NUMBERS
from kpledger.books.participants import ORGANISATION, PARTICIPANT, PARTICIPANTS
from kpledger.books.query import AnyQuery
from kpledger.books.scheme import SCHEME
from kpledger.books.statistics import ANNEX3, SUMMARY
from kpledger.books.subject import SUBJECT
from kpledger.books.trace import TRACE
from kpledger.books.unconfirmed import UNCONFIRMED
from kpledger.books.verification import VERIFICATION

QUERIES: Final[tuple[AnyQuery, ...]] = (
    BALANCE,
    CALENDAR,
    CERTIFICATES,
    CERTIFICATE,
    HISTORY,
    FLAGS,
    SIGNING_KEYS,
    KEY,
    MIRROR,
    NUMBERS,
    ORGANISATION,
    PARTICIPANTS,
    PARTICIPANT,
    PRODUCTION_CHECK,
    SCHEME,
    ANNEX3,
    SUMMARY,
    SUBJECT,
    TRACE,
    UNCONFIRMED,
    VERIFICATION,
)
"""In alphabetical order of their paths."""
