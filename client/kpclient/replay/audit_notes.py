"""What an audit writes down: the files it works with, and those from which the next one goes on.

They lie in a directory of their own. The file ``kept`` says how far an audit has come that found
everything sound, and which files belong to it and how long they are. It is written last, when all
of them are durable, and in one step. Until then the next audit changes nothing of them: it appends
to the files that only grow, and works on a copy of the table. So a crash at any moment, and a
verdict that is not SOUND, leave what was kept before.

What is kept is trusted like the genesis file by the audit that goes on from it.
"""

import os
import re
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import msgspec

from kpclient.errors import ClientError
from kpclient.files import (
    PRIVATE_FILE,
    lock,
    make_private_directory,
    read_bounded,
    sync_directory,
    write_durably,
)
from kpclient.output.console import print_trouble
from kpclient.replay.state_file import DamagedStateError, GrowingFile, StateFile, StateShape
from kpledger import __version__
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import sha256
from kpledger.log.audit import AuditProgress
from kpledger.log.chain import Tip
from kpledger.log.genesis import Genesis
from kpledger.log.tip import decode_tip, encode_tip
from kpledger.reading import open_file, say_trouble
from kpledger.scheme.version import RulesSince

T = TypeVar("T")

KEPT_NAME: Final = "kept"
_LOCK_NAME: Final = "lock"
_FORMAT: Final = f"1 {sys.byteorder}"
_WORKING: Final = re.compile(r"(records|ends|table)\.\d+(\.grown)?")
_MAX_KEPT_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 20


class OtherNotesError(ClientError):
    """Notes that are of another ledger, or in use."""


class _Progress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An :class:`~kpledger.log.audit.AuditProgress` as it is kept."""

    tip: bytes
    signed_tip: bytes
    terms: int
    openings: int
    elected: dict[str, int]
    signed_blocks: int
    events_by_type: dict[str, int]
    signed_up_to: dict[str, int]
    rules: tuple[RulesSince, ...]


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of an audit, in JSON, behind its own hash; bytes are in base64."""

    format: str
    program: str
    """The version that has verified it."""
    chain: str
    number: int
    """Of the table's file."""
    first: int
    """Of those of the records and the ends."""
    state: StateShape
    ends_bytes: int
    ends_checksum: int
    progress: _Progress
    final: bytes | None
    """The end of what is final, as far as was shown."""


@dataclass(slots=True)
class AuditFiles:
    """What an audit works with."""

    state: StateFile
    ends: GrowingFile
    progress: AuditProgress | None
    """How far the audit has come whose files these are; None: there was none."""


@dataclass(frozen=True, slots=True)
class EarlierAudit:
    """An audit that found everything sound."""

    progress: AuditProgress
    final: Tip | None
    """The end of what was final then, as far as was shown."""


class AuditNotes:
    """The directory of the notes on one ledger.

    Attributes:
        earlier: the audit from which can be gone on, if there is one.
        problem: why there is none, if something was kept.
    """

    def __init__(self, directory: Path, genesis: Genesis, stack: ExitStack, *, anew: bool) -> None:
        """Look for what was kept; see :func:`open_notes`."""
        self._directory, self._chain, self._stack = directory, genesis.chain.hex(), stack
        self._files: AuditFiles | None = None
        self._kept: _Kept | None = None
        self.earlier: EarlierAudit | None = None
        self.problem = ""
        try:
            self._kept = self._read()
            if self._kept is not None and not anew:
                self.earlier = _decode(self._kept)
        except (ClientError, LedgerError) as error:
            self.problem = f"what was kept of the last audit cannot be used: {error}"
        if self._kept is not None and self._kept.chain != self._chain:
            problem = f"{directory} holds what was kept of another ledger, {self._kept.chain}"
            raise OtherNotesError(f"{problem}; the genesis file is of {self._chain}")
        self._number = 1 if self._kept is None else self._kept.number + 1
        self._first = self._number
        self._tidy()
        stack.callback(self._tidy)

    def _read(self) -> _Kept | None:
        file = self._directory / KEPT_NAME
        if not file.exists():
            return None
        digest, _, content = read_bounded(file, max_bytes=_MAX_KEPT_BYTES).partition(b"\n")
        if digest != sha256(content).hex().encode():
            raise DamagedStateError(file, "it does not begin with the hash of what follows")
        try:
            kept = msgspec.json.decode(content, type=_Kept)
        except DECODE_ERRORS as error:
            raise DamagedStateError(file, str(error)) from None
        if (kept.format, kept.program) != (_FORMAT, __version__):
            self.problem = f"what was kept of the last audit was verified by version {kept.program}"
            return None
        return kept

    def _tidy(self) -> None:
        """Remove what an audit has left behind of which nothing is kept."""
        belong = set() if self._kept is None else set(self._names(self._kept))
        for one in self._directory.iterdir():
            if _WORKING.fullmatch(one.name) and one.name not in belong:
                one.unlink()

    @staticmethod
    def _names(kept: _Kept) -> tuple[str, str, str]:
        return f"records.{kept.first}", f"ends.{kept.first}", f"table.{kept.number}"

    def go_on(self) -> AuditFiles:
        """Give the files of the earlier audit, to go on with; nothing of what is kept is changed.

        Raises:
            OSError: they cannot be opened, or there is no room.
            ClientError: they are damaged.
        """
        if self._kept is None or self.earlier is None:
            raise LookupError(self._directory)
        self._first = self._kept.first
        records, ends, kept_table = (self._directory / one for one in self._names(self._kept))
        table = self._directory / f"table.{self._number}"
        handle = os.open(table, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with open_file(kept_table, follow=False) as kept, os.fdopen(handle, "wb") as copied:
            shutil.copyfileobj(kept, copied, _PIECE_BYTES)
        state = self._stack.enter_context(closing(StateFile(records, table, self._kept.state)))
        ends_file = self._stack.enter_context(closing(GrowingFile(ends, self._kept.ends_bytes)))
        if _compute_checksum(ends_file) != self._kept.ends_checksum:
            raise DamagedStateError(ends, "its checksum is another one")
        self._files = AuditFiles(state, ends_file, self.earlier.progress)
        return self._files

    def begin(self) -> AuditFiles:
        """Give new files, for an audit from the first block on.

        Raises:
            OSError: they cannot be made.
        """
        self._files = None
        self._number += 1  # a table may be there already
        self._first = self._number
        names = (f"{one}.{self._number}" for one in ("records", "ends", "table"))
        records, ends, table = (self._directory / one for one in names)
        state = self._stack.enter_context(closing(StateFile(records, table)))
        ends_file = self._stack.enter_context(closing(GrowingFile(ends)))
        self._files = AuditFiles(state, ends_file, None)
        return self._files

    def keep(self, final: Tip | None) -> None:
        """Keep the audit that these files are of, which was sound, if it is no shorter.

        Raises:
            OSError: it cannot be written.
            ClientError: likewise.
        """
        files = self._files
        if files is None or files.progress is None:
            raise LookupError(self._directory)
        if (
            self.earlier is not None
            and files.progress.tip.height < self.earlier.progress.tip.height
        ):
            return
        files.ends.sync()
        kept = _Kept(
            format=_FORMAT,
            program=__version__,
            chain=self._chain,
            number=self._number,
            first=self._first,
            state=files.state.sync(),
            ends_bytes=len(files.ends),
            ends_checksum=_compute_checksum(files.ends),
            progress=_encode(files.progress),
            final=None if final is None else encode_tip(final),
        )
        sync_directory(self._directory)
        content = msgspec.json.encode(kept)
        sealed = b"%s\n%s" % (sha256(content).hex().encode(), content)
        write_durably(self._directory / KEPT_NAME, sealed, replace=True)
        self._kept = kept
        self._tidy()


def _compute_checksum(file: GrowingFile) -> int:
    checksum = 0
    for start in range(0, len(file), _PIECE_BYTES):
        checksum = zlib.crc32(file[start : start + _PIECE_BYTES], checksum)
    return checksum


def _encode(progress: AuditProgress) -> _Progress:
    return _Progress(
        tip=encode_tip(progress.tip),
        signed_tip=encode_tip(progress.signed_tip),
        terms=progress.terms,
        openings=progress.openings,
        elected=dict(progress.elected),
        signed_blocks=progress.signed_blocks,
        events_by_type=dict(progress.events_by_type),
        signed_up_to=dict(progress.signed_up_to),
        rules=progress.rules,
    )


def _decode(kept: _Kept) -> EarlierAudit:
    stored = kept.progress
    progress = AuditProgress(
        tip=decode_tip(stored.tip),
        signed_tip=decode_tip(stored.signed_tip),
        terms=stored.terms,
        openings=stored.openings,
        elected=stored.elected,
        signed_blocks=stored.signed_blocks,
        events_by_type=stored.events_by_type,
        signed_up_to=stored.signed_up_to,
        rules=stored.rules,
    )
    return EarlierAudit(progress, None if kept.final is None else decode_tip(kept.final))


@contextmanager
def open_notes(directory: Path, genesis: Genesis, *, anew: bool = False) -> Iterator[AuditNotes]:
    """Open the directory of the notes on a ledger, for this process alone.

    Args:
        directory: it is made if it is not there.
        genesis: of which ledger.
        anew: go on from nothing, whatever is kept.

    Raises:
        OSError: it cannot be read or written.
        ClientError: likewise, others may look into it, or another process works with it.
        OtherNotesError: they are on another ledger.
    """
    names = {one.name for one in directory.iterdir()} if directory.is_dir() else set()
    is_other = directory.exists() and not directory.is_dir()
    if is_other or (names and _LOCK_NAME not in names):
        problem = f"{directory} holds nothing that an audit has kept"
        raise OtherNotesError(f"{problem}; name a directory that does, or a new one")
    make_private_directory(directory)
    busy = OtherNotesError(f"another audit works with {directory}; wait for its end")
    with ExitStack() as stack:
        file = stack.enter_context((directory / _LOCK_NAME).open("ab"))
        lock(file.fileno(), directory, busy=busy)
        yield AuditNotes(directory, genesis, stack, anew=anew)


def try_notes(call: Callable[[], T]) -> T | None:
    """Do something with notes that an audit can do without; say so if it cannot be done."""
    try:
        return call()
    except (ClientError, OSError) as error:
        why = say_trouble(error) if isinstance(error, OSError) else error
        print_trouble(f"warning: the next audit cannot go on from this one: {why}")
        return None


@contextmanager
def open_scratch(genesis: Genesis) -> Iterator[AuditNotes | None]:
    """Open notes that nobody keeps, where TMPDIR says; None where there is no room for any."""
    with ExitStack() as stack:
        try:
            directory = TemporaryDirectory(prefix="kpledger-audit-")
            place = Path(stack.enter_context(directory))
            notes = stack.enter_context(open_notes(place, genesis))
        except (ClientError, OSError):
            notes = None
        yield notes
