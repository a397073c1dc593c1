"""The chain that is final here: what gossip holds certificates and acknowledgements against."""

from kpledger.log.certificates import CommitCertificate
from kpledger.log.path import ShownHeader
from kpnode.headers import LoggedHeaders
from kpnode.ledger import Ledger


class FinalChain:
    """Answers from a ledger and its log, in any thread."""

    def __init__(self, ledger: Ledger, headers: LoggedHeaders) -> None:
        """Go no further than the tip of the ledger; the log may be longer."""
        self._ledger = ledger
        self._headers = headers

    @property
    def newest_commit(self) -> CommitCertificate | None:
        """The newest commit certificate."""
        return self._ledger.newest_commit

    def head_at(self, index: int) -> bytes | None:
        """Give the head of a block, at 0 the chain id; None beyond the end."""
        return self._headers.head_at(index) if index <= self._ledger.tip.height else None

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        """Give the headers from one height to another, both included."""
        return self._headers.shown(first, last)
