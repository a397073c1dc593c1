"""What a checker may be shown: disks, messages, applications, pictures of a node."""

from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied

from kpnode.raft import (
    AppendReply,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Index,
    Input,
    Message,
    MessageBody,
    NodeId,
    PeerStatus,
    Received,
    Role,
    RoleChange,
    Status,
    Term,
    VoteReply,
    encode_configuration,
)

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
GENESIS = Applied(Entry(Index(0), Term(0), EntryKind.NOOP, b""), b"", Configuration((A, B, C)))


def entry(index: int, term: int, payload: bytes = b"") -> Entry:
    return Entry(Index(index), Term(term), EntryKind.BLOCK, payload)


def disk(term: int = 0, vote: NodeId | None = None, *terms: int) -> SimDisk:
    made = SimDisk(lambda: None, GENESIS.configuration)
    made.write(
        HardState(Term(term), vote),
        tuple(entry(index, entry_term) for index, entry_term in enumerate(terms, 1)),
    )
    return made


def said(sender: NodeId, recipient: NodeId, body: MessageBody) -> Message:
    return Message(sender, recipient, body)


def vote(term: int) -> VoteReply:
    return VoteReply(Term(term), granted=True)


def ack(term: int, index: int) -> AppendReply:
    return AppendReply(Term(term), accepted=True, index=Index(index))


def applied(index: int, term: int = 1, payload: bytes = b"") -> Applied:
    return Applied(entry(index, term, payload), b"%d" % index, GENESIS.configuration)


def change(index: int, term: int, *voters: NodeId) -> Entry:
    payload = encode_configuration(Configuration(voters))
    return Entry(Index(index), Term(term), EntryKind.CONFIG, payload)


def heard(body: MessageBody, sender: NodeId = B, recipient: NodeId = A) -> Input:
    return Received(said(sender, recipient, body))


def picture(
    role: Role = Role.LEADER,
    *,
    term: int = 1,
    commit: int = 0,
    persisted: int = 0,
    match: dict[NodeId, int] | None = None,
    configurations: tuple[Configuration, ...] = (GENESIS.configuration,),
    transfer: NodeId | None = None,
    lost_up_to: int = 0,
) -> Status:
    peers = tuple(
        PeerStatus(peer, Index(known), Index(known + 1), 0, probing=False, recently_active=True)
        for peer, known in (match or {}).items()
    )
    return Status(
        node=A,
        role=role,
        term=Term(term),
        leader=None,
        voted_for=None,
        commit=Index(commit),
        applied=Index(commit),
        persisted=Index(persisted),
        last_index=Index(persisted),
        last_term=Term(term),
        configurations=configurations,
        peers=peers,
        transfer_target=transfer,
        lost_up_to=Index(lost_up_to),
    )


def leads(term: int) -> RoleChange:
    return RoleChange(Role.LEADER, Term(term), None)
