"""Whoever hears everything: it compares what each voter has signed with all else of that voter.

No auditor hears that much. So whom this one cannot convict has done nothing that shows; and an
honest voter that it convicts would be convicted by what it may have said, whoever was listening.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

from lab.liars.blocks import begin_chain
from lab.liars.roll import Roll

from kpledger.base.codec import decode, encode
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest
from kpledger.log.block import BlockKind, compute_head, decode_block
from kpledger.log.certificates import (
    CommitCertificate,
    LeaderCertificate,
    decode_commit_certificate,
    decode_opening,
    decode_term_proof,
)
from kpledger.log.evidence import Equivocation, Evidence, read_header
from kpledger.log.findings import (
    find_amnesia,
    find_broken_block,
    find_double_acknowledgement,
    find_double_votes,
    find_equivocation,
    find_fork,
    find_stale_generation,
    find_usurper,
)
from kpledger.log.opening import derive_opening
from kpledger.log.path import ShownHeader
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    Nomination,
    Vote,
    verify_statement,
)
from kpnode.notary.attachment import Attachment, decode_attachment
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    EntryKind,
    HeartbeatRequest,
    Message,
    MessageBody,
    TimeoutNow,
    VoteReply,
)

_SAID: dict[type[MessageBody], type[Acknowledgement | Vote | Nomination]] = {
    AppendReply: Acknowledgement,
    HeartbeatRequest: Acknowledgement,
    VoteReply: Vote,
    TimeoutNow: Nomination,
}
Said = Acknowledgement | Vote | Nomination


class Auditor:
    """Collects what anybody signs; says at the end what evidence there is in it."""

    def __init__(self, roll: Roll) -> None:
        self._roll = roll
        self._electorate = roll.electorate
        self._known: set[bytes] = set()
        """What was read already, encoded."""
        self._headers: dict[bytes, tuple[ShownHeader, tuple[bytes, ...]]] = {}
        """By head, with the events."""
        self._statements: dict[str, dict[bytes, Said]] = {}
        """Of each voter, by signature."""
        self._openings: dict[bytes, LeaderCertificate] = {}
        self._certificates: dict[tuple[int, int, bytes], CommitCertificate] = {}

    def hear(self, message: Message) -> None:
        """Take in all that was signed in a message."""
        body = message.body
        if isinstance(body, AppendRequest):
            for entry in body.entries:
                self._read(entry.payload, is_block=entry.kind is EntryKind.BLOCK)
        if not body.attached or body.attached in self._known:
            return
        self._known.add(body.attached)
        attached = decode_attachment(body.attached)
        kind = _SAID.get(type(body))
        if attached.statement is not None and kind is not None:
            self._take(attached.statement, kind)
        for shown in attached.path:
            self.see_header(shown)
        if attached.opening is not None:
            self._read(attached.opening, is_block=False)
        with suppress(LedgerError):
            self._hear_proofs(attached)

    def _hear_proofs(self, attached: Attachment) -> None:
        if attached.term_proof is not None:
            proof = decode_term_proof(attached.term_proof)
            if proof.nomination is not None:
                self._keep(proof.nomination)
        if attached.commit is not None:
            self._certify(decode_commit_certificate(attached.commit))

    def see_header(self, shown: ShownHeader, events: tuple[bytes, ...] = ()) -> None:
        """Take in a block that a voter has shown to somebody."""
        self._headers.setdefault(compute_head(shown.header), (shown, events))
        if read_header(shown).kind is BlockKind.NOOP:
            self._read(shown.seal, is_block=False)

    def _read(self, payload: bytes, *, is_block: bool) -> None:
        if payload in self._known:
            return
        self._known.add(payload)
        try:
            if is_block:
                block = decode_block(payload)
                shown = ShownHeader(header=block.header, seal=block.signature)
                self.see_header(shown, block.events)
                return
            opening = decode_opening(payload)
            for vote in opening.votes:
                self._keep(vote)
            opening.verify(self._electorate, self._roll.check)
        except LedgerError:
            return
        self._openings[payload] = opening

    def _take(self, encoded: bytes, kind: type[Said]) -> None:
        with suppress(LedgerError):
            self._keep(decode(encoded, kind, what="statement", max_bytes=MAX_STATEMENT_BYTES))

    def _keep(self, statement: Said) -> None:
        """Keep a statement if it is the voter's who is named in it."""
        known = self._statements.setdefault(statement.voter, {})
        if statement.signature not in known:
            verify_statement(statement, self._electorate, self._roll.check)
            known[statement.signature] = statement

    def _certify(self, certificate: CommitCertificate) -> None:
        for said in certificate.acknowledgements:
            self._keep(said)
        certificate.verify(self._electorate, self._roll.check)
        self._certificates.setdefault(
            (certificate.term, certificate.index, certificate.head), certificate
        )

    def find(self) -> Iterator[Evidence]:
        """Give the evidence in all that was heard."""
        self._derive_openings()
        for voter in sorted(self._statements):
            statements = list(self._statements[voter].values())
            yield from self._find_double_acknowledgements(statements)
            yield from self._find_votes(statements)
            yield from self._find_stale(statements)
        yield from self._find_in_blocks()
        yield from self._find_forks()

    def _derive_openings(self) -> None:
        """Make the headers of blocks that open terms, which nobody sends."""
        for payload, opening in sorted(self._openings.items(), key=lambda one: one[1].term):
            before = begin_chain(self._roll.genesis).header
            if opening.base.index:
                known = self._headers.get(opening.base.head)
                if known is None:
                    continue
                before = read_header(known[0])
            header = encode(derive_opening(before, Digest(opening.base.head), opening.term))
            self._headers.setdefault(
                compute_head(header), (ShownHeader(header=header, seal=payload), ())
            )

    def _find_double_acknowledgements(self, statements: list[Said]) -> Iterator[Evidence]:
        by_term: dict[int, list[Acknowledgement]] = {}
        for one in statements:
            if isinstance(one, Acknowledgement):
                by_term.setdefault(one.term, []).append(one)
        for said in by_term.values():
            for lower, higher in pairwise(sorted(said, key=lambda one: (one.index, one.head))):
                path = self._chain(higher.head, lower.index)
                found = find_double_acknowledgement(
                    self._electorate, lower, higher, shown=path, check=self._roll.check
                )
                if found is not None:
                    yield found

    def _find_votes(self, statements: list[Said]) -> Iterator[Evidence]:
        votes = [one for one in statements if isinstance(one, Vote)]
        yield from find_double_votes(self._electorate, votes, check=self._roll.check)
        for said in statements:
            if not isinstance(said, Acknowledgement):
                continue
            for vote in votes:
                if vote.term <= said.term or vote.candidate_end.place >= (said.term, said.index):
                    continue  # it breaks no promise
                certificate = self._certificates.get((said.term, said.index, said.head))
                found = find_amnesia(
                    self._electorate, said, vote, certificate, check=self._roll.check
                )
                if found is not None:
                    yield found

    def _find_stale(self, statements: list[Said]) -> Iterator[Evidence]:
        newest: Said | None = None
        for one in sorted(statements, key=lambda each: (each.term, each.generation)):
            if newest is not None:
                found = find_stale_generation(self._electorate, newest, one, check=self._roll.check)
                if found is not None:
                    yield found
            if newest is None or one.generation >= newest.generation:
                newest = one

    def _find_in_blocks(self) -> Iterator[Evidence]:
        electorate, check = self._electorate, self._roll.check
        blocks = [one for one in self._headers.values() if read_header(one[0]).leader]
        for opening in self._openings.values():
            for shown, _ in blocks:
                found = find_usurper(electorate, shown, opening, check=check)
                if found is not None:
                    yield found
        for shown, events in blocks:
            parent = self._headers.get(read_header(shown).prev_head)
            broken = find_broken_block(
                electorate,
                shown,
                parent=None if parent is None else parent[0].header,
                events=events,
                check=check,
            )
            if broken is not None:
                yield broken
        yield from self._find_equivocations([shown for shown, _ in blocks])

    def _find_equivocations(self, blocks: list[ShownHeader]) -> Iterator[Equivocation]:
        by_leader: dict[tuple[int, str], list[ShownHeader]] = {}
        for shown in blocks:
            header = read_header(shown)
            by_leader.setdefault((header.term, header.leader), []).append(shown)
        for made in by_leader.values():
            ordered = sorted(made, key=lambda one: (read_header(one).height, one.header))
            for lower, higher in pairwise(ordered):
                path = self._chain(read_header(higher).prev_head, read_header(lower).height)
                found = find_equivocation(
                    self._electorate, lower, higher, shown=path, check=self._roll.check
                )
                if found is not None:
                    yield found

    def _find_forks(self) -> Iterator[Evidence]:
        blocks = [one for one, _ in self._headers.values() if read_header(one).leader]
        branched = {read_header(one.first).term: one for one in self._find_equivocations(blocks)}
        ordered = sorted(self._certificates.values(), key=lambda one: (one.index, one.head))
        for lower, higher in pairwise(ordered):
            found = find_fork(
                self._electorate,
                lower,
                higher,
                shown=self._chain(higher.head, lower.index),
                openings=self._openings.values(),
                equivocation=branched.get(min(lower.term, higher.term)),
                check=self._roll.check,
            )
            if found is not None:
                yield found

    def _chain(self, head: bytes, above: int) -> list[ShownHeader]:
        """Give the headers that lead to a head, from a height on, as far as they are known."""
        found: list[ShownHeader] = []
        while (known := self._headers.get(head)) is not None:
            header = read_header(known[0])
            if header.height <= above:
                break
            found.append(known[0])
            head = header.prev_head
        return found[::-1]
