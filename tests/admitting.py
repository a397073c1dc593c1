"""Messages of other voters, in front of the notary of a node that :mod:`single_engine` runs."""

from dataclasses import replace

from single_engine import World

from kpnode.notary import Notary
from kpnode.raft import (
    Index,
    Message,
    MessageBody,
    PreVoteReply,
    PreVoteRequest,
    Term,
    Tick,
    VoteRequest,
)


def notary_of(world: World) -> Notary:
    return world.engine._notary


def admit(world: World, message: Message) -> MessageBody | None:
    """Give the body as the core may see it, None if it may not."""
    admitted = notary_of(world).admit(message)
    return None if admitted is None else admitted.body


def problem_of(world: World) -> str | None:
    """Say what is wrong with the newest message that was not let in."""
    return notary_of(world).records.unproven[-1].problem


def bar(world: World, *voters: str) -> None:
    notary_of(world).records.barred = frozenset(voters)


def change(message: Message, **changes: object) -> Message:
    """Change what a message says, and leave what proves it."""
    return replace(message, body=replace(message.body, **changes))  # type: ignore[arg-type]


def strip(message: Message) -> Message:
    return change(message, attached=b"")


def blank(body: PreVoteRequest | VoteRequest) -> MessageBody:
    """Give a request as it is let in where its log is not believed."""
    return replace(body, last_index=Index(-1), last_term=Term(0))


def pass_ticks(world: World, count: int) -> None:
    for _ in range(count):
        world.engine.step([Tick()], [])


def grants(world: World, request: Message) -> list[bool]:
    bodies = (one.body for one in world.hear(request).outgoing)
    return [one.granted for one in bodies if isinstance(one, PreVoteReply)]
