"""Every topic there is; a new one is a row here, and the node and the command serve it."""

from typing import Final

import msgspec

from kpledger.analysis.topic import Topic

AnyTopic = Topic[msgspec.Struct, msgspec.Struct]

TOPICS: Final[tuple[AnyTopic, ...]] = ()
"""In alphabetical order of their paths."""
