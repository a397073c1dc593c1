"""What of a chain is final: its blocks compared with commit certificates.

A majority that has signed for a block has signed for all before it. Two certificates for different
blocks of one height are two histories, each of which somebody may have been told is the only one.
"""

import struct
from dataclasses import dataclass, field
from typing import Final, Protocol

from kpledger.log.certificates import CommitCertificate
from kpledger.log.statements import Electorate, LogEnd, SignatureCheck, verifies

_END: Final = struct.Struct(">Q32s")


@dataclass(frozen=True, slots=True)
class Finality:
    """How far up a chain is final, as far as certificates show."""

    up_to: int = 0
    """The highest block that a majority has signed for; 0 if none is shown."""
    by: tuple[str, ...] = ()
    """Who has, in ascending order."""
    beyond: int = 0
    """The highest certified block above the end of the chain; 0 if there is none."""
    other: CommitCertificate | None = None
    """Of another block than the one at its height, the lowest such: there are two histories."""


NOTHING_FINAL: Final = Finality()


class Ends(Protocol):
    """The ends that a chain has had, in rows of bytes by height from 0 on; a ``bytearray`` is one.

    :func:`end_at` reads them.
    """

    def extend(self, row: bytes, /) -> None:
        """Append a row."""

    def __getitem__(self, at: slice, /) -> bytes | bytearray:
        """Give the bytes from one offset to another."""


def end_at(ends: Ends, height: int) -> LogEnd:
    """Give where a chain ended with the block of a height, which it has."""
    row = ends[height * _END.size : (height + 1) * _END.size]
    term, head = _END.unpack(row)
    return LogEnd(term=term, index=height, head=head)


@dataclass(slots=True)
class CertifiedChain:
    """The ends that a chain has had, and the certificates that are held against them."""

    electorate: Electorate
    ends: Ends
    """All of them, the genesis first."""
    _certificates: list[CommitCertificate] = field(init=False, default_factory=list)

    def append(self, end: LogEnd) -> None:
        """Take in the next block of the chain."""
        self.ends.extend(_END.pack(end.term, end.head))

    def certify(self, certificate: CommitCertificate, check: SignatureCheck = verifies) -> None:
        """Take in a certificate, before or after the blocks.

        Raises:
            LedgerError: it is none.
        """
        certificate.verify(self.electorate, check)
        self._certificates.append(certificate)

    def settle(self, height: int) -> None:
        """Forget certificates that show no more than the highest one does, of a chain so high."""
        final = self.judge(height)
        if final.other is None:
            needed = (one for one in self._certificates if one.index >= final.up_to)
            self._certificates = [*dict.fromkeys(needed)]

    def judge(self, height: int) -> Finality:
        """Say how far the chain is final, if it ends at a height."""
        final, other = [], []
        for one in self._certificates:
            if one.index <= height:
                end = end_at(self.ends, one.index)
                if end.head != one.head:
                    other.append(one)
                elif end.term == one.term:  # else it shows nothing (thesis 3.6.2)
                    final.append(one)
        up_to = max((one.index for one in final), default=0)
        by = {each.voter for one in final if one.index == up_to for each in one.by}
        return Finality(
            up_to=up_to,
            by=tuple(sorted(by)),
            beyond=max((one.index for one in self._certificates if one.index > height), default=0),
            other=min(other, key=lambda one: one.index, default=None),
        )
