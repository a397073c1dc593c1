"""The evidence that a node has, kept for ever: whom it convicts, and what follows for this node.

A voter that is convicted of a lie is not followed, not voted for and not counted any more. Two
histories that are both final are beyond repair by a program: then this node takes part in nothing
until people have decided.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol

from kpledger.base.errors import LedgerError
from kpledger.log.conviction import Conviction, Guilt
from kpledger.log.evidence import Evidence, Fork
from kpledger.log.evidence_file import decode_evidence, encode_evidence, evidence_id
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate, SignatureCheck

_KEPT: Final = 8
"""Pieces of one kind against the same voters: a liar that goes on lying fills no disk."""


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
        self._kinds: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.fork: Conviction | None = None
        """Two histories, if they are known."""
        for encoded in store.read_evidence():
            self._enter(encoded, decode_evidence(encoded))

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
        return self._take(encode_evidence(evidence), evidence)

    def take(self, encoded: bytes) -> Exhibit | None:
        """Keep evidence that a peer has shown; None if it is known, or convicts nobody.

        Raises:
            LedgerError: it is none.
        """
        if evidence_id(encoded) in self._exhibits:
            return None
        return self._take(encoded, decode_evidence(encoded))

    def _take(self, encoded: bytes, evidence: Evidence) -> Exhibit | None:
        digest = evidence_id(encoded)
        if digest in self._exhibits:
            return None
        exhibit = self._enter(encoded, evidence)
        if exhibit is not None:
            self._store.put_evidence(digest, encoded)
        return exhibit

    def _enter(self, encoded: bytes, evidence: Evidence) -> Exhibit | None:
        try:
            conviction = judge(evidence, self._electorate, self._check)
        except LedgerError:
            return None
        is_fork = isinstance(evidence, Fork)
        kind = conviction.kind, conviction.culprits
        if self._kinds[kind] >= _KEPT or not (conviction.guilt.convicts or is_fork):
            return None
        self._kinds[kind] += 1
        exhibit = self._exhibits[evidence_id(encoded)] = Exhibit(encoded, conviction)
        if is_fork:
            self.fork = conviction
        return exhibit
