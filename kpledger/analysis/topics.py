"""Every topic there is; a new one is a row here, and the node and the command serve it."""

from typing import Final

from kpledger.analysis.flags.topic import FLAGS_TOPIC
from kpledger.analysis.statistics.annex3 import ANNEX3
from kpledger.analysis.statistics.summary import SUMMARY
from kpledger.analysis.subject import SUBJECT
from kpledger.analysis.topic import AnyTopic

TOPICS: Final[tuple[AnyTopic, ...]] = (
    ANNEX3,
    FLAGS_TOPIC,
    SUMMARY,
    SUBJECT,
)
"""In alphabetical order of their paths."""
