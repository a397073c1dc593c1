"""The evidence that a node has, kept for ever: whom it convicts, and what follows for this node.

A voter that is convicted of a lie is not followed, not voted for and not counted any more. Two
histories that are both final are beyond repair by a program: then this node takes part in nothing
until people have decided.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from kpledger.base.errors import LedgerError
from kpledger.log.conviction import Conviction, Guilt
from kpledger.log.evidence import Evidence, Fork
from kpledger.log.evidence_file import decode_evidence, encode_evidence, evidence_id
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate, SignatureCheck

_KEPT_BYTES: Final = 64 << 10
"""Of one kind and gravity against the same voters, beyond which none is added: a liar that goes on
lying fills no disk, nor any line over which it is shown."""
_PIECE_BYTES: Final = 8 << 10
"""As which a shorter piece counts."""


class EvidenceStore(Protocol):
    """Where evidence is kept."""

    def put_evidence(self, digest: bytes, encoded: bytes) -> None:
        """Keep it, at once and for ever, under its id."""

    def read_evidence(self) -> tuple[bytes, ...]:
        """Give all."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A piece of evidence that convicts."""

    encoded: bytes
    conviction: Conviction


class ForkedError(Exception):
    """The ledger has two histories that are both final; this node takes part in neither."""


class Docket:
    """The evidence of one node; belongs to the thread of the core."""

    def __init__(self, electorate: Electorate, store: EvidenceStore, check: SignatureCheck) -> None:
        """Take up what was stored.

        Raises:
            LedgerError: some of it is damaged.
        """
        self._electorate = electorate
        self._store = store
        self._check = check
        self._exhibits: dict[bytes, Exhibit] = {}
        self._bytes: Counter[tuple[str, Guilt, tuple[str, ...]]] = Counter()
        self.fork: Conviction | None = None
        """Two histories, if they are known."""
        for encoded in store.read_evidence():
            self._judge(encoded)

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """All that is kept."""
        return tuple(self._exhibits.values())

    @property
    def barred(self) -> frozenset[str]:
        """Voters convicted of a lie."""
        lies = (one.conviction for one in self.exhibits if one.conviction.guilt is Guilt.LIE)
        return frozenset(culprit for lie in lies for culprit in lie.culprits)

    def add(self, evidence: Evidence) -> Exhibit | None:
        """Keep evidence that was found here; None if it is known, or convicts nobody."""
        with suppress(LedgerError):
            # Nothing is kept that could not be read again at the next start.
            return self.take(encode_evidence(evidence))
        return None

    def take(self, encoded: bytes) -> Exhibit | None:
        """Keep evidence that a peer has shown; None if it is known, or convicts nobody.

        Raises:
            LedgerError: it is none.
        """
        digest = evidence_id(encoded)
        if digest in self._exhibits:
            return None
        exhibit = self._judge(encoded)
        if exhibit is not None:
            self._store.put_evidence(digest, encoded)
        return exhibit

    def _judge(self, encoded: bytes) -> Exhibit | None:
        evidence = decode_evidence(encoded)
        try:
            conviction = judge(evidence, self._electorate, self._check)
        except LedgerError:
            return None
        is_fork = isinstance(evidence, Fork)
        kind = conviction.kind, conviction.guilt, conviction.culprits
        if self._bytes[kind] >= _KEPT_BYTES or not (conviction.guilt.convicts or is_fork):
            return None
        self._bytes[kind] += max(len(encoded), _PIECE_BYTES)
        exhibit = self._exhibits[evidence_id(encoded)] = Exhibit(encoded, conviction)
        if is_fork:
            self.fork = conviction
        return exhibit
