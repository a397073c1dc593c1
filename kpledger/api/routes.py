"""Every route of a node, declared once: where it is, what it takes, what it answers, and who does.

The servers of a node's two processes, the OpenAPI document and the client's requests are derived
from these rows. What goes wrong is answered on every route with a
:class:`kpledger.api.answers.Problem`.
"""

import re
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.api.answers import (
    BatchAnswer,
    CommitsAnswer,
    CommittedAnswer,
    ConsistencyAnswer,
    EvidenceAnswer,
    HealthAnswer,
    InclusionAnswer,
    PendingAnswer,
    PublicStatusAnswer,
    RecordedEvent,
    RehearsalAnswer,
    StatusAnswer,
    UnknownEvent,
)
from kpledger.api.route import JSON_TYPE, Access, Reply, Route
from kpledger.api.tree_questions import (
    BundleQuestion,
    ConsistencyQuestion,
    InclusionQuestion,
    TileQuestion,
)
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery
from kpledger.books.question import Hex, Question
from kpledger.log.block import MAX_COUNT

MSGPACK_TYPE: Final = "application/msgpack"
NOTE_TYPE: Final = "text/plain; charset=utf-8"
"""Of signed notes and what is made of them; C2SP tlog-tiles asks for it."""
SIZE_TYPE: Final = "text/x.tlog.size"
"""Of the size of a tree, in C2SP tlog-witness."""
COSE_TYPE: Final = 'application/cose; cose-type="cose-sign1"'
"""Of what is signed in COSE (RFC 9052, section 11.3.1)."""
BYTES_TYPE: Final = "application/octet-stream"
HEIGHT_HEADER: Final = "KP-Height"
"""Names the block that an answer is as of; in a question, one that whoever is asked has to hold."""
BEARER_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,512}")
"""What may stand behind ``Bearer`` in the header of a request (RFC 6750 section 2.1)."""
MAX_BATCH: Final = 512
"""The most events in one request."""
DEFAULT_TIMEOUT_MS: Final = 10_000
MAX_TIMEOUT_MS: Final = 60_000
MAX_HEIGHT: Final = 10**15
MAX_COMMITS: Final = 500
"""The most commit certificates in one answer: a megabyte."""

TimeoutMs = Annotated[
    int, Meta(ge=1, le=MAX_TIMEOUT_MS, description="How long the answer may take, in milliseconds")
]


class Consistency(StrEnum):
    """What an answer has to take into account."""

    LOCAL = "local"
    """What this node has."""
    LINEARIZABLE = "linearizable"
    """Everything that was acknowledged before the question."""


class Wait(StrEnum):
    """What whoever submits waits for."""

    COMMITTED = "committed"
    """That the event is on the ledger."""
    SEALED = "sealed"
    """That it is sealed as well, so that there is a receipt of it."""


class SubmitOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to wait for, and how long."""

    wait: Annotated[
        Wait,
        Meta(description="sealed: until there is a receipt; what is not sealed in time says so"),
    ] = Wait.COMMITTED
    timeout_ms: TimeoutMs = DEFAULT_TIMEOUT_MS


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of every question about the ledger."""

    consistency: Annotated[
        Consistency,
        Meta(
            description="linearizable: the answer covers all that was acknowledged"
            " before the question"
        ),
    ] = Consistency.LOCAL
    timeout_ms: TimeoutMs = DEFAULT_TIMEOUT_MS


class BlocksQuestion(msgspec.Struct, frozen=True, kw_only=True, rename={"first": "from"}):
    """Which blocks."""

    first: Annotated[int, Meta(ge=1, le=MAX_HEIGHT)] = 1
    limit: Annotated[int, Meta(ge=1, le=MAX_HEIGHT)] = MAX_HEIGHT
    certified: Annotated[
        bool,
        Meta(description="begin with [0, commit certificate], and go as far as that: all is final"),
    ] = False
    wait_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=MAX_TIMEOUT_MS,
            description="how long to wait for the first block, with certified",
        ),
    ] = 0


class CommitsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which commit certificates."""

    from_term: Annotated[int, Meta(ge=0, le=MAX_COUNT)] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_COMMITS)] = MAX_COMMITS


class EvidenceQuestion(Question, frozen=True, kw_only=True):
    """Which evidence."""

    from_id: Hex = "0" * 64
    """The first id, as ``next`` of an answer gives it."""


class EventQuestion(Question, frozen=True, kw_only=True):
    """Which event."""

    id: Hex


def _reply(
    summary: str, *kinds: type[msgspec.Struct], media_type: str = JSON_TYPE
) -> tuple[Reply, ...]:
    return (Reply(HTTPStatus.OK, summary, kinds, media_type),)


SUBMIT: Final = Route(
    "/v1/events",
    f"Submit a signed event, or a batch of up to {MAX_BATCH}",
    (
        Reply(HTTPStatus.OK, "A batch: what became of each", (BatchAnswer,)),
        Reply(HTTPStatus.CREATED, "On the ledger", (CommittedAnswer,)),
        Reply(HTTPStatus.ACCEPTED, "Not decided in time; send it again", (PendingAnswer,)),
    ),
    options=SubmitOptions,
    takes_events=True,
    # The signature is the permission.
    access=Access.EVERYBODY,
)
REHEARSE: Final = Route(
    "/v1/rehearsals",
    "Would signed events be accepted; nothing is recorded",
    _reply("What would become of each", RehearsalAnswer),
    options=ReadOptions,
    takes_events=True,
)
BLOCKS: Final = Route(
    "/v1/blocks",
    "Committed blocks as stored: a stream of MessagePack arrays [height, bytes]",
    _reply("Blocks", media_type=MSGPACK_TYPE),
    question=BlocksQuestion,
    access=Access.AS_CONFIGURED,
)
COMMITS: Final = Route(
    "/v1/commits",
    "The newest commit certificate of each term: who has signed that a block is final",
    _reply("Commit certificates", CommitsAnswer),
    question=CommitsQuestion,
    # Statements of voters, in which no trade stands; whoever compares nodes needs all of theirs.
    access=Access.EVERYBODY,
)
EVIDENCE: Final = Route(
    "/v1/evidence",
    "What voters signed that convicts them, or is a reason to ask, as files of evidence",
    _reply("Evidence", EvidenceAnswer),
    question=EvidenceQuestion,
    # A block that breaks the rules stands in it with its events.
    access=Access.AS_CONFIGURED,
)
GOSSIP: Final = Route(
    "/v1/gossip",
    "Tell what was signed by whom, and be told what one lacks of it (docs/protocol.md)",
    _reply("What the node has, and what the client lacks", media_type=MSGPACK_TYPE),
    takes=MSGPACK_TYPE,
    # All of it is signed by nodes; no trade stands in it.
    access=Access.EVERYBODY,
)
HEARD: Final = Route(
    "/v1/gossip",
    "What this node has heard that was signed: certificates, checkpoints, evidence",
    _reply("What it has", media_type=MSGPACK_TYPE),
    access=Access.EVERYBODY,
)
GENESIS: Final = Route(
    "/v1/genesis",
    "The genesis file, byte for byte",
    _reply("The genesis file"),
    access=Access.EVERYBODY,
)
STATUS: Final = Route(
    "/v1/status",
    "The state of the node; all of it for listed clients",
    _reply("Its state", StatusAnswer, PublicStatusAnswer),
    access=Access.EVERYBODY,
)
CHECKPOINT: Final = Route(
    "/checkpoint",
    "Size and root of the tree as a C2SP signed note: the newest that is sealed",
    _reply("A signed note", media_type=NOTE_TYPE),
    access=Access.EVERYBODY,
)
ADD_CHECKPOINT: Final = Route(
    "/add-checkpoint",
    "Cosign a checkpoint of this ledger (C2SP tlog-witness)",
    (
        Reply(HTTPStatus.OK, "The cosignature, a line of a signed note", media_type=NOTE_TYPE),
        Reply(HTTPStatus.BAD_REQUEST, "The old size is larger than the new", media_type=NOTE_TYPE),
        Reply(HTTPStatus.FORBIDDEN, "No voter has signed it", media_type=NOTE_TYPE),
        Reply(HTTPStatus.NOT_FOUND, "It is of another ledger", media_type=NOTE_TYPE),
        Reply(
            HTTPStatus.CONFLICT,
            "The old size is not the size that was cosigned last, which is this",
            media_type=SIZE_TYPE,
        ),
        Reply(HTTPStatus.UNPROCESSABLE_ENTITY, "It is of another tree", media_type=NOTE_TYPE),
    ),
    takes=NOTE_TYPE,
)
# The more special path comes first.
BUNDLE: Final = Route(
    "/tile/entries/{path}",
    "Envelopes of events as a bundle of C2SP tlog-tiles",
    _reply("Envelopes, each after its length", media_type=BYTES_TYPE),
    question=BundleQuestion,
    takes_rest=True,
    may_find_none=True,
    access=Access.AS_CONFIGURED,
)
TILE: Final = Route(
    "/tile/{path}",
    "Hashes of the tree as a tile of C2SP tlog-tiles",
    _reply("Hashes", media_type=BYTES_TYPE),
    question=TileQuestion,
    takes_rest=True,
    may_find_none=True,
    # Hashes of envelopes, in each of which is a random number: they tell nobody anything.
    access=Access.EVERYBODY,
)
RECEIPT: Final = Route(
    "/v1/receipts/{id}",
    "The receipt of an event: proof that it is on the ledger (C2SP tlog-proof)",
    _reply("A receipt, without the event", media_type=NOTE_TYPE),
    question=EventQuestion,
    may_find_none=True,
    # Whoever knows the id has the event.
    access=Access.EVERYBODY,
)
COSE_RECEIPT: Final = Route(
    "/v1/receipts/{id}/cose",
    "The receipt of an event in COSE, signed by this node as the log (RFC 9942)",
    _reply("A receipt, without the event", media_type=COSE_TYPE),
    question=EventQuestion,
    may_find_none=True,
    access=Access.EVERYBODY,
)
INCLUSION: Final = Route(
    "/v1/proofs/inclusion",
    "Proof that an event stands at a place among all events",
    _reply("The path from its leaf to the root of the checkpoint", InclusionAnswer),
    question=InclusionQuestion,
    may_find_none=True,
    access=Access.EVERYBODY,
)
CONSISTENCY: Final = Route(
    "/v1/proofs/consistency",
    "Proof that the ledger still holds all that it held when it had so many events",
    _reply("The path from that tree to the one of the checkpoint", ConsistencyAnswer),
    question=ConsistencyQuestion,
    access=Access.EVERYBODY,
)
LIVE: Final = Route(
    "/health/live", "The process answers", _reply("It does", HealthAnswer), access=Access.EVERYBODY
)
READY: Final = Route(
    "/health/ready",
    "The node can take events",
    _reply("It can", HealthAnswer),
    access=Access.EVERYBODY,
)
OPENAPI: Final = Route(
    "/openapi.json", "The routes for machines", _reply("OpenAPI 3.1"), access=Access.EVERYBODY
)

EVENT: Final = Route(
    "/v1/events/{id}",
    "What is known about an event",
    _reply("What is known", RecordedEvent, UnknownEvent),
    question=EventQuestion,
    options=ReadOptions,
)


def route_of(query: AnyQuery) -> Route:
    """Give the route at which people ask a query."""
    return Route(
        f"/v1/{query.path}",
        query.summary,
        _reply(query.summary, query.answer),
        from_books=True,
        is_small=query.is_small,
        may_find_none=query.may_find_none,
        question=query.question,
        options=ReadOptions,
        access=Access.EVERYBODY if query.for_everybody else Access.LISTED,
    )


ROUTES: Final = (
    SUBMIT,
    REHEARSE,
    EVENT,
    BLOCKS,
    COMMITS,
    EVIDENCE,
    GOSSIP,
    HEARD,
    GENESIS,
    STATUS,
    CHECKPOINT,
    ADD_CHECKPOINT,
    BUNDLE,
    TILE,
    RECEIPT,
    COSE_RECEIPT,
    INCLUSION,
    CONSISTENCY,
    LIVE,
    READY,
    OPENAPI,
    *map(route_of, QUERIES),
)
