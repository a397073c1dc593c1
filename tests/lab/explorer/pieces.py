"""What states are made of: nodes, messages and histories, each kept once under an eight-byte key.

A node comes back in a great many states, and what it does depends on nothing but itself and its
input. So a state is only a string of keys, and what can be derived from a piece is derived once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from marshal import dumps, loads
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from lab.explorer.acts import Act
from lab.explorer.bounds import Bounds
from lab.explorer.local import Local
from lab.explorer.rules import History
from lab.explorer.snapshot import Plain, freeze, key_of, rename, thaw
from lab.explorer.view import View

from kpnode.raft import (
    AppendReply,
    HeartbeatReply,
    Message,
    MessageBody,
    NodeId,
    TimeoutNow,
    VoteReply,
)

if TYPE_CHECKING:
    from lab.explorer.steps import Outcome

KEY_BYTES: Final = 8

Renaming: TypeAlias = tuple[int, ...]
"""For each node its new place."""

_SELF: Final = "@"
_OTHER: Final = "?"


@dataclass(slots=True, eq=False)
class Piece:
    """Something with a plain form."""

    key: bytes
    packed: bytes
    """The plain form; unpacked it would take five times the room."""
    renamed: dict[Renaming, bytes] = field(default_factory=dict, init=False)

    @property
    def plain(self) -> Plain:
        """The plain form."""
        return cast("Plain", loads(self.packed))  # noqa: S302 - packed by this very program


@dataclass(slots=True, eq=False)
class NodePiece(Piece):
    """One node between two steps."""

    place: int
    view: View
    shape: bytes
    """What is left when names are taken away; nodes that are renamings have the same."""
    outcomes: dict[object, "tuple[Outcome, ...]"] = field(default_factory=dict, init=False)
    """By message key, or by act."""
    spent: dict[bytes, bool] = field(default_factory=dict, init=False)
    """By message key, whether the message can never do anything any more."""
    peers: set[bytes] = field(default_factory=set, init=False)
    """Other nodes this one was judged beside."""


@dataclass(slots=True, eq=False)
class MessagePiece(Piece):
    """One message with its sender and recipient."""

    message: Message
    recipient: int

    @property
    def content(self) -> MessageBody:
        """The message itself."""
        return self.message.body


@dataclass(slots=True, eq=False)
class HistoryPiece(Piece):
    """The past."""

    history: History
    after: dict[bytes, bytes] = field(default_factory=dict, init=False)
    """By node key, the history with what that node adds."""
    held: dict[bytes, int] = field(default_factory=dict, init=False)
    """By node key, how many of the committed entries are on its disk."""
    durable: set[tuple[int, ...]] = field(default_factory=set, init=False)
    """Such counts, by place, that were judged."""


class Pieces:
    """All pieces one process has met."""

    def __init__(self, bounds: Bounds) -> None:
        self.names = bounds.names
        self.nodes: dict[bytes, NodePiece] = {}
        self.messages: dict[bytes, MessagePiece] = {}
        self.histories: dict[bytes, HistoryPiece] = {}
        self._places = {name: place for place, name in enumerate(self.names)}

    def node(self, local: Local) -> bytes:
        """Keep a node."""
        return self._keep_node(local.freeze())

    def body(self, message: Message) -> bytes:
        """Keep a message."""
        return self._keep_message(freeze(message))

    def history(self, history: History) -> bytes:
        """Keep a history."""
        return self._keep_history(freeze(history))

    def packed(self, key: bytes) -> bytes:
        """Return a piece in the form in which another process can `learn` it."""
        for kind, kept in (b"n", self.nodes), (b"m", self.messages), (b"h", self.histories):
            piece = cast("Mapping[bytes, Piece]", kept).get(key)
            if piece is not None:
                return kind + piece.packed
        raise KeyError(key)

    def learn(self, packed: bytes) -> None:
        """Keep a piece that another process has met."""
        plain = cast("Plain", loads(packed[1:]))  # noqa: S302 - packed by this very program
        keep = {b"n": self._keep_node, b"m": self._keep_message, b"h": self._keep_history}
        keep[packed[:1]](plain)

    def rename_node(self, key: bytes, renaming: Renaming) -> bytes:
        """Return the key of a node with all names replaced."""
        piece = self.nodes[key]
        if renaming not in piece.renamed:
            renamed = rename(piece.plain, self._mapping(renaming))
            piece.renamed[renaming] = self._keep_node(renamed)
        return piece.renamed[renaming]

    def rename_message(self, key: bytes, renaming: Renaming) -> bytes:
        """Return the key of a message with all names replaced."""
        piece = self.messages[key]
        if renaming not in piece.renamed:
            renamed = rename(piece.plain, self._mapping(renaming))
            piece.renamed[renaming] = self._keep_message(renamed)
        return piece.renamed[renaming]

    def rename_history(self, key: bytes, renaming: Renaming) -> bytes:
        """Return the key of a history with all names replaced."""
        piece = self.histories[key]
        if renaming not in piece.renamed:
            renamed = rename(piece.plain, self._mapping(renaming))
            piece.renamed[renaming] = self._keep_history(renamed)
        return piece.renamed[renaming]

    def rename_act(self, act: Act, renaming: Renaming) -> Act:
        """Return an act with all names replaced."""
        return cast("Act", thaw(rename(freeze(act), self._mapping(renaming))))

    def _mapping(self, renaming: Renaming) -> Mapping[str, str]:
        return _mapping(self.names, renaming)

    def _keep_node(self, plain: Plain) -> bytes:
        key = key_of(plain)
        if key not in self.nodes:
            local = Local.thaw(plain)
            view = View.of(local)
            nameless: dict[str, str] = {
                name: _SELF if name == view.node else _OTHER for name in self.names
            }
            shape = key_of(rename(plain, nameless))
            place = self._places[view.node]
            self.nodes[key] = NodePiece(key, dumps(plain), place, view, shape)
        return self.nodes[key].key

    def _keep_message(self, plain: Plain) -> bytes:
        key = key_of(plain)
        if key not in self.messages:
            message = cast("Message", thaw(plain))
            self.messages[key] = MessagePiece(
                key,
                dumps(plain),
                message,
                self._places[message.recipient],
            )
        return self.messages[key].key

    def _keep_history(self, plain: Plain) -> bytes:
        key = key_of(plain)
        if key not in self.histories:
            history = cast("History", thaw(plain))
            self.histories[key] = HistoryPiece(key, dumps(plain), history)
        return self.histories[key].key


def is_spent(body: MessagePiece, node: View) -> bool:
    """Tell whether the recipient will ignore a message whatever happens from now on.

    Only where the core's own rule is plain and what it compares with can never fall: terms do not
    fall, not even in a crash, because only what is on the disk counts here; and nobody campaigns or
    leads again in a term in which it has stopped to.
    """
    content = body.content
    if not isinstance(content, VoteReply | AppendReply | HeartbeatReply | TimeoutNow):
        return False
    if content.term != node.durable.term or content.term != node.term:
        return content.term < node.durable.term
    if isinstance(content, VoteReply):
        return not (content.granted and node.campaigns)
    return not isinstance(content, TimeoutNow) and not node.leads


@cache
def _mapping(names: tuple[NodeId, ...], renaming: Renaming) -> Mapping[str, str]:
    return {name: names[place] for name, place in zip(names, renaming, strict=True)}
