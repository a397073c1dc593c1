"""Every topic there is; a new one is a row here, and the node and the command serve it."""

from typing import Final

from kpledger.analysis.agenda import CALENDAR
from kpledger.analysis.flags.tables.balance import BALANCE, PRODUCTION_CHECK
from kpledger.analysis.flags.tables.mirror import MIRROR
from kpledger.analysis.flags.tables.numbers import NUMBERS
from kpledger.analysis.flags.tables.unconfirmed import UNCONFIRMED
from kpledger.analysis.flags.topic import FLAGS_TOPIC
from kpledger.analysis.organisation import ORGANISATION
from kpledger.analysis.scheme import SCHEME
from kpledger.analysis.signing_keys import SIGNING_KEYS
from kpledger.analysis.statistics.annex3 import ANNEX3
from kpledger.analysis.statistics.summary import SUMMARY
from kpledger.analysis.subject import SUBJECT
from kpledger.analysis.topic import AnyTopic
from kpledger.analysis.trace import TRACE

TOPICS: Final[tuple[AnyTopic, ...]] = (
    BALANCE,
    CALENDAR,
    FLAGS_TOPIC,
    SIGNING_KEYS,
    MIRROR,
    NUMBERS,
    ORGANISATION,
    PRODUCTION_CHECK,
    SCHEME,
    ANNEX3,
    SUMMARY,
    SUBJECT,
    TRACE,
    UNCONFIRMED,
)
"""In alphabetical order of their paths."""
