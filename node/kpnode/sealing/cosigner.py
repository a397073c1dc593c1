"""The cosigner of a node: it says which tree it has seen to be final, and never less than before.

A cosignature states: as of this time, this is the largest tree of this ledger that I have seen, and
it extends every one of which I said so. So it is given only for a root that the own ledger has at
that size, and of what is final there; the size never becomes smaller, and the time never goes back.

For that, the newest checkpoint stands in a file with the own cosignature, and is durable before the
cosignature is given to anybody. The file lies beside the key and outside of the database, so that
it outlives a ledger that is derived or copied anew. Where it is lost, or an older one was put
back, what is final in the own ledger takes its place: no tree that was cosigned can contradict
that, but with an older ledger the node may say less than it did. The genesis file pins the key, so
that it cannot have another one instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.hashing import EMPTY_ROOT
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    format_checkpoint,
    parse_checkpoint,
)
from kpledger.log.merkle import TreeSize
from kpledger.log.note import (
    MAX_NOTE_BYTES,
    KeyType,
    Note,
    NoteKey,
    NoteSignature,
    format_note,
    identify_signers,
    parse_note,
)
from kpledger.log.witnessing import AddCheckpoint, WitnessError, WitnessStatus, witness_checkpoint
from kpledger.reading import say_trouble
from kpnode.errors import SetupError
from kpnode.process import replace_file
from kpnode.sealing.final_tree import FinalTree

COSIGNED_NAME: Final = "cosigned"
"""The file of the newest checkpoint that was cosigned; it lies beside the cosigning key's."""

_AGAIN_S: Final = 3
"""Whoever asks again so soon is given the same cosignature, which costs no write."""


class NotYetError(LedgerError):
    """A checkpoint cannot be cosigned now, and perhaps later."""


@dataclass(frozen=True, slots=True)
class _Cosigned:
    """The newest checkpoint that was cosigned."""

    checkpoint: Checkpoint
    time_s: int
    line: NoteSignature

    def format(self) -> bytes:
        return format_note(Note(format_checkpoint(self.checkpoint), (self.line,)))


class OwnCosigner:
    """Cosigns checkpoints of one ledger; any thread may ask, one is answered at a time.

    Attributes:
        alarm: what the operator should know of the file; None if it is as it should be.
    """

    def __init__(
        self, file: Path, *, name: str, key: SigningKey, logs: Iterable[NoteKey], tree: FinalTree
    ) -> None:
        """Take up what was cosigned before.

        Args:
            file: where that stands; it is made if it is not there.
            name: under which this node cosigns.
            key: its cosigning key.
            logs: the keys with which checkpoints of this ledger are signed.
            tree: what is final here.

        Raises:
            SetupError: the file cannot be used.
        """
        self._file = file
        self._name = name
        self._key = key
        self._logs = tuple(logs)
        self._tree = tree
        self._lock = Lock()
        self.alarm: str | None = None
        self._newest = self._load() or self._begin()
        # No less than is final at the start, if it is an older file that was put back.
        self._floor = tree.newest() or self._newest.checkpoint

    @property
    def newest(self) -> Checkpoint:
        """The newest checkpoint that was cosigned, or what was final at the start."""
        return max(self._floor, self._newest.checkpoint, key=lambda one: one.size)

    def cosign(self, asked: AddCheckpoint, now_s: int) -> NoteSignature:
        """Cosign a checkpoint at a time, POSIX seconds; at return that is durable.

        Raises:
            WitnessError: it must not be, with what to answer (tlog-witness).
            NotYetError: it is larger than what is final here, the time has gone back, or the file
                cannot be written.
        """
        with self._lock:
            checkpoint = witness_checkpoint(self.newest, asked, self._logs)
            before = self._newest
            if checkpoint == before.checkpoint and 0 <= now_s - before.time_s < _AGAIN_S:
                return before.line
            self._check_root(checkpoint)
            if now_s < before.time_s:
                problem = f"the clock of {self._name} stands {before.time_s - now_s} s before"
                raise NotYetError(f"{problem} the time of its newest cosignature")
            self._newest = self._keep(checkpoint, now_s)
            return self._newest.line

    def _check_root(self, checkpoint: Checkpoint) -> None:
        own = self._tree.root_at(checkpoint.size)
        if own is None:
            raise NotYetError(f"size {checkpoint.size} is not final at {self._name} yet")
        if own != checkpoint.root:
            problem = f"the root at size {checkpoint.size} is {own.hex()} here,"
            problem = f"{problem} not {checkpoint.root.hex()}"
            raise WitnessError(WitnessStatus.INCONSISTENT, problem)

    def _begin(self) -> _Cosigned:
        """Begin with what is final here: whatever was cosigned before is no larger."""
        origin = self._logs[0].name
        checkpoint = self._tree.newest() or Checkpoint(origin, TreeSize(0), EMPTY_ROOT)
        if checkpoint.size and self.alarm is None:
            self.alarm = (
                f"{self._file} was missing, so that this node could not know what it had cosigned;"
                " it goes on from what is final in its ledger. If the program was an earlier"
                " version until now, there was no such file. Otherwise it was lost: look after the"
                " disk, and tell the other operators that this node may have said less than before."
            )
        try:
            return self._keep(checkpoint, now_s=0)
        except NotYetError as error:
            raise SetupError(str(error)) from None

    def _load(self) -> _Cosigned | None:
        """Read the file; None if there is none, or none that can be believed."""
        try:
            with self._file.open("rb") as file:
                note = parse_note(file.read(MAX_NOTE_BYTES + 1))
            key = NoteKey(self._name, KeyType.COSIGNATURE, self._key.public_key)
            (signer,) = identify_signers(note, (key,))
            checkpoint = parse_checkpoint(note.text)
            if checkpoint.origin != self._logs[0].name:
                raise MalformedError("checkpoint", f"it is of {checkpoint.origin}")
            return _Cosigned(checkpoint, signer.time_s or 0, note.signatures[0])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SetupError(f"{self._file} cannot be read: {say_trouble(error)}") from None
        except LedgerError as error:
            self.alarm = (
                f"{self._file} was damaged ({error}), so that this node could not know what it had"
                " cosigned; it goes on from what is final in its ledger. Look after the disk, and"
                " tell the other operators that this node may have said less than before."
            )
            return None

    def _keep(self, checkpoint: Checkpoint, now_s: int) -> _Cosigned:
        """Write what is cosigned, durably; until then nobody has seen the cosignature."""
        line = cosign_checkpoint(checkpoint, name=self._name, key=self._key, time_s=now_s)
        cosigned = _Cosigned(checkpoint, now_s, line)
        try:
            replace_file(self._file, cosigned.format())
        except OSError as error:
            raise NotYetError(f"{self._file} cannot be written: {say_trouble(error)}") from None
        return cosigned
