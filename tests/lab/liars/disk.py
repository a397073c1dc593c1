"""The disk of one node: log, hard state, proofs; and images of it, which may come back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.simulator.disk import CrashPoint, SimCrashError
from memory_storage import MemoryStorage

from kpnode.raft import Entry, HardState, Index


@dataclass(frozen=True, slots=True)
class Image:
    """All that a disk held at a moment."""

    hard_state: HardState
    log: tuple[Entry, ...]
    generation: int
    certificates: Mapping[int, bytes]
    term_proof: bytes
    promises: bytes
    applied: Index


class ProofDisk(MemoryStorage):
    """A save is one synced batch: it is there as a whole or not at all.

    Attributes:
        generation: of the newest start of a node on it; none is used twice.
        applied: how far its log was applied, as of the last save.
        evidence: by digest.
    """

    def __init__(self, crash_point: Callable[[], CrashPoint | None]) -> None:
        super().__init__()
        self.generation = 0
        self.applied = Index(0)
        self.evidence: dict[bytes, bytes] = {}
        self._crash_point = crash_point
        self._certificates: dict[int, bytes] = {}
        self._term_proof = b""
        self._waiting: dict[int, bytes] = {}
        """Certificates that go with the next batch."""
        self._waiting_proof: bytes | None = None
        self._waiting_applied: Index | None = None
        self._promises = b""
        self._waiting_promises: bytes | None = None

    def start(self, now: int) -> None:
        """Count a start, durably: no two have one number, also where an old image came back."""
        self.generation = max(self.generation + 1, now)

    def power_off(self) -> None:
        """Lose what waits for the next save."""
        self._waiting.clear()
        self._waiting_proof = self._waiting_promises = self._waiting_applied = None

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Store both, and what waits to go with them.

        Raises:
            SimCrashError: the power failed, before it or right after it.
        """
        point = self._crash_point()
        if point is CrashPoint.BEFORE:
            raise SimCrashError
        super().save(hard_state, entries)
        self._certificates |= self._waiting
        self._waiting.clear()
        if self._waiting_promises is not None:
            self._promises, self._waiting_promises = self._waiting_promises, None
        if self._waiting_applied is not None:
            self.applied, self._waiting_applied = self._waiting_applied, None
        if self._waiting_proof is not None:
            self._term_proof, self._waiting_proof = self._waiting_proof, None
        if point is CrashPoint.AFTER:
            raise SimCrashError

    @property
    def term_proof(self) -> bytes:
        """Why the term on the disk could begin."""
        return self._term_proof

    def keep_term_proof(self, encoded: bytes) -> None:
        """Store this with the next save."""
        self._waiting_proof = encoded

    @property
    def promises(self) -> bytes:
        """What was promised and the log does not show."""
        return self._promises

    def keep_promises(self, encoded: bytes) -> None:
        """Store this with the next save."""
        self._waiting_promises = encoded

    def keep_applied(self, applied: Index) -> None:
        """Store how far the log was applied with the next save, as what shows it to be final is."""
        self._waiting_applied = applied

    def put_certificate(self, term: int, encoded: bytes) -> None:
        """Store the newest commit certificate of a term with the next save."""
        self._waiting[term] = encoded

    def read_certificates(self) -> tuple[bytes, ...]:
        """Give the newest commit certificate of each term, ascending by term."""
        return tuple(one for _, one in sorted((self._certificates | self._waiting).items()))

    def put_evidence(self, digest: bytes, encoded: bytes) -> None:
        """Store evidence at once."""
        self.evidence[digest] = encoded

    def read_evidence(self) -> tuple[bytes, ...]:
        """Give all evidence."""
        return tuple(self.evidence.values())

    def image(self) -> Image:
        """Copy what is on it."""
        return Image(
            self.hard_state,
            tuple(self.log),
            self.generation,
            dict(self._certificates),
            self._term_proof,
            self._promises,
            self.applied,
        )

    def restore(self, image: Image) -> None:
        """Come back as it was once; evidence stays, or those who look for it would miss it."""
        self.hard_state = image.hard_state
        self.log = list(image.log)
        self.generation = image.generation
        self._certificates = dict(image.certificates)
        self._term_proof = image.term_proof
        self._promises = image.promises
        self.applied = image.applied
