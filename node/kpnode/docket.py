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
from kpledger.log.conviction import Conviction, EvidenceError, Guilt
from kpledger.log.evidence import Evidence
from kpledger.log.evidence_file import decode_evidence, encode_evidence, evidence_id
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate, SignatureCheck

_FORK: Final = "E8"
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
    """A piece of evidence, and what it amounts to."""

    encoded: bytes
    conviction: Conviction


def judge_encoded(encoded: bytes, electorate: Electorate, check: SignatureCheck) -> Exhibit:
    """Judge evidence; that of a whole block may take seconds.

    Raises:
        LedgerError: it is none, or shows nothing (:class:`EvidenceError`).
    """
    return Exhibit(encoded, judge(decode_evidence(encoded), electorate, check))


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
            with suppress(EvidenceError):
                self._enter(judge_encoded(encoded, electorate, check))

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
            encoded = encode_evidence(evidence)
            return self.take(judge_encoded(encoded, self._electorate, self._check))
        return None

    def take(self, exhibit: Exhibit) -> Exhibit | None:
        """Keep what was judged by this node; None if it is known, or convicts nobody."""
        if not self._enter(exhibit):
            return None
        self._store.put_evidence(evidence_id(exhibit.encoded), exhibit.encoded)
        return exhibit

    def _enter(self, exhibit: Exhibit) -> bool:
        conviction, digest = exhibit.conviction, evidence_id(exhibit.encoded)
        is_fork = conviction.kind == _FORK
        kind = conviction.kind, conviction.guilt, conviction.culprits
        if digest in self._exhibits or not (conviction.guilt.convicts or is_fork):
            return False
        if self._bytes[kind] >= _KEPT_BYTES:
            return False
        self._bytes[kind] += max(len(exhibit.encoded), _PIECE_BYTES)
        self._exhibits[digest] = exhibit
        if is_fork:
            self.fork = conviction
        return True
