"""The client of the nodes of a ledger: one request at a time, to whichever node answers.

It knows HTTP, TLS and timeouts, and nothing of events. A node has to belong to the ledger of the
pinned genesis file before it is asked anything else; a node that does not answer is passed over,
and asked again in its turn until the deadline. Each has a part of the time, so that one that hangs
costs little.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Final, Self, TypeVar

import msgspec

from kpclient.errors import ClientError, UsageError
from kpclient.net.access_tokens import NO_TOKENS, AccessTokens
from kpclient.net.checkpoints import CheckpointMemory
from kpclient.net.connections import NodeConnections, read_pieces, read_whole
from kpclient.net.refusals import NoAnswerError, NodeProblemError, is_for_others, refuse
from kpledger.api.addresses import NODE_URL, NODE_VARIABLE, parse_addresses
from kpledger.api.answers import ConsistencyAnswer, PublicStatusAnswer, StatusAnswer
from kpledger.api.decoding import read_answer
from kpledger.api.routes import GENESIS, STATUS
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.errors import AnotherLedgerError, LedgerError, MalformedError
from kpledger.base.text import check_json_depth, shorten
from kpledger.log.genesis import MAX_GENESIS_BYTES, Genesis

A = TypeVar("A")

MAX_ANSWER_BYTES: Final = 8 << 20
"""No node gives a larger answer but a stream; read, it may take many times as much memory."""
_MAX_BYTES: Final = {STATUS.path: 1 << 20, GENESIS.path: MAX_GENESIS_BYTES}
"""What is read at most of an answer at these paths."""
_MAX_PROBLEM_BYTES: Final = 64 * 1024
MAX_NODES: Final = 64
ATTEMPT_S: Final = 10.0
"""How long one node may take for one answer."""
_GLANCE_S: Final = 1.0
"""So long a node may take at first to say how it is, if others can be asked; then twice as long."""
_LEAST_S: Final = 2.0
"""A node that has said so is given that much for an answer, however many there are."""
_SPARE_S: Final = 1.0
"""How much earlier a node gives up than we do, so that its answer arrives."""
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0
_OK: Final = range(200, 300)


class NodeUnreachableError(ClientError):
    """No node gave an answer before the deadline.

    Attributes:
        silences: who was asked, and why that one gave none.
    """

    def __init__(self, silences: Mapping[str, NoAnswerError]) -> None:
        told = (f"{url} ({silence})" for url, silence in silences.items())
        super().__init__(f"no answer from {', '.join(told)}")
        self.silences = dict(silences)


class NoAccessError(NodeUnreachableError):
    """Every node answers that this is not for everybody."""

    def __init__(self, silences: Mapping[str, NoAnswerError]) -> None:
        super().__init__(silences)
        told = "; ".join(f"{url}: {silence}" for url, silence in silences.items())
        hint = (
            "a token of its operator in --token-file FILE or KPLEDGER_TOKEN opens it; a statement"
            " that follows others needs one as well, for these are looked up first"
        )
        self.args = (f"{told} ({hint})",)


class NodeClient:
    """Connections to the nodes of one ledger; use it as an asynchronous context manager.

    Attributes:
        timeout_s: how long it goes on asking for one thing.
        met: the nodes that have answered, and belong to the ledger.
        hung: the nodes that were waited for in vain, and have not answered since.
    """

    def __init__(
        self,
        genesis: Genesis,
        urls: Sequence[str],
        *,
        timeout_s: float,
        observe: Callable[[str, PublicStatusAnswer], None],
        tokens: AccessTokens = NO_TOKENS,
        asked_last: Collection[str] = (),
        checkpoints: CheckpointMemory | None = None,
    ) -> None:
        """Prepare to ask these nodes.

        Args:
            genesis: what the ledger is pinned by.
            urls: addresses as people type them, in order of preference.
            timeout_s: how long to go on asking for one thing.
            observe: called with the first status of each node, to compare it with what was seen.
            tokens: what is presented to whom.
            asked_last: nodes that others are preferred to.
            checkpoints: what each node has to extend.

        Raises:
            UsageError: no URL, too many, or one that is none, or to which no token may be sent.
        """
        # As typer takes a list apart that it finds there.
        is_found = list(urls) == os.environ.get(NODE_VARIABLE, "").split() != []
        self._named_by = NODE_VARIABLE if is_found else "--node"
        try:
            self._addresses = {one.url: one for one in parse_addresses(urls)}
        except MalformedError as error:
            raise UsageError(self._named_by, error.problem, NODE_URL) from None
        self._urls = tuple(sorted(self._addresses, key=lambda url: url in asked_last))
        if not 1 <= len(self._urls) <= MAX_NODES:
            problem = f"{len(self._urls)} nodes are named"
            raise UsageError(self._named_by, problem, f"1 to {MAX_NODES} URLs, separated by commas")
        self._genesis = genesis
        self.timeout_s = timeout_s
        self._observe = observe
        self._checkpoints = checkpoints
        tokens.check(tuple(self._addresses.values()), self._named_by)
        self._tokens = tokens
        self._preferred = 0
        self.met: set[str] = set()
        self.hung: set[str] = set()
        self._connections: NodeConnections

    async def __aenter__(self) -> Self:
        """Open the pool of connections."""
        keys = (bytes.fromhex(node.tls_key) for node in self._genesis.file.nodes)
        self._connections = NodeConnections(keys, self._headers_for, self._named_by)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._connections.close()

    def _headers_for(self, node: str) -> dict[str, str]:
        return self._tokens.headers_for(self._addresses[node])

    @property
    def node(self) -> str:
        """The node that is asked next."""
        return self._urls[self._preferred % len(self._urls)]

    async def request(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], A],
        *,
        body: bytes | None = None,
        deadline: float | None = None,
        waits: bool = False,
        before: Callable[[], None] | None = None,
    ) -> tuple[str, A]:
        """Ask one node after the other until one answers; gives who it was, and the answer.

        One whose answer cannot be ``read``, for it was damaged on its way or is none, gave none.
        With ``waits`` the node may have to wait before it can answer; it is told for how long, so
        that its reason is heard. What is to be done ``before`` a node may act on a request is done
        once one is there that will.

        Raises:
            NodeUnreachableError: none did before the deadline; or, a :class:`NoAccessError`, it is
                for none of them to tell whoever asks.
            NodeProblemError: one says no.
            NotTrustworthyError, AnotherLedgerError: one is no node of this ledger.
        """
        end = time.monotonic() + self.timeout_s if deadline is None else deadline
        pause = FIRST_PAUSE_S
        silences: dict[str, NoAnswerError] = {}
        not_before: dict[str, float] = {}
        rounds: Counter[str] = Counter()
        while True:
            node, now = self.node, time.monotonic()
            glance, until = self._share(now, end, rounds[node])
            try:
                if node not in self.met:
                    await self._meet(node, glance)
                if before is not None:
                    before()
                asked = path + _timeout(path, until) if waits else path
                most = glance if path == STATUS.path else until
                answer = _read(await self._ask(node, method, asked, body, most), read)
            except NoAnswerError as error:
                self.pass_over(node)
                self.met.discard(node)
                self.hung |= {node} if error.hung else set()
                rounds[node] += 1
                # What a node said tells more than that it says nothing any more.
                if error.kind or node not in silences or not silences[node].kind:
                    silences[node] = error
                if set(self._urls) == silences.keys() and is_for_others(silences):
                    raise NoAccessError(silences) from None
                now = time.monotonic()
                not_before[node] = now + error.retry_after_s
                wait = max(pause, not_before.get(self.node, now) - now)
                if now + wait >= end:
                    raise NodeUnreachableError(silences) from None
            else:
                self.hung.discard(node)
                return node, answer
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _share(self, now: float, end: float, tried: int) -> tuple[float, float]:
        """Say until when a node may say how it is, and until when it may answer.

        Nodes share what is left of the time; and how it is, a node can say at once.
        """
        left_s = end - now
        if len(self._urls) == 1:
            return end, end
        part_s = max(left_s / len(self._urls), min(_LEAST_S, left_s / 2))
        return now + min(_GLANCE_S * 2**tried, left_s), now + part_s

    async def _meet(self, node: str, until: float) -> None:
        content = await self._ask(node, "GET", STATUS.path, None, until)
        self._observe(node, self._check_chain(node, _read(content, _read_status)))
        if self._checkpoints is not None:
            await self._ask_for_proof(node, self._checkpoints, until)
        self.met.add(node)

    async def _ask_for_proof(self, node: str, known: CheckpointMemory, until: float) -> None:
        """Have a node prove that it extends what was seen sealed.

        Of one that cannot answer that, such as one of an earlier version, nothing is concluded.
        """
        end = min(until, time.monotonic() + _GLANCE_S)
        try:
            content = await self._ask(node, "GET", known.question, None, end)
            answer = read_answer(content, ConsistencyAnswer)
        except (NoAnswerError, NodeProblemError, *DECODE_ERRORS):
            return
        try:
            known.take(node, answer)
        except LedgerError as error:
            raise NoAnswerError(f"the checkpoint that it shows does not hold: {error}") from None

    async def status(self) -> tuple[str, PublicStatusAnswer]:
        """Ask a node where it stands; it tells all, a :class:`StatusAnswer`, whom it knows.

        Raises:
            AnotherLedgerError: it is of another ledger; or as :meth:`request`.
        """
        node, found = await self.request("GET", STATUS.path, _read_status)
        return node, self._check_chain(node, found)

    def pass_over(self, node: str) -> None:
        """Ask the next node from now on, if this one is still the one that is asked."""
        if node == self.node:
            self._preferred += 1

    def _check_chain(self, node: str, status: PublicStatusAnswer) -> PublicStatusAnswer:
        chain = self._genesis.chain.hex()
        if status.chain != chain:
            raise AnotherLedgerError(node, found=shorten(status.chain), pinned=chain)
        return status

    async def stream(self, node: str, path: str) -> AsyncIterator[bytes]:
        """Read the answer of one node piece by piece, as it comes.

        A node that asks to be asked again later is, until the time is up.

        Raises:
            NodeUnreachableError: it does not answer, or stops in the middle; or, a
                :class:`NoAccessError`, this is not for whoever asks.
            NodeProblemError: it says no.
            NotTrustworthyError: it holds no pinned key.
        """
        end = time.monotonic() + self.timeout_s
        while True:
            try:
                async with self._connections.send(
                    node, "GET", path, None, self.timeout_s
                ) as response:
                    if response.status not in _OK:
                        async with asyncio.timeout(self.timeout_s):
                            content = await read_whole(response, _MAX_PROBLEM_BYTES)
                        raise refuse(response, content)
                    async for chunk in read_pieces(response, self.timeout_s):
                        yield chunk
                    return
            except NoAnswerError as error:
                wait, silences = error.retry_after_s, {node: error}
                if not wait or time.monotonic() + wait >= end:
                    kind = NoAccessError if is_for_others(silences) else NodeUnreachableError
                    raise kind(silences) from None
            await asyncio.sleep(wait)

    async def _ask(
        self, node: str, method: str, path: str, body: bytes | None, end: float
    ) -> bytes:
        """Ask one node once; :class:`NoAnswerError` says that another one may be asked."""
        timeout_s = max(0.1, min(ATTEMPT_S, end - time.monotonic()))
        whole = asyncio.timeout_at(asyncio.get_running_loop().time() + timeout_s)
        async with self._connections.send(node, method, path, body, timeout_s) as response, whole:
            most = _MAX_BYTES.get(path, MAX_ANSWER_BYTES)
            is_problem = response.status not in _OK
            content = await read_whole(response, _MAX_PROBLEM_BYTES if is_problem else most)
        if is_problem or content.lstrip()[:1] in {b"", b"<"}:  # nothing, or a page by any name
            raise refuse(response, content)
        return content


def _timeout(path: str, until: float) -> str:
    """Give what to add to a path, so that a node answers before we stop listening to it."""
    left_s = min(ATTEMPT_S, until - time.monotonic())
    timeout_ms = max(1, int(1000 * (left_s - min(_SPARE_S, left_s / 4))))
    return f"{'&' if '?' in path else '?'}timeout_ms={timeout_ms}"


def read_from(node: str, content: bytes, read: Callable[[bytes], A]) -> A:
    """Read a part of an answer, or one that was remembered.

    Raises:
        NodeUnreachableError: it is not of the expected form, which decides nothing.
    """
    try:
        return _read(content, read)
    except NoAnswerError as error:
        raise NodeUnreachableError({node: error}) from None


def _read(content: bytes, read: Callable[[bytes], A]) -> A:
    try:
        check_json_depth(content)
        return read(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        said = shorten(f"its answer cannot be understood: {error}")
        raise NoAnswerError(f"{said}; it may have been damaged on its way") from None


def _read_status(content: bytes) -> PublicStatusAnswer:
    try:
        return read_answer(content, StatusAnswer)
    except msgspec.ValidationError:
        return read_answer(content, PublicStatusAnswer)
