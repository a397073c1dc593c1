"""The peer transport: for each other node, one link out and one connection in.

All of it lives in one event loop: methods are called from there, and so are the two callbacks,
which must return at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpnode.process import end_tasks
from kpnode.raft import NodeId
from kpnode.transport.link import Link, Peer
from kpnode.transport.listener import Listener
from kpnode.transport.options import Counts, TransportOptions
from kpnode.transport.tls import client_context
from kpnode.transport.wire import Frame, encode_frame


class PeerTransport:
    """Carries frames between this node and its peers; best effort, in order, authenticated.

    Attributes:
        listener: takes in what peers send, once it is started.
    """

    def __init__(
        self,
        node: NodeId,
        private_key: Ed25519PrivateKey,
        *,
        on_frame: Callable[[NodeId, Frame], float],
        on_unreachable: Callable[[NodeId], None],
        options: TransportOptions,
    ) -> None:
        """Make a transport that knows nobody yet and does not listen.

        Args:
            node: this node.
            private_key: the key whose public half the other nodes have pinned.
            on_frame: told each frame and who sent it, gives for how many seconds nothing more of
                that peer is to be read. A message among them is from that sender and for this node.
            on_unreachable: told when a connection ends, when an attempt to connect fails, and when
                a peer that reads too slowly begins to miss frames.
            options: limits and timeouts.
        """
        self._node = node
        self._private_key = private_key
        self._on_unreachable = on_unreachable
        self._options = options
        self._counts = Counts()
        self._links: dict[NodeId, Link] = {}
        self._tasks: dict[NodeId, asyncio.Task[None]] = {}
        self.listener = Listener(
            node, private_key, options=options, counts=self._counts, on_frame=on_frame
        )

    @property
    def counts(self) -> Counts:
        """A copy of what was counted so far."""
        return replace(self._counts)

    def connected_peers(self) -> tuple[NodeId, ...]:
        """Those to whom frames can leave now."""
        return tuple(sorted(node for node, link in self._links.items() if link.is_connected))

    def unreachable_peers(self) -> tuple[str, ...]:
        """Say of the others where they should be, and why nothing leaves."""
        return tuple(
            f"{node} at {link.peer.place} ({link.trouble})"
            for node, link in sorted(self._links.items())
            if not link.is_connected
        )

    async def set_peers(self, peers: Mapping[NodeId, Peer]) -> None:
        """Connect to these nodes from now on, and to no others; those that stay are not disturbed.

        This node may be among them and is passed over, so that all nodes can share one table.

        Raises:
            ValueError: Two nodes have the same key, so that it would name neither.
            MalformedError: A key is not an Ed25519 public key.
        """
        others = {node: peer for node, peer in peers.items() if node != self._node}
        pins = {node: peer.tls_key for node, peer in others.items()}
        if len(set(pins.values())) < len(pins):
            raise ValueError(f"two of {sorted(pins)} have the same TLS key")
        self.listener.set_pins(pins)
        await self._stop(
            node for node, link in self._links.items() if link.peer != others.get(node)
        )
        for node in sorted(others.keys() - self._links.keys()):
            self._run_link(node, others[node])

    def send_frame(self, peer: NodeId, frame: Frame) -> bool:
        """Queue one frame; say whether it was. True promises nothing but an attempt.

        Raises:
            OversizedError: The frame is longer than any node accepts.
        """
        data = encode_frame(frame)
        link = self._links.get(peer)
        if link is None:
            self._counts.dropped_unconnected += 1
            return False
        return link.send(data)

    async def close(self) -> None:
        """End everything; the transport cannot be used again."""
        await self._stop(self._links)
        await self.listener.close()

    def _run_link(self, node: NodeId, peer: Peer) -> None:
        link = Link(
            node,
            peer,
            # Each link trusts one key, so that a peer cannot stand in for another.
            context=client_context(self._private_key, self._node, {node: peer.tls_key}),
            options=self._options,
            counts=self._counts,
            on_unreachable=self._on_unreachable,
            on_met=partial(self.listener.meet, is_caller=False),
        )
        self._links[node] = link
        self._tasks[node] = asyncio.create_task(link.run(), name=f"link to {node}")
        self._tasks[node].add_done_callback(_report_death)

    async def _stop(self, nodes: Iterable[NodeId]) -> None:
        stopped = []
        for node in list(nodes):
            del self._links[node]
            stopped.append(self._tasks.pop(node))
        await end_tasks(stopped)


def _report_death(task: asyncio.Task[None]) -> None:
    """Make it known when a link ends otherwise than by being stopped: that is our own mistake."""
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": f"{task.get_name()} died", "exception": error, "task": task}
        )
