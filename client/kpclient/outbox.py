"""The outbox: events that are signed but not on the ledger yet, one file for each.

Sign now, send when a node can be reached. Whatever is sent is here before it is sent, and leaves
only when the ledger has it, or when a rule refused it; sending one twice is harmless, because the
ledger knows it by its id. What was refused after it had waited is kept beside, with the refusal,
until the person who looks at it drops it, or tries it again.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from kpclient.errors import ClientError, FileError
from kpclient.files import lock, make_private_directory, read_bounded, sync_directory, write_durably
from kpledger.api.answers import Problem
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.errors import LedgerError
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES, decode_envelope
from kpledger.scheme.event import Author, Body, SignedEvent

T = TypeVar("T")

MAX_WAITING: Final = 100_000
WAITING: Final = ".envelope"
_REFUSED: Final = ".refused"
_PROBLEM: Final = ".problem"
"""Stands beside what was refused, and says why; JSON."""
_TYPED: Final = ".typed"
"""What was typed, and is not signed yet; JSON."""
_LOCK: Final = "lock"
_NOTES: Final = ".notes"
"""Stands beside an event, and says what was done with it; JSON."""
_NOW_MS: Final = 600_000
"""How far from when an event was signed an instant in it may lie that was left to the clock."""
_MAX_JSON_BYTES: Final = max(MAX_ENVELOPE_BYTES, 64 * 1024)


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """An event in the outbox."""

    event: SignedEvent
    path: Path
    problem: Problem | None = None
    """Why it was refused, if it was and that is known."""
    sent_at: int | None = None
    """When it was sent first, if it was; Unix milliseconds."""
    known_at: int | None = None
    """Of when the answers were that it was made on, if no node was reached."""
    typed: str = ""
    """What was typed and is signed with the event, by the id of its entry."""
    yes: bool = False
    """Whether who made it without a line said that it is meant, whatever it opens."""

    @property
    def was_asked(self) -> bool:
        """Whether who made it knew what it opens, or said that it is meant all the same."""
        return self.yes or self.sent_at is not None

    @property
    def ids(self) -> tuple[str, str]:
        """What it is called by: the event's id, and that of what was typed before."""
        return self.event.event_id.hex(), self.typed


class TypedStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was typed, and lacks what the ledger holds: it is signed when a node is reached."""

    command: str
    type: str
    subject: str
    fields: dict[str, object]
    """The plain value of the body, as far as it was typed."""
    given: dict[str, object]
    """Further parameters of the command."""
    author: str
    keys: tuple[str, ...]
    """The names of the keys that are to sign, the author's first."""
    yes: bool
    """Whether its author was not to be asked again."""
    at_ms: int
    """When it was typed, which is when it occurred; Unix milliseconds."""

    @property
    def name(self) -> str:
        """The name of its file, without suffix."""
        return f"{self.at_ms:016d}-{hashlib.sha256(msgspec.json.encode(self)).hexdigest()}"

    @property
    def entry_id(self) -> str:
        """What the outbox calls it."""
        return self.name.partition("-")[2]

    def is_same(self, other: "TypedStatement") -> bool:
        """Tell whether another says the same, whenever that was."""
        one, two = ((s.fields, s.at_ms) for s in (self, other))
        # Whoever is asked to say it says the same as before.
        rest = msgspec.structs.replace(other, fields=self.fields, at_ms=self.at_ms, yes=self.yes)
        return rest == self and _forget_now(*one) == _forget_now(*two)


class _Notes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    sent_at: int | None = None
    known_at: int | None = None
    typed: str = ""
    yes: bool = False


class Outbox:
    """The events that wait in one directory."""

    def __init__(self, directory: Path, *, warn: Callable[[str], None]) -> None:
        """Look at a directory; it is made when the first event is put in.

        A file in it that is damaged keeps nothing else from being said or sent: it is told of
        by ``warn``, once, and passed over.
        """
        self._directory = directory
        self._warn = warn
        self._told: set[Path] = set()

    @contextmanager
    def signing(self) -> Iterator[None]:
        """Let nobody else sign what was typed: two commands would make two events of it.

        Raises:
            ClientError: somebody does, or nobody can know.
        """
        make_private_directory(self._directory)
        with (self._directory / _LOCK).open("ab") as file:
            problem = "another command signs and sends what waits in the outbox"
            busy = ClientError(f"{problem}; try again when it has ended")
            lock(file.fileno(), self._directory, busy=busy)
            yield

    def put(
        self,
        event: SignedEvent,
        *,
        sent_at: int | None = None,
        known_at: int | None = None,
        typed: str = "",
        yes: bool = False,
    ) -> OutboxEntry:
        """Keep an event durably, once; and what of it is known first (:class:`OutboxEntry`).

        What was ``typed`` before it was signed does not wait any more from then on.
        """
        make_private_directory(self._directory)
        # Names ascend in time: events on one certificate must be sent in the order they were made.
        name = f"{event.header.occurred_at:016d}-{event.event_id.hex()}"
        path = self._directory / f"{name}{WAITING}"
        notes = path.with_suffix(_NOTES)
        old = _read_notes(notes)
        new = _Notes(
            sent_at=old.sent_at or sent_at,
            known_at=old.known_at or known_at,
            typed=old.typed or typed,
            yes=old.yes or yes,
        )
        if new != old:
            write_durably(notes, msgspec.json.encode(new), replace=True)
        if not path.exists():
            write_durably(path, event.encoded, replace=True)
        return OutboxEntry(event, path, None, **msgspec.structs.asdict(new))

    def find_same(
        self, statement: "Statement", *, but_for: Collection[str] = ()
    ) -> OutboxEntry | None:
        """Find what waits and states the same, ``but_for`` some fields of the body.

        Whoever repeats a command means one event.
        """
        content = statement.content(but_for)
        return next(
            (one for one in self.waiting() if state(one.event).content(but_for) == content), None
        )

    def waiting(self) -> tuple[OutboxEntry, ...]:
        """Give the events that wait, oldest first, at most :data:`MAX_WAITING`."""
        return tuple(self._read_all(WAITING, _read_entry))

    def refused(self) -> tuple[OutboxEntry, ...]:
        """Give the events that were refused, oldest first, at most :data:`MAX_WAITING`."""
        return tuple(self._read_all(_REFUSED, _read_entry))

    def put_typed(self, typed: TypedStatement) -> None:
        """Keep what was typed durably, to be signed later."""
        make_private_directory(self._directory)
        path = self._directory / f"{typed.name}{_TYPED}"
        write_durably(path, msgspec.json.encode(typed), replace=True)

    def typed(self) -> tuple[TypedStatement, ...]:
        """Give what waits to be signed, oldest first."""
        # A command that was killed may have signed one and not come to forgetting what was typed.
        signed = {
            _read_notes(path.with_suffix(_NOTES)).typed
            for suffix in (WAITING, _REFUSED)
            for path in self._paths(suffix)
        }
        found = self._read_all(_TYPED, _read_typed)
        return tuple(one for one in found if one.entry_id not in signed)

    def remove(self, entry: OutboxEntry) -> None:
        """Forget an event that is on the ledger."""
        self._forget_typed(entry.path)
        for suffix in (WAITING, _NOTES):
            entry.path.with_suffix(suffix).unlink(missing_ok=True)
        sync_directory(self._directory)

    def set_aside(self, entry: OutboxEntry, problem: Problem) -> None:
        """Keep an event that was refused, and why, but send it no more."""
        reason = entry.path.with_suffix(_PROBLEM)
        write_durably(reason, msgspec.json.encode(problem), replace=True)
        entry.path.replace(entry.path.with_suffix(_REFUSED))
        sync_directory(self._directory)

    def take_back(self, entry: OutboxEntry) -> None:
        """Let an event that was refused wait to be sent again."""
        entry.path.replace(entry.path.with_suffix(WAITING))
        entry.path.with_suffix(_PROBLEM).unlink(missing_ok=True)
        sync_directory(self._directory)

    def drop(self, event_id: str) -> bool:
        """Forget an event, whatever became of it, even a damaged one; tells whether it was here."""
        found = [one for one in self._directory.glob("*") if _event_id_of(one) == event_id]
        for path in found:
            self._forget_typed(path)
            path.unlink()
        if found:
            sync_directory(self._directory)
        return bool(found)

    def _forget_typed(self, path: Path) -> None:
        """Forget what was typed for an event, before the event itself is forgotten."""
        typed = _read_notes(path.with_suffix(_NOTES)).typed
        for one in self._directory.glob(f"*-{typed}{_TYPED}") if typed else ():
            one.unlink(missing_ok=True)

    def _read_all(self, suffix: str, read: Callable[[Path], T]) -> Iterator[T]:
        for path in self._paths(suffix):
            try:
                yield read(path)
            except FileError as error:
                if path not in self._told:
                    self._told.add(path)
                    advice = f"forget it with: kpledger outbox drop {_event_id_of(path)}"
                    self._warn(f"warning: {error}; {advice}")

    def _paths(self, suffix: str) -> list[Path]:
        return sorted(self._directory.glob(f"*{suffix}"))[:MAX_WAITING]


def _event_id_of(path: Path) -> str:
    return path.stem.partition("-")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an event states and who signs it, whether or not it is signed."""

    author: Author
    subject: str
    body: Body
    signers: frozenset[bytes]
    at_ms: int

    def content(self, but_for: Collection[str]) -> tuple[object, ...]:
        """Give all of it without when that was; likewise ``but_for`` some fields of the body."""
        plain = msgspec.to_builtins(self.body, builtin_types=(bytes,))
        said = {name: value for name, value in plain.items() if name not in but_for}
        return (
            self.author,
            self.body.TYPE,
            self.subject,
            _forget_now(said, self.at_ms),
            self.signers,
        )


def state(event: SignedEvent) -> Statement:
    """Give what an event states; what it follows is no part of it."""
    header = event.header
    return Statement(
        author=header.author,
        subject=header.subject,
        body=event.body,
        signers=frozenset(event.signers),
        at_ms=header.occurred_at,
    )


def _forget_now(value: object, now_ms: int) -> object:
    """Leave out of a plain body the instants that the clock gave while it was written."""
    match value:
        case dict():
            return {name: _forget_now(one, now_ms) for name, one in value.items()}
        case list() | tuple():
            return [_forget_now(one, now_ms) for one in value]
        case int() if abs(value - now_ms) <= _NOW_MS:
            return None
    return value


def _read(path: Path) -> SignedEvent:
    try:
        return decode_envelope(read_bounded(path, max_bytes=MAX_ENVELOPE_BYTES))
    except LedgerError as error:
        raise FileError(path, f"it holds no event ({error})") from None


def _read_entry(path: Path) -> OutboxEntry:
    notes = _read_notes(path.with_suffix(_NOTES))
    problem = _read_problem(path.with_suffix(_PROBLEM))
    return OutboxEntry(_read(path), path, problem, **msgspec.structs.asdict(notes))


def _read_typed(path: Path) -> TypedStatement:
    return _load(path, TypedStatement, "it holds no statement")


def _read_problem(path: Path) -> Problem | None:
    return _load(path, Problem, "it says of no event why it was refused") if path.exists() else None


def _read_notes(path: Path) -> _Notes:
    try:
        return _load(path, _Notes, "it holds no notes") if path.exists() else _Notes()
    except FileError:
        return _Notes(sent_at=0)  # that it was sent is the safe thing to believe


def _load(path: Path, kind: type[T], lacks: str) -> T:
    try:
        return msgspec.json.decode(read_bounded(path, max_bytes=_MAX_JSON_BYTES), type=kind)
    except DECODE_ERRORS as error:
        raise FileError(path, f"{lacks}: {error}") from None
