"""How a voter is: a picture of one moment, and what a person should do."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from kpledger.api.answers import PeerAnswer
from kpledger.base.units import format_time
from kpledger.log.conviction import Guilt
from kpnode.docket import Exhibit
from kpnode.punctuality import ClockDoubt, Early
from kpnode.raft import Status
from kpnode.runtime.trouble import Trouble
from kpnode.standing import Cause, Failure, NodeStanding
from kpnode.step import LeaderStalled, Loss

_SILENCE_S: Final = 5
"""Seconds without a leader that are no election any more."""
_STOPPED: Final = "stopped"
"""The role of a node that has stopped taking part."""


@dataclass(frozen=True, slots=True)
class VoterStatus:
    """A picture of a voter."""

    raft: Status
    """Where the core stood after its last step."""
    peers: tuple[str, ...]
    """Peers with a live link."""
    pending: int
    """Events that wait for admission."""
    failure: Failure | None
    """Why the node has stopped taking part; it still answers questions."""
    trouble: Trouble
    """What else is wrong."""
    exhibits: tuple[Exhibit, ...]
    """The evidence that it has."""
    unreachable: tuple[str, ...]
    """The others, each with where it should be and why there is no link."""
    doubled: tuple[str, ...]
    """Those of the others that seem to run twice, each with where it is."""
    age_s: int
    """How long ago this node was in touch with its leader; since its start, if it never was."""
    uptime_s: int

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at, each in sentences of its own; empty as long as all is well.

        Sentences say what happened, what it means and what to do.
        """
        found = self.trouble
        early = None if self.failure else found.early
        is_silent = not self.failure and not self.hears_leader and self.age_s >= _SILENCE_S
        alarms = (
            self.failure and describe_failure(self.failure),
            found.loss and _describe_loss(found.loss, self.raft),
            early and _describe_early(early, self.raft),
            found.stuck_s and f"Nothing is recorded: {_describe_stuck(self)}",
            found.stalled and _describe_stalled(found.stalled),
            found.doubt and _describe_doubt(found.doubt),
            is_silent and _describe_silence(self),
            *(_describe_doubled(one) for one in self.doubled),
            *(describe_exhibit(one) for one in self.exhibits),
        )
        return tuple(alarm for alarm in alarms if isinstance(alarm, str))

    @property
    def hears_leader(self) -> bool:
        """Whether this node leads, or hears who does and can answer."""
        leader = self.raft.leader
        return self.failure is None and (leader == self.raft.node or leader in self.peers)

    @property
    def obstacle(self) -> str | None:
        """Why this node cannot take events now, in a sentence; None if it can."""
        if self.failure is not None:
            return "this node has stopped taking part"
        if not self.hears_leader:
            leader = self.raft.leader
            return f"this node {f'does not reach {leader}' if leader else 'knows no leader'}"
        if (early := self.trouble.early) and not _is_alone(self.raft):
            return explain_early(early)
        return _describe_stuck(self).partition(". ")[0] if self.trouble.stuck_s else None

    @property
    def standing(self) -> NodeStanding:
        """What others than the runtime go by."""
        raft, has_stopped = self.raft, self.failure is not None
        return NodeStanding(
            role=_STOPPED if has_stopped else raft.role.value,
            term=raft.term,
            # Who has stopped hears of no leader, and leads nobody.
            leader=None if has_stopped else raft.leader,
            hears_leader=self.hears_leader,
            last_index=raft.last_index,
            age_s=self.age_s,
            uptime_s=self.uptime_s,
            obstacle=self.obstacle,
            failure=self.failure,
            alarms=self.alarms,
            peers=_describe_peers(self),
            pending=self.pending,
            refused=tuple(self.trouble.refused),
            exhibits=self.exhibits,
        )


def _describe_peers(status: VoterStatus) -> dict[str, PeerAnswer]:
    others = (one for one in status.raft.configurations[-1].voters if one != status.raft.node)
    answers = {str(one): PeerAnswer(connected=one in status.peers) for one in others}
    for peer in () if status.failure is not None else status.raft.peers:
        if peer.node in answers:
            answers[peer.node] = msgspec.structs.replace(
                answers[peer.node],
                match=peer.match,
                in_flight=peer.in_flight,
                recently_active=peer.recently_active,
            )
    return answers


def describe_failure(failure: Failure) -> str:
    """Say why a node has stopped, and what to do."""
    match failure.cause:
        case Cause.STORAGE:
            advice = "Make room on the disk or replace it, then start the node again."
        case Cause.SHORTAGE:
            advice = "The disk is not to blame. The process ends, to be started again."
        case Cause.INTERNAL:
            advice = "Keep its log for those who maintain the program, then start the node again."
        case Cause.FORK:
            advice = (
                "It still answers questions from its own history. Do not delete anything. Compare"
                " all nodes with kpledger compare, and agree with the other participants"
                " which history holds; no command lets the network go on by itself."
            )
        case Cause.STOPPING:
            advice = "Nothing needs to be done."
    return f"The node has stopped taking part: {failure.text}. {advice}"


def describe_exhibit(exhibit: Exhibit) -> str:
    """Say what evidence shows, and what to do."""
    conviction, names = exhibit.conviction, ", ".join(exhibit.conviction.culprits)
    match conviction.guilt:
        case Guilt.LIE:
            meaning = (
                f"Whoever holds the key of {names} made it lie, or stole it. This node does not"
                f" follow, elect or count {names} any more. Tell the participant that runs it and"
                " the Chair, and keep that node off."
            )
        case Guilt.FAULT:
            meaning = (
                f"Ask who runs {names} whether its disk was restored from a copy, or copied to a"
                " second machine; if neither is so, it lies."
            )
        case Guilt.SUSPICION:
            meaning = f"It proves nothing against {names}: ask who runs it."
    return (
        f"Evidence {conviction.kind}: {conviction.words}. {meaning} kpledger evidence list shows"
        " the statements, which anybody can verify with the genesis file."
    )


def _describe_loss(loss: Loss, status: Status) -> str:
    if status.lost_up_to:
        state = (
            f"The leader is sending them again; so far the log ends at {status.last_index}. Until"
            " they are back this node does not stand for election. If they do not come although"
            " the network works, start the node again."
        )
    else:
        state = "They have come back from the other nodes since."
    return (
        f"The disk has lost entries that this node had acknowledged: its log ended at"
        f" {loss.last_index}, and must have reached {loss.lost_up_to}. {state} Find out whether"
        " the disk was wiped, restored from an older copy or damaged; one that was damaged is to"
        " be replaced."
    )


def explain_early(early: Early) -> str:
    """Say in a sentence what is ahead of which clock, and when that ends."""
    ahead = timedelta(seconds=(early.block_ms - early.own_ms) // 1000)
    return (
        f"the newest block bears the time {format_time(early.block_ms)}, ahead of this node's clock"
        f" by {ahead}; by such a clock none may follow before {format_time(early.until_ms)}"
    )


def _describe_silence(status: VoterStatus) -> str:
    links = "It is connected to all others."
    if status.unreachable:
        links = f"Not connected: {', '.join(status.unreachable)}."
    why = (
        f"{links} Look at the addresses, at those nodes, at the network, and whether a second node"
        " runs with its keys."
    )
    return (
        f"For {timedelta(seconds=status.age_s)} {status.obstacle}: it may have missed what was"
        f" recorded since, and can record nothing. {why}"
    )


def _describe_doubled(peer: str) -> str:
    return (
        f"{peer} connects again and again while its last connection stands: two processes run with"
        " its keys, or its line breaks all the time. Ask who runs it. Two from copies of one"
        " directory sign what excludes each other sooner or later: one has to stop at once."
    )


def _is_alone(status: Status) -> bool:
    return status.configurations[-1].voters == (status.node,)


def _describe_early(early: Early, status: Status) -> str:
    wait = timedelta(seconds=(early.until_ms - early.own_ms) // 1000)
    then = "other voters wait as well, and nothing can be recorded if most have such a clock"
    if _is_alone(status):
        then = "this node is the only voter and goes on, with blocks that bear that same time"
    return (
        f"A clock is wrong: {explain_early(early)}, in {wait}. Until then {then}. Another clock was"
        " ahead when that block was made, or this one is behind now. Compare this one with a source"
        " of time: if it is behind, set it, which ends this at once; else it ends by itself."
    )


def _describe_stuck(status: VoterStatus) -> str:
    raft, span = status.raft, timedelta(seconds=int(status.trouble.stuck_s))
    peers = ", ".join(str(one.node) for one in raft.peers if one.match < raft.last_index)
    return (
        f"this node leads, and no majority has taken block {raft.commit + 1} from it for {span}."
        f" Not at the end of its log are {peers}: they catch up, or their status says why they take"
        " nothing. Compare the clocks: voters take no block that is ahead of theirs."
    )


def _describe_stalled(stalled: LeaderStalled) -> str:
    return (
        f"{stalled.leader} leads term {stalled.term} and makes nothing final, although it is heard"
        " and there is something to be recorded. For as long as this node has waited for it, it is"
        " set aside: not followed, and not voted for; if most voters see the same, they elect"
        " another. Ask who runs it: its disk may be slow, others may have to catch up, or it holds"
        " events back."
    )


def _describe_doubt(doubt: ClockDoubt) -> str:
    seconds = abs(doubt.block_ms - doubt.own_ms) / 1000
    side = "behind" if doubt.block_ms < doubt.own_ms else "ahead of"
    where = f"{seconds:.1f} s {side} this node's clock"
    if doubt.stands_still:
        where = f"blocks of {doubt.leader} carry one and the same time, the last of them {where}"
    else:
        where = f"a block of {doubt.leader} is {where}"
    return (
        f"A clock is wrong: {where}. Compare the clocks of both nodes with a source of time; if"
        " they are right, ask who runs the leader why its blocks bear another time. A node that"
        " catches up is told this as well; then nothing needs to be done."
    )
