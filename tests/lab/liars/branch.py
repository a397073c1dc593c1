"""A second chain beside the log of a lying leader, and what is certified on it."""

from lab.liars.blocks import Block, follow, seal
from lab.liars.node import Voter
from lab.simulator.founded import make_event

from kpledger.base.codec import encode
from kpledger.log.certificates import CommitCertificate, certify_commit
from kpledger.log.statements import Acknowledgement
from kpnode.raft import Entry, EntryKind, Index

_FIRST_EVENT = 10_000


class Branch:
    """The blocks that one half of the voters is shown, in one term.

    Up to the block that opened the term it is the log itself.
    """

    def __init__(self, voter: Voter) -> None:
        """Begin one at the block that opened the term of a leader."""
        self.term = voter.core.term
        self.certificate: CommitCertificate | None = None
        """The newest of a block of this branch."""
        self._voter = voter
        self._blocks: dict[int, Block] = {}
        self._acknowledged: dict[int, dict[str, Acknowledgement]] = {}

    def at(self, index: int) -> Block | None:
        """Give the block at a height, made if need be; None if the log has none."""
        own = self._voter.machine.at(index)
        if own is None or own.header.term != self.term or not own.events:
            return own
        if index not in self._blocks:
            before = self.at(index - 1)
            if before is None:
                return None
            events = (make_event(self._voter.roll.genesis, _FIRST_EVENT + index).encoded,)
            time_ms = own.header.time_ms
            header, tree = follow(before, self._voter.name, self.term, time_ms, events)
            self._blocks[index] = seal(header, tree, events, self._voter.key)
        return self._blocks[index]

    def retell(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """Give the entries of the branch in the place of those of the log."""
        return tuple(self._retell(entry) for entry in entries)

    def _retell(self, entry: Entry) -> Entry:
        block = self.at(entry.index) if entry.kind is EntryKind.BLOCK else None
        return entry if block is None or entry.term != self.term else block.entry

    def gather(self, said: Acknowledgement, accomplices: list[Voter]) -> bool:
        """Take in an acknowledgement of this branch; tell whether it is one.

        The leader itself and its accomplices acknowledge whatever is needed.
        """
        block = self._blocks.get(said.index)
        if block is None or (said.term, said.head) != (self.term, block.head):
            return False
        known = self._acknowledged.setdefault(said.index, {})
        known[said.voter] = said
        for voter in (self._voter, *accomplices):
            known[voter.name] = voter.signer.acknowledge(block.end)
        newest = self.certificate
        is_final = len(known) >= self._voter.roll.electorate.majority
        if is_final and (newest is None or newest.index < said.index):
            self.certificate = certify_commit(known.values())
        return True

    @property
    def final(self) -> Index:
        """How far the branch is certified; 0 if it is not."""
        return Index(0 if self.certificate is None else self.certificate.index)

    @property
    def encoded(self) -> bytes | None:
        """The newest certificate of the branch."""
        return None if self.certificate is None else encode(self.certificate)
