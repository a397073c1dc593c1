"""What one node has heard of what others signed: verified, bounded, and compared.

Of commit certificates the newest of each of the last few terms is kept; of checkpoints, and of what
voters say in consensus, what :mod:`kpnode.gossip.notes` and :mod:`kpnode.gossip.statements` keep;
of where nodes are, what :mod:`kpnode.gossip.addresses` does.
Evidence is what the node has on its docket, and what was found just now. Which of two nodes tells
the other first makes no difference in the end.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from kpledger.api.gossip import (
    MAX_GOSSIP_BYTES,
    MAX_RUMOUR_BYTES,
    MAX_RUMOURS,
    GossipMessage,
    Rumour,
    decode_rumour,
    rumour_id,
)
from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CommitCertificate, LeaderCertificate, decode_opening
from kpledger.log.conviction import EvidenceError
from kpledger.log.evidence import MAX_PATH_HEADERS, Evidence
from kpledger.log.evidence_file import encode_evidence
from kpledger.log.findings import find_fork, wrap_statement
from kpledger.log.genesis import Genesis
from kpledger.log.note import Note, format_note, parse_note
from kpledger.log.statements import BindingStatement, Electorate, SignatureCheck
from kpledger.log.two_histories import Stretch
from kpnode.docket import Exhibit, judge_encoded
from kpnode.gossip.addresses import AddressBook
from kpnode.gossip.notes import Notes, OwnTree
from kpnode.gossip.statements import OwnBlocks, Statements

_BROKEN_BLOCK: Final = "E7"
_FORK: Final = "E8"
_TERMS: Final = 4
"""Of so many terms the newest certificate is kept."""
_FOUND: Final = 32
"""Pieces of evidence that are told before they are on the docket."""
_PASSED: Final = 4096
"""Rumours that are not looked at again: they were wrong, or told nothing new, or were judged."""
_WAITING: Final = 64
"""Certificates of blocks that are not here yet."""
_HEAD_BYTES: Final = 1024
_ENTRY_BYTES: Final = 5
"""What stands before a rumour in a message."""

T = TypeVar("T")


class OwnHistory(OwnBlocks, Protocol):
    """The chain that is final here, and what says so."""

    @property
    def newest_commit(self) -> CommitCertificate | None:
        """The certificate of its end, or of the last block that has one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of rumours that were told."""

    is_news: bool
    """Whether anything of them was new."""
    evidence: tuple[bytes, ...]
    """What convicts somebody, or shows a fork, and was not known."""
    ahead: tuple[CommitCertificate, ...]
    """Certificates of blocks that are not here yet."""
    checkpoints: tuple[Note, ...]
    """Checkpoints among them that nodes have signed."""
    problems: tuple[str, ...]
    """What was wrong with those that are not kept."""


@dataclass(frozen=True, slots=True)
class OwnWord:
    """What this node knows besides."""

    said: tuple[BindingStatement | LeaderCertificate, ...] = ()
    """What it has heard in consensus."""
    best: Note | None = None
    """The best checkpoint that it hands out."""


_NOTHING: Final = OwnWord()


class Rumours:
    """What one node tells others; one thread at a time may use it."""

    def __init__(
        self,
        genesis: Genesis,
        history: OwnHistory,
        tree: OwnTree,
        exhibits: Callable[[], Iterable[Exhibit]],
        check: SignatureCheck,
        *,
        addresses: AddressBook,
    ) -> None:
        """Know what the node knows; ``exhibits`` gives the evidence that it has."""
        self._genesis = genesis
        self._electorate = Electorate.of(genesis)
        self._history = history
        self._exhibits = exhibits
        self._addresses = addresses
        self._check = check
        self._notes = Notes(self._electorate, tree, check)
        self._best: Note | None = None
        self._statements = Statements(self._electorate, history, check)
        self._certificates: dict[int, CommitCertificate] = {}
        """By term."""
        self._waiting: dict[bytes, CommitCertificate] = {}
        """By head, those of blocks that the own chain has not reached."""
        self._found: dict[bytes, Exhibit] = {}
        self._new: list[bytes] = []
        """What was found since somebody took it from here."""
        self._passed: dict[bytes, None] = {}

    def message(self, known: Collection[bytes] | None = None) -> GossipMessage:
        """Say what this node has; with what it lacks of that for one who knows only so much."""
        told = self._all()
        rumours = [] if known is None else _fit(told, known)
        return GossipMessage(
            chain=self._genesis.chain,
            config_hash=self._genesis.config_hash,
            has=tuple(sorted(told)),
            rumours=tuple(rumours),
        )

    def take(self, rumours: Iterable[bytes], own: OwnWord = _NOTHING) -> Taken:
        """Take what another node tells, as far as it holds; and what this node knows."""
        self._hear(own)
        checkpoints: list[Note] = []
        told, is_news, problems = self._all(), False, []
        for encoded in rumours:
            name = rumour_id(encoded)
            if name in told or name in self._passed:
                continue
            try:
                rumour = decode_rumour(encoded)
                is_kept = self._take(rumour)
                if rumour.checkpoint is not None:
                    checkpoints.append(parse_note(rumour.checkpoint.encode()))
            except LedgerError as error:
                problems.append(str(error))
                _remember(self._passed, name, None, _PASSED)
                continue
            is_news |= is_kept
            if not is_kept or rumour.evidence is not None:
                _remember(self._passed, name, None, _PASSED)
        self._addresses.save()
        evidence, ahead = self.review(), tuple(self._waiting.values())
        return Taken(is_news, evidence, ahead, tuple(checkpoints), tuple(problems))

    def review(self) -> tuple[bytes, ...]:
        """Compare what was heard with how far the own ledger has come; gives new evidence."""
        own = self._history.newest_commit
        if own is not None:
            self._keep(own)
        waiting, self._waiting = self._waiting, {}
        for certificate in waiting.values():
            self._compare(certificate)
        self._notes.review()
        found = *self._notes.found, *self._statements.found
        self._notes.found, self._statements.found = [], []
        for evidence in found:
            self._accuse(evidence)
        known = {one.encoded for one in self._exhibits()}
        new, self._new = self._new, []
        return tuple(one for one in new if one not in known)

    def _hear(self, own: OwnWord) -> None:
        # What this node goes by itself was verified.
        with suppress(LedgerError):
            self._best = own.best
            if own.best is not None:
                self._notes.take(own.best)
            for said in own.said:
                if isinstance(said, LeaderCertificate):
                    self._statements.take_opening(said)
                else:
                    self._statements.take(said)

    def _all(self) -> dict[bytes, bytes]:
        """Give all that is told, by its ids; what matters most first."""
        told: dict[bytes, bytes] = {}
        for rumour in self._rumours():
            encoded = encode(rumour)
            if len(encoded) <= MAX_RUMOUR_BYTES and len(told) < MAX_RUMOURS:
                told[rumour_id(encoded)] = encoded
        return told

    def _rumours(self) -> Iterator[Rumour]:
        for exhibit in (*self._exhibits(), *self._found.values()):
            # Trade may stand in a block that is shown; whoever may read blocks asks for it.
            if exhibit.conviction.kind != _BROKEN_BLOCK:
                yield Rumour(evidence=exhibit.encoded)
        own = self._history.newest_commit
        for certificate in (*self._certificates.values(), *([own] if own else ())):
            yield Rumour(certificate=certificate)
        if self._best is not None:
            yield Rumour(checkpoint=format_note(self._best).decode())
        for note in self._notes.tell(but="" if self._best is None else self._best.text):
            yield Rumour(checkpoint=note)
        for said in self._statements:
            if isinstance(said, LeaderCertificate):
                yield Rumour(opening=said.encoded)
            else:
                yield Rumour(statement=wrap_statement(said))
        yield from (Rumour(address=one) for one in self._addresses.records.values())

    def _take(self, rumour: Rumour) -> bool:
        """Take one rumour; tells whether it is kept.

        Raises:
            LedgerError: it does not hold.
        """
        if rumour.address is not None:
            return self._addresses.take(rumour.address)
        if rumour.certificate is not None:
            rumour.certificate.verify(self._electorate, self._check)
            return self._keep(rumour.certificate)
        if rumour.checkpoint is not None:
            return self._notes.take(parse_note(rumour.checkpoint.encode()))
        if rumour.statement is not None:
            return self._statements.take(rumour.statement.one)
        if rumour.opening is not None:
            return self._statements.take_opening(decode_opening(rumour.opening))
        return rumour.evidence is not None and self._judge(rumour.evidence)

    def _keep(self, certificate: CommitCertificate) -> bool:
        """Keep the newest certificate of its term, if that is one of the last."""
        for other in self._certificates.values():
            if certificate.head != other.head:
                self._accuse(find_fork(self._electorate, other, certificate, check=self._check))
        self._compare(certificate)
        self._statements.compare(certificate.acknowledgements)
        known = self._certificates.get(certificate.term)
        if known is not None and known.index >= certificate.index:
            return False
        self._certificates[certificate.term] = certificate
        while len(self._certificates) > _TERMS:
            del self._certificates[min(self._certificates)]
        return certificate.term in self._certificates

    def _compare(self, certificate: CommitCertificate) -> None:
        """Hold a certificate against the block that is final here."""
        head, newest = self._history.head_at(certificate.index), self._history.newest_commit
        if head is None:
            _remember(self._waiting, certificate.head, certificate, _WAITING)
        elif head != certificate.head and newest is not None:
            last = min(newest.index, certificate.index + MAX_PATH_HEADERS)
            shown = self._history.shown(certificate.index, last)
            openings = Stretch(shown, ()).openings()
            self._accuse(
                find_fork(
                    self._electorate,
                    newest,
                    certificate,
                    shown=shown,
                    openings=openings,
                    check=self._check,
                )
            )

    def _accuse(self, evidence: Evidence | None) -> None:
        if evidence is not None:
            # What nobody could read again is not worth telling.
            with suppress(LedgerError):
                self._judge(encode_evidence(evidence))

    def _judge(self, encoded: bytes) -> bool:
        """Keep evidence until it is on the docket, if it convicts somebody or shows a fork.

        Raises:
            LedgerError: it shows nothing.
        """
        exhibit = judge_encoded(encoded, self._electorate, self._check)
        conviction = exhibit.conviction
        if not conviction.guilt.convicts and conviction.kind != _FORK:
            raise EvidenceError(conviction.kind, "it convicts nobody")
        if encoded in self._found:
            return False
        _remember(self._found, encoded, exhibit, _FOUND)
        self._new.append(encoded)
        return True


def _fit(told: dict[bytes, bytes], known: Collection[bytes]) -> Iterator[bytes]:
    """Give what is not known, as much as a message has room for."""
    room = MAX_GOSSIP_BYTES - _HEAD_BYTES - sum(len(one) + 2 for one in told)
    for name, encoded in told.items():
        if name not in known and len(encoded) + _ENTRY_BYTES <= room:
            room -= len(encoded) + _ENTRY_BYTES
            yield encoded


def _remember(kept: dict[bytes, T], name: bytes, value: T, most: int) -> None:
    """Keep something under a name, and of all only so many, the newest."""
    kept[name] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
