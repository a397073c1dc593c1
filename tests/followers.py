"""Voters that agree with one node: so it leads although the others are not there."""

from collections.abc import Iterable, Sequence

from voices import Voice

from kpledger.log.block import compute_head, decode_block_header
from kpledger.log.chain import CommittedBlocks
from kpledger.log.genesis import Genesis
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd
from kpnode.engine import Engine
from kpnode.notary.attachment import decode_attachment
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    Message,
    MessageBody,
    PreVoteRequest,
    Received,
    Role,
    Tick,
    VoteRequest,
)


class Follower:
    """A voter that agrees: it supports and elects the listener, and acknowledges all it sends.

    It verifies nothing; of the log it keeps where each block is, for that is what it signs.
    """

    def __init__(self, voice: Voice, genesis: Genesis) -> None:
        """Begin without a log."""
        self.voice = voice
        self._genesis = genesis
        self._ends = [LogEnd(term=0, index=0, head=genesis.chain)]
        self._entries: list[Entry] = []
        self._blocks = CommittedBlocks(genesis)

    def answer(self, body: MessageBody) -> Message | None:
        """Answer what the listener says; nothing where no answer is expected."""
        match body:
            case PreVoteRequest():
                return self.voice.support(body.term)
            case VoteRequest():
                path = decode_attachment(body.attached).path
                return self.voice.vote(body.term, self._end_of(path), self._ends[-1])
            case HeartbeatRequest():
                return self.voice.say(HeartbeatReply(body.term, body.round, body.commit))
            case AppendRequest():
                return self._follow(body)
        return None

    def _end_of(self, path: Sequence[ShownHeader]) -> LogEnd:
        if not path:
            return self._ends[0]
        header = decode_block_header(path[-1].header)
        head = compute_head(path[-1].header)
        return LogEnd(term=header.term, index=header.height, head=head)

    def _follow(self, request: AppendRequest) -> Message:
        if request.prev_index > len(self._entries):
            return self.voice.say(
                AppendReply(request.term, accepted=False, index=request.prev_index)
            )
        for entry in request.entries:
            self._take(entry)
        end = self._ends[request.prev_index + len(request.entries)]
        if end.term == request.term:
            return self.voice.acknowledge(end)
        return self.voice.say(AppendReply(request.term, accepted=True, index=Index(end.index)))

    def _take(self, entry: Entry) -> None:
        held = self._entries[entry.index - 1 : entry.index]
        if held == [entry]:
            return
        if held:
            kept, self._entries, self._ends = self._entries, [], self._ends[:1]
            self._blocks = CommittedBlocks(self._genesis)
            for one in kept[: entry.index - 1]:
                self._take(one)
        stored = StoredEntry(entry.kind.value, entry.term, entry.payload)
        self._blocks.read(entry.index, encode_stored_entry(stored))
        self._entries.append(entry)
        head = self._blocks.head or b""
        self._ends.append(LogEnd(term=entry.term, index=entry.index, head=head))


class Agreement:
    """Followers of one node that are enough, with it, for a majority."""

    def __init__(self, followers: Iterable[Follower]) -> None:
        """Speak for these voters."""
        self._followers = {one.voice.name: one for one in followers}

    def answer(self, messages: Iterable[Message]) -> list[Message]:
        """Answer what the node has sent."""
        answers = (self._followers[one.recipient].answer(one.body) for one in messages)
        return [one for one in answers if one is not None]

    def elect(self, engine: Engine) -> None:
        """Let the node win an election, however long its timeout, and commit what opens its term.

        Nothing else may drive the engine meanwhile.
        """
        said: list[Message] = []
        while engine.status().role is not Role.LEADER or said:
            inputs: list[Input] = [Received(one) for one in said] or [Tick()]
            said = self.answer(engine.step(inputs, []).outgoing)
