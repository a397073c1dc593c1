"""What a node answers about submissions, about itself, and when it says no.

The answers to questions about the ledger are declared beside those questions
(:mod:`kpledger.api.routes` lists all of them).
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from kpledger.base.ids import HexDigest
from kpledger.base.units import MAX_AMOUNT, TimeMs
from kpledger.log.certificates import CommitCertificate
from kpledger.scheme.v1.rules.notes import MAX_COUNTERSIGNATURES

_Count = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document (RFC 9457); members that do not apply are left out."""

    type: str
    """``urn:kpledger:problem:<slug>``."""
    title: str
    """The kind of problem; the same for each of its kind."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong this time, with the values."""
    rule: str | None = None
    """The code of the rule that refuses the event, for instance ``E3``."""
    clause: str | None = None
    """Where the scheme says so."""
    field: str | None = None
    """The path of the offending field, or the name of the offending parameter."""
    accepted: str | None = None
    """What would be accepted."""


class CommittedAnswer(
    msgspec.Struct, frozen=True, kw_only=True, tag="committed", tag_field="status"
):
    """The event is on the ledger."""

    id: str
    """The event's id."""
    height: _Count
    """The block that holds it."""
    index: _Count
    """Its place among all events, from 0."""
    block_time_ms: TimeMs
    """Time of the block, Unix milliseconds."""
    duplicate: bool
    """It was on the ledger before; nothing has changed."""
    signers: tuple[HexDigest, ...] = ()
    """The keys whose signatures are recorded with it, ascending. Others that it was sent with are
    not: what was recorded first stays."""
    sealed: bool = False
    """Whether this node knows it to be sealed: there is a receipt of it."""


class PendingAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="pending", tag_field="status"):
    """Not decided in time; the same event may be sent again."""

    id: str
    """The event's id."""
    reason: str | None = None
    """What keeps the node from deciding anything now; null where nothing does."""


class RefusedAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="refused", tag_field="status"):
    """One event of a batch is refused."""

    id: str | None
    """The event's id; null if the bytes are no event."""
    problem: Problem
    """Why."""


class UnavailableAnswer(
    msgspec.Struct, frozen=True, kw_only=True, tag="unavailable", tag_field="status"
):
    """One event of a batch was not taken in; it may be sent again."""

    id: str
    """The event's id."""
    problem: Problem
    """Why."""


SubmitAnswer = CommittedAnswer | PendingAnswer | RefusedAnswer | UnavailableAnswer


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each event of a batch, in order."""

    results: tuple[SubmitAnswer, ...]


class RehearsalResult(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of one event."""

    id: str | None
    """The event's id; null if the bytes are no event."""
    accepted: bool
    """Whether it would be recorded."""
    problem: Problem | None
    """Why not."""


class RehearsalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of each event, in order; each sees what those before it would change."""

    results: tuple[RehearsalResult, ...]


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True, tag="unknown", tag_field="status"):
    """No such event is on the ledger, or not yet."""

    id: str


class RecordedEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag="committed",
    tag_field="status",
):
    """An event on the ledger."""

    id: str
    height: _Count
    index: _Count
    block_time_ms: TimeMs
    event: msgspec.Raw
    """What it says, as a JSON object."""
    envelope: msgspec.Raw
    """DSSE, from which everything else can be checked."""
    sealed: bool = False
    """Whether this node knows it to be sealed: there is a receipt of it. Left out where not."""
    countersigned: Annotated[tuple[HexDigest, ...], Meta(max_length=MAX_COUNTERSIGNATURES)] = ()
    """The events by which further officers of the office signed it afterwards, in order; left out
    where there are none."""


class CommitsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who has signed that blocks are final: statements that anybody can verify."""

    commits: tuple[CommitCertificate, ...]
    """The newest commit certificate of each term, ascending by term."""
    next: int | None
    """The term to go on from, if there are more."""


class EvidenceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What voters signed that convicts them, or is a reason to ask, for anybody to judge."""

    evidence: tuple[msgspec.Raw, ...]
    """Files of evidence, ascending by id."""
    next: HexDigest | None
    """The id to go on from, if there is more."""


class InclusionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that an event stands at a place (RFC 9162, section 2.1.3)."""

    index: _Count
    """Its place among all events, from 0."""
    path: tuple[HexDigest, ...]
    """From the sibling of its leaf up to the child of the root."""
    checkpoint: str
    """The signed note of the tree, sealed."""


class ConsistencyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that a tree extends an earlier one (RFC 9162, section 2.1.4)."""

    path: tuple[HexDigest, ...] | None
    """Null where the tree of the checkpoint is smaller than the one that was asked from."""
    checkpoint: str
    """The signed note of the later tree, sealed."""


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All is well, as far as was asked."""

    status: str
    """``live`` or ``ready``."""


class PeerAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another voter, as this node sees it."""

    connected: bool
    """There is a link to it."""
    match: int | None = None
    """On the leader: the peer holds its log up to here."""
    in_flight: int | None = None
    """On the leader: appends under way to it."""
    recently_active: bool | None = None
    """On the leader: it has answered lately."""


class SourceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node that is not sent blocks gets them."""

    source: str
    """The name of a node, or a URL."""
    height: int | None
    """How far it was when it was last asked; null if it has not answered yet."""
    problem: str | None
    """Why nothing is taken from it now; null as long as all is well."""


class AddressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node takes connections of other nodes, in its own words too; null: nobody said."""

    configured: str | None
    told: str | None
    since_ms: TimeMs | None
    """When it has told that, by its own clock."""


class StorageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How safe what is stored is."""

    durability: str
    failed: str | None
    """What is wrong with it; null as long as all is well."""


class RefusedBlockAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A block of another leader that broke a rule, and so was not let in."""

    leader: str
    term: int
    problem: str


class BooksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How the books are, from which a node answers what people ask."""

    height: int | None
    """The newest block in them; null while their process is not there."""
    behind: int
    """Committed blocks that are not in them."""
    building: bool
    """They have not been at the end of the ledger since their process was started."""
    problem: str | None
    """Why their process ended last, until they are at the end of the ledger again."""


class PublicStatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody is told of a node: whose ledger it keeps, how far, and whether it works."""

    node: str
    chain: str
    height: _Count
    """The newest committed block."""
    head: HexDigest
    tree_size: _Count
    tree_root: HexDigest
    ready: bool = False
    """The node takes part and knows a leader, so that it can take events."""
    age_s: int = 0
    """So many seconds ago it was in touch with its leader, or since its start never."""
    final_height: _Count = 0
    """Up to here a majority of the voters has signed that the blocks are final; 0 for none."""
    evidence: _Count = 0
    """How many pieces of evidence against voters it holds."""
    behind: _Count = 0
    """How many blocks it lacks that it knows to be final."""


class StatusAnswer(PublicStatusAnswer, frozen=True, kw_only=True):
    """The state of a node, as its operator and listed clients are told."""

    participant: str
    """Who runs it; empty for a node that the genesis file does not name."""
    origin: str
    version: str
    role: str
    """``leader``, ``follower``, ``candidate``, ``pre-candidate``; ``replica`` of one that does not
    vote; or ``stopped``, if the node takes no part any more and only answers questions."""
    term: int
    leader: str | None
    voters: tuple[str, ...]
    peers: dict[str, PeerAnswer]
    last_index: int
    """The end of this node's log; what is above `height` may still be replaced."""
    state_digest: HexDigest
    block_time_ms: TimeMs
    uptime_s: int
    storage: StorageAnswer
    failed: str | None
    """Why the node has stopped taking part, whatever the cause; null as long as all is well."""
    alarms: tuple[str, ...]
    """What a person should look at, each with what to do; empty as long as all is well."""
    books: BooksAnswer
    pending: int
    """Events that wait for a block."""
    refused_blocks: tuple[RefusedBlockAnswer, ...]
    """Blocks of other leaders that broke a rule; the newest hundred at most."""
    sources: tuple[SourceAnswer, ...] = ()
    """Where a node that does not vote gets its blocks."""
    addresses: dict[str, AddressAnswer] = {}
    """Where the nodes are, by name."""
