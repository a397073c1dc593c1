"""Evidence: what voters signed that no honest voter signs, kept so that it speaks for itself.

Each kind holds all that a stranger needs who has the genesis file: the statements, and the headers
that show that one block does not descend from another. :mod:`kpledger.log.conviction` says whom it
convicts; nothing here is verified. What two findings of one contradiction have in common stands in
one order, so that they are the same bytes.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.errors import MalformedError
from kpledger.base.ids import Digest32
from kpledger.log.block import MAX_BLOCK_BYTES, MAX_BLOCK_EVENTS, BlockHeader, decode_block_header
from kpledger.log.certificates import MAX_OPENING_BYTES, CommitCertificate, decode_opening
from kpledger.log.checkpoint import Checkpoint, parse_checkpoint
from kpledger.log.note import parse_note
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Acknowledgement, LogEnd, Nomination, Vote

MAX_PATH_HEADERS: Final = 4096
"""What is further apart than that is shown by a nearer pair."""
MAX_FORK_OPENINGS: Final = 64
"""Who elected the first of several leaders is what counts."""

EncodedHeader = Annotated[bytes, Meta(max_length=1024)]
HeaderPath = Annotated[tuple[EncodedHeader, ...], Meta(max_length=MAX_PATH_HEADERS)]
"""Headers without a gap, of which each names the head of the one before."""
EncodedOpening = Annotated[bytes, Meta(max_length=MAX_OPENING_BYTES)]
"""The votes that opened a term, as its block carries them."""
CheckpointNote = Annotated[str, Meta(max_length=1 << 15)]
"""A signed checkpoint: room for as many signatures as a note may have."""


class _Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all kinds of evidence have in common."""


class Equivocation(_Kind, frozen=True, kw_only=True, tag="E1"):
    """Two blocks that one leader signed in one term, on two branches."""

    first: ShownHeader
    """The lower one; at one height that with the lesser head."""
    second: ShownHeader
    path: HeaderPath = ()
    """The headers between: that of the block after the first, to that before the second."""

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        first, second = read_header(self.first), read_header(self.second)
        return (
            f"{first.leader} signed two blocks in term {first.term} that exclude each other, at"
            f" heights {first.height} and {second.height}: it showed one ledger to some and"
            " another one to others"
        )


class DoubleAcknowledgement(_Kind, frozen=True, kw_only=True, tag="E2"):
    """Two blocks on two branches that one voter acknowledged in one term."""

    first: Acknowledgement
    """The lower one; at one height that with the lesser head."""
    second: Acknowledgement
    path: HeaderPath = ()
    """The headers from the block after the first up to the second."""

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        return (
            f"{self.first.voter} acknowledged two blocks in term {self.first.term} that exclude"
            f" each other, {_place(self.first)} and {_place(self.second)}: it helped to make two"
            " histories final"
        )


class DoubleVote(_Kind, frozen=True, kw_only=True, tag="E3"):
    """Two votes of one voter in one term, for two candidates; or for itself with two logs."""

    first: Vote
    """That for the candidate whose name, and else whose head, comes first."""
    second: Vote

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        first, second = self.first, self.second
        if first.candidate == second.candidate:
            return (
                f"{first.voter} stood for leader in term {first.term} with two logs, that end with"
                f" {_place(first.candidate_end)} and with {_place(second.candidate_end)}"
            )
        return (
            f"{first.voter} voted in term {first.term} for {first.candidate} and for"
            f" {second.candidate}: it helped to make two leaders at once"
        )


class Amnesia(_Kind, frozen=True, kw_only=True, tag="E4"):
    """A voter that acknowledged a block, and voted later for a candidate that cannot have it."""

    acknowledgement: Acknowledgement
    vote: Vote
    certificate: CommitCertificate | None = None
    """That the block is final: needed if terms or a restart lie between the two."""

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        said, vote = self.acknowledgement, self.vote
        return (
            f"{said.voter} acknowledged {_place(said)} in term {said.term} and voted in term"
            f" {vote.term} for {vote.candidate}, whose log ended with {_place(vote.candidate_end)}"
            f" of term {vote.candidate_end.term}"
        )


class Usurpation(_Kind, frozen=True, kw_only=True, tag="E5"):
    """A block that was signed by another voter than the one that was elected in its term."""

    block: ShownHeader
    opening: EncodedOpening

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        header, elected = read_header(self.block), decode_opening(self.opening).candidate
        return (
            f"{header.leader} signed block {header.height} as the leader of term {header.term},"
            f" in which {elected} was elected"
        )


class UnshownLog(_Kind, frozen=True, kw_only=True, tag="E6"):
    """A candidate's vote for itself with a log whose end nobody has seen."""

    vote: Vote

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        vote = self.vote
        return (
            f"{vote.voter} stood for leader in term {vote.term} with a log that ends with"
            f" {_place(vote.candidate_end)}, and did not show that block"
        )


class BrokenBlock(_Kind, frozen=True, kw_only=True, tag="E7"):
    """A signed block that breaks a rule, as far as its own bytes and the header before it show."""

    block: ShownHeader
    parent: EncodedHeader | None = None
    """The header before it, where that is what it contradicts."""
    events: Annotated[
        tuple[Annotated[bytes, Meta(max_length=MAX_BLOCK_BYTES)], ...],
        Meta(max_length=MAX_BLOCK_EVENTS),
    ] = ()
    """Its events, where one of them is what is wrong."""
    problem: Annotated[str, Meta(max_length=1024)] = ""
    """What the finder refused, where only the whole ledger shows it."""

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        header = read_header(self.block)
        return f"{header.leader} signed block {header.height} in term {header.term}, which is wrong"


class Fork(_Kind, frozen=True, kw_only=True, tag="E8"):
    """Two commit certificates that exclude each other: two histories, both of them final."""

    first: CommitCertificate
    """That of the lower term, height and head."""
    second: CommitCertificate
    path: HeaderPath = ()
    """The headers from the block after the lower one up to the higher one."""
    openings: Annotated[tuple[EncodedOpening, ...], Meta(max_length=MAX_FORK_OPENINGS)] = ()
    """Leader certificates of terms above that of the first: who elected leaders without it."""
    equivocation: Equivocation | None = None
    """Of the leader of the first term, if the second history branches off within it."""

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        first, second = self.first, self.second
        return (
            f"the ledger has two histories: majorities of the voters made {_place(first)} of term"
            f" {first.term} final, and {_place(second)} of term {second.term}, and neither"
            " contains the other"
        )


class AnyStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement that was said in the voter's current term: exactly one field is there."""

    acknowledgement: Acknowledgement | None = None
    vote: Vote | None = None
    nomination: Nomination | None = None

    @property
    def one(self) -> Acknowledgement | Vote | Nomination:
        """The statement.

        Raises:
            MalformedError: there is none, or more than one.
        """
        match [one for one in (self.acknowledgement, self.vote, self.nomination) if one]:
            case [one]:
                return one
            case several:
                raise MalformedError("statement", f"{len(several)} stand where one is due")


class StaleGeneration(_Kind, frozen=True, kw_only=True, tag="E9"):
    """A statement from an earlier start of a voter's storage, in a later term."""

    first: AnyStatement
    """In the lower term, from the later start."""
    second: AnyStatement

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        first, second = self.first.one, self.second.one
        return (
            f"{first.voter} spoke in term {first.term} from start {first.generation} of its"
            f" storage, and in term {second.term} from start {second.generation}: its storage was"
            " put back to an earlier state, or copied"
        )


class SplitView(_Kind, frozen=True, kw_only=True, tag="E10"):
    """Two checkpoints under one key, of two trees of which neither contains the other."""

    first: CheckpointNote
    """That of the lower size; at one size that of the lesser root. Both bear the signatures of
    those who signed both, and no others, by the order of their lines."""
    second: CheckpointNote
    root: Digest32
    """What the second tree has as its root at the size of the first."""
    path: Annotated[tuple[Digest32, ...], Meta(max_length=128)] = ()
    """The consistency proof of that (RFC 9162, 2.1.4)."""

    @property
    def accusation(self) -> str:
        """Say what it shows, if it is true."""
        first, second = (_state(read_checkpoint(one)) for one in (self.first, self.second))
        return f"two trees that exclude each other are signed by one key: {first}, and {second}"


Evidence = (
    Equivocation
    | DoubleAcknowledgement
    | DoubleVote
    | Amnesia
    | Usurpation
    | UnshownLog
    | BrokenBlock
    | Fork
    | StaleGeneration
    | SplitView
)
"""Any kind of it."""


def kind_of_evidence(evidence: Evidence) -> str:
    """Give the short name of its kind: ``E1`` to ``E10``."""
    return str(evidence.__struct_config__.tag)


def read_header(shown: ShownHeader) -> BlockHeader:
    """Decode a header that is shown.

    Raises:
        LedgerError: it is malformed.
    """
    return decode_block_header(shown.header)


def read_checkpoint(note: str) -> Checkpoint:
    """Read the checkpoint of a note, verifying nothing.

    Raises:
        LedgerError: it is none.
    """
    return parse_checkpoint(parse_note(note.encode()).text)


def _state(one: Checkpoint) -> str:
    return f"{one.size} events with root {one.root[:4].hex()}…"


def _place(what: Acknowledgement | CommitCertificate | LogEnd) -> str:
    return f"block {what.index} ({what.head[:4].hex()}…)"
