"""What was seen of each ledger, so that no node can show an older or another one unnoticed.

What is kept for each chain id weighs differently. *Proven* are positions up to which this client
has verified the chain itself: the furthest one, and every other that could not be connected with
it. Whoever verifies a chain later looks on it for all of them. Those that are on it are connected,
and the new position stands for them; one that should be there and is not is a *fork*: both sides
are kept, and said at every occasion, until a person has looked into it. A longer chain never takes
the place of another one only because it is longer. Proven as well is a *commit certificate*, the
newest one seen. *Claimed* is what each node said last, in a status that nobody signs. Where claims
contradict each other the reader is told who says what, and nobody is refused: otherwise whoever
lies once would lock out every honest node.

Kept as well is the newest checkpoint that was seen sealed, which every node has to extend
(:mod:`kpclient.net.checkpoints`), and who was waited for in vain a moment ago, so that not every
command waits anew.
"""

import fcntl
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Final, TypeVar

import msgspec

from kpclient.errors import ClientError, FileError
from kpclient.files import UnwritableError, make_private_directory, read_bounded, write_durably
from kpclient.sightings import (
    Position,
    Seen,
    Sighting,
    contradict,
    describe_final,
    describe_sighting,
    is_missing,
)
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.errors import LedgerError
from kpledger.command import EXIT_REFUSED
from kpledger.log.certificates import CommitCertificate
from kpledger.log.checkpoint import Checkpoint, parse_checkpoint
from kpledger.log.evidence import Evidence, kind_of_evidence
from kpledger.log.evidence_file import encode_evidence, evidence_id, format_evidence
from kpledger.log.note import MAX_NOTE_BYTES, parse_note
from kpledger.reading import say_trouble

_MAX_FILE_BYTES: Final = 1 << 20
_MAX_CLAIMS: Final = 64
"""Nodes whose claims are kept, those that were asked last."""
MAX_OTHERS: Final = 64
"""Positions that are kept because nobody knows yet how they are connected with the furthest one."""
MAX_EVIDENCE_FILES: Final = 256
"""Files of one kind of evidence that are kept."""
_HUNG_MS: Final = 600_000
"""So long a node that hung is asked last."""


V = TypeVar("V")


class ContradictionError(ClientError):
    """Two positions of one ledger that cannot both be true."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, node: str, seen: Position, shown: Position) -> None:
        super().__init__(
            f"{node} shows {shown}, which cannot be connected with what was verified"
            f" here before, {seen}: the ledger has forked, or that node lies. Both are"
            f" kept (kpledger seen list). What to do: compare that node with others (kpledger"
            f" compare {node} URL), and rely on nothing that it shows meanwhile"
        )


class ForkError(ClientError):
    """Histories of one ledger, each verified here, that exclude each other."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, seen: Seen, what: str) -> None:
        told = "; ".join(map(describe_sighting, seen.sightings))
        super().__init__(
            f"fork: the ledger has more than one history: {what}. All are kept: {told}. What to"
            " do: compare the nodes and copies (kpledger compare URL URL), tell their operators,"
            " and record nothing before it is clear which history holds; then let the others be"
            " forgotten (kpledger seen forget HEAD)"
        )


class DamagedMemoryError(FileError):
    """The file of what was seen cannot be understood."""

    TROUBLE: ClassVar[str] = " is damaged"


class Memory:
    """What was seen of one ledger, in files of its own."""

    def __init__(
        self, directory: Path, chain: bytes, *, warn: Callable[[str], None] | None = None
    ) -> None:
        """Look at the files of this ledger; without ``warn`` it is an error if none can be made."""
        self._warn = warn
        self._path = directory / f"{chain.hex()}.json"
        self._claims = directory / f"{chain.hex()}.claims.json"
        self._hung = directory / f"{chain.hex()}.hung.json"
        self._checkpoint = directory / f"{chain.hex()}.checkpoint"
        self._lock = directory / f"{chain.hex()}.lock"

    def load(self) -> Seen:
        """Give what was proven; a file of an earlier version holds the furthest position alone.

        Raises:
            DamagedMemoryError: the file cannot be understood.
        """
        if not self._path.exists():
            return Seen()
        try:
            content = read_bounded(self._path, max_bytes=_MAX_FILE_BYTES)
            with suppress(msgspec.ValidationError):
                return msgspec.json.decode(content, type=Seen)
            position = msgspec.json.decode(content, type=Position)
        except DECODE_ERRORS as error:
            raise DamagedMemoryError(self._path, str(error)) from None
        return Seen(furthest=Sighting(position=position))

    def load_claims(self) -> dict[str, Position]:
        """Give what each node has claimed last, by its URL; worth nothing, so none if damaged."""
        return _load_by_node(self._claims, Position)

    def load_hung(self, *, now_ms: int) -> dict[str, int]:
        """Give the nodes that were waited for in vain lately, and when; worth nothing either."""
        hung = _load_by_node(self._hung, int)
        return {node: at_ms for node, at_ms in hung.items() if 0 <= now_ms - at_ms <= _HUNG_MS}

    def note_hung(self, nodes: Collection[str], *, answered: Collection[str], now_ms: int) -> None:
        """Keep who was waited for in vain now, and forget it of who has answered."""
        known = self.load_hung(now_ms=now_ms)
        found = {node: at_ms for node, at_ms in known.items() if node not in answered}
        found |= dict.fromkeys(nodes, now_ms)
        if found != known:
            self._try_to_write(self._hung, dict([*found.items()][-_MAX_CLAIMS:]))

    def accept(
        self, shown: Position, *, node: str, heads: Mapping[int, bytes], now_ms: int
    ) -> None:
        """Keep a position up to which a chain was verified here, and connect what was seen with it.

        Args:
            shown: the end of the chain.
            node: who showed it.
            heads: the heads of that chain at the heights of all sightings up to there.
            now_ms: Unix milliseconds.

        Raises:
            ForkError: something that was seen is not on the chain, or was found so before.
            DamagedMemoryError: the file cannot be understood.
        """
        with self._locked():
            self._accept(Sighting(position=shown, node=node, seen_at=now_ms), heads)

    def _accept(self, sighting: Sighting, heads: Mapping[int, bytes]) -> None:
        seen, shown, node = self.load(), sighting.position, sighting.node
        heads = {**heads, shown.height: shown.head}
        missing = [one for one in seen.sightings if is_missing(one.position, shown, heads)]
        open_still = [
            one
            for one in seen.sightings
            if one in missing or heads.get(one.position.height) != one.position.head
        ]
        final = seen.certificate
        if final is not None and heads.get(final.index, final.head) == final.head:
            final = None
        is_forked = seen.is_forked or bool(missing) or final is not None
        known = self._keep(seen, sighting, open_still)
        known = msgspec.structs.replace(known, is_forked=is_forked)
        if known != seen:
            self._write(self._path, known)
        self._settle_claims(shown)
        if missing:
            raise ForkError(known, f"{describe_sighting(missing[0])} is not on what {node} shows")
        if final is not None:
            raise ForkError(known, f"{describe_final(final)} is not on what {node} shows")
        if known.is_forked:
            raise ForkError(known, "that was found before, and nobody has settled it")

    def _keep(self, seen: Seen, sighting: Sighting, open_still: Collection[Sighting]) -> Seen:
        """Give what is known with a further sighting, which stands for all but these."""
        if seen.furthest is None or seen.furthest not in open_still:
            others = tuple(open_still)
            return msgspec.structs.replace(seen, furthest=sighting, others=others)
        others = tuple(one for one in seen.others if one in open_still)
        if len(others) < MAX_OTHERS:
            return msgspec.structs.replace(seen, others=(*others, sighting))
        full = f"{len(others)} positions wait to be connected, and no more can be kept"
        self._say(f"{full}: {describe_sighting(sighting)} is not remembered (kpledger seen list)")
        return msgspec.structs.replace(seen, others=others)

    def certify(self, certificate: CommitCertificate) -> CommitCertificate | None:
        """Keep a commit certificate that was verified, if it is the newest.

        Gives the one that was seen before, if the two cannot both be: then neither is forgotten.

        Raises:
            DamagedMemoryError: the file cannot be understood.
        """
        with self._locked():
            seen = self.load()
            before = seen.certificate
            if before is not None and before.index == certificate.index:
                if before.head == certificate.head:
                    return None
                if not seen.is_forked:
                    self._write(self._path, msgspec.structs.replace(seen, is_forked=True))
                return before
            if before is None or before.index < certificate.index:
                self._write(self._path, msgspec.structs.replace(seen, certificate=certificate))
            return None

    def note_fork(self, ends: Iterable[Sighting], evidence: Iterable[Evidence]) -> None:
        """Keep the ends of histories that were found to exclude each other, and who signed both.

        Raises:
            DamagedMemoryError: the file cannot be understood.
        """
        with self._locked():
            seen = known = self.load()
            for end in ends:
                if all(one.position.head != end.position.head for one in known.sightings):
                    known = self._keep(known, end, known.sightings)
            # Without any head there is nothing that somebody could have forgotten again.
            is_forked = bool(known.sightings or known.certificate)
            known = msgspec.structs.replace(known, is_forked=is_forked)
            if known != seen:
                self._write(self._path, known)
        for one in evidence:
            self.keep_evidence(one)

    def keep_evidence(self, evidence: Evidence) -> Path | None:
        """Write evidence beside what was seen, once; gives the file, None if there can be none.

        Who has a voter's key can make evidence against it without end: of each kind some is enough.
        """
        name = evidence_id(encode_evidence(evidence)).hex()[:16]
        kind = f".{kind_of_evidence(evidence)}-"
        file = self._path.with_suffix(f"{kind}{name}.json")
        others = self._path.parent.glob(f"{self._path.stem}{kind}*.json")
        if not file.exists() and sum(1 for _ in others) < MAX_EVIDENCE_FILES:
            self._write(file, format_evidence(evidence))
        return file if file.exists() else None

    def load_checkpoint(self) -> bytes | None:
        """Give the newest sealed checkpoint that was seen, as a note; None if it cannot be read."""
        try:
            return read_bounded(self._checkpoint, max_bytes=MAX_NOTE_BYTES)
        except FileError:
            return None

    def load_sealed(self) -> Checkpoint | None:
        """Say of which tree that checkpoint is."""
        note = self.load_checkpoint()
        try:
            return None if note is None else parse_checkpoint(parse_note(note).text)
        except LedgerError:
            return None

    def keep_checkpoint(self, note: bytes, size: int) -> None:
        """Keep a sealed checkpoint over so many events, if it is the newest."""
        with self._locked():
            known = self.load_sealed()
            if known is None or known.size < size:
                with suppress(FileError, OSError):
                    self._write(self._checkpoint, note)

    def forget(self, head: bytes) -> bool:
        """Forget what was seen with this head, and that it was a fork; says whether there was any.

        The root of a checkpoint serves as well.

        Raises:
            DamagedMemoryError: the file cannot be understood.
        """
        with self._locked():
            sealed = self.load_sealed()
            if sealed is not None and sealed.root == head:
                self._checkpoint.unlink()
                return True
            seen = self.load()
            left = [one for one in seen.sightings if one.position.head != head]
            certificate = seen.certificate
            if certificate is not None and certificate.head == head:
                certificate = None
            if len(left) == len(seen.sightings) and certificate == seen.certificate:
                return False
            furthest = max(left, key=lambda one: one.position.height, default=None)
            if seen.furthest in left:
                furthest = seen.furthest
            others = tuple(one for one in left if one != furthest)
            known = Seen(furthest=furthest, others=others, certificate=certificate)
            self._write(self._path, known)
            return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let no other process change what is proven meanwhile; where nothing can be kept, none."""
        with ExitStack() as stack:
            with suppress(OSError, FileError):
                make_private_directory(self._lock.parent)
                file = stack.enter_context(self._lock.open("a"))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _settle_claims(self, shown: Position) -> None:
        """Forget claims that are decided by what was verified."""
        claims = self.load_claims()
        open_still = {
            url: claim
            for url, claim in claims.items()
            if claim.height > shown.height and not contradict(claim, shown)
        }
        if open_still != claims:
            self._write(self._claims, open_still)

    def hear(self, claim: Position, *, node: str) -> list[str]:
        """Take what a node claims; gives in words what contradicts it that is not proven, either.

        That is what other nodes have claimed, and what else was verified of which nobody knows
        whether it is on the chain.

        Raises:
            ContradictionError: it contradicts what was proven.
            DamagedMemoryError: what was proven cannot be understood.
        """
        seen, claims = self.load(), self.load_claims()
        before = claims.pop(node, None)
        if before != claim:
            kept = [*claims.items(), (node, claim)][-_MAX_CLAIMS:]
            self._try_to_write(self._claims, dict(kept))
        if seen.furthest is not None and contradict(seen.furthest.position, claim):
            raise ContradictionError(node, seen.furthest.position, claim)
        doubts = [
            f"{node} claims {claim}, but {describe_sighting(one)}"
            for one in seen.others
            if contradict(claim, one.position)
        ]
        doubts += [
            f"{node} claims {claim}, but {url} has claimed {other}"
            for url, other in claims.items()
            if contradict(claim, other)
        ]
        return doubts

    def contradicting_claims(self) -> dict[str, Position]:
        """Give what nodes have claimed last that contradicts what was proven, by their URLs."""
        furthest = self.load().furthest
        return {
            node: claim
            for node, claim in self.load_claims().items()
            if furthest is not None and contradict(furthest.position, claim)
        }

    def _try_to_write(self, path: Path, content: Mapping[str, Position | int]) -> None:
        """Write what a home that cannot be written may do without."""
        with suppress(FileError, OSError):
            self._write(path, content)

    def _write(self, path: Path, content: Seen | Mapping[str, Position | int] | bytes) -> None:
        try:
            make_private_directory(path.parent)
            encoded = content if isinstance(content, bytes) else msgspec.json.encode(content)
            write_durably(path, encoded, replace=True)
        except (OSError, UnwritableError) as error:
            if self._warn is None:
                raise
            why = say_trouble(error) if isinstance(error, OSError) else error
            self._say(f"what nodes claim and what is verified is not remembered: {why}")
            self._warn = lambda _: None  # once is enough

    def _say(self, text: str) -> None:
        if self._warn is not None:
            self._warn(f"warning: {text}")


def _load_by_node(path: Path, kind: type[V]) -> dict[str, V]:
    if not path.exists():
        return {}
    try:
        content = read_bounded(path, max_bytes=_MAX_FILE_BYTES)
        return msgspec.json.decode(content, type=dict[str, kind])  # type: ignore[valid-type]
    except DECODE_ERRORS:
        return {}
