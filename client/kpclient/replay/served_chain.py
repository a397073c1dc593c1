"""The blocks of a running node, streamed over HTTP. Nothing is verified here but who serves them.

A node is asked first how far its ledger reaches; a stream that ends below that height was cut off,
and nothing above it is read: so the work ends, whatever is sent.
Over https the other side must hold the TLS key of one of the nodes in the genesis file
(`kpledger.base.pinning`); over plain http it can be anybody, which is no loss for an audit: every
block has to prove itself.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Final

import msgpack

from kpclient.net.access_tokens import NO_TOKENS, AccessTokens
from kpclient.net.connections import NotTrustworthyError
from kpclient.net.node_client import (
    NoAccessError,
    NodeClient,
    NodeUnreachableError,
)
from kpclient.net.refusals import NodeProblemError
from kpclient.replay.copied_chain import ChainUnavailableError, StoredBlock
from kpledger.api.answers import CommitsAnswer, PublicStatusAnswer
from kpledger.api.decoding import read_answer
from kpledger.api.routes import (
    BLOCKS,
    COMMITS,
    MAX_COMMITS,
    MAX_HEIGHT,
    BlocksQuestion,
    CommitsQuestion,
)
from kpledger.log.certificates import CommitCertificate
from kpledger.log.genesis import Genesis
from kpledger.log.layout import MAX_STORED_BYTES

_CHUNK_BYTES: Final = 256 << 10
"""More than ever comes in one piece."""
_GOES_ON_BYTES: Final = 256 << 10
"""So much a download has brought that is asked for again when it breaks off: a busy node ends long
ones, so that others have their turn. One that brings less again and again would never end."""
_MAX_PAGES: Final = 200
"""Of certificates, one for each term: with a hundred thousand terms something else is wrong."""
_GLANCE_S: Final = 2.0
"""So long it may take to begin with them."""
End = tuple[str, PublicStatusAnswer, tuple[CommitCertificate, ...]]
"""Of a served chain: the node's URL, where it says that it stands, and its certificates."""
_OTHER: Final = "sends something other than blocks"


class ServedChain:
    """The blocks of a node up to where its ledger reached when it was first asked.

    Attributes:
        source: the URL of the node: the first that answers.
        height: that height.
    """

    def __init__(
        self,
        genesis: Genesis,
        urls: Sequence[str],
        *,
        timeout_s: float,
        tokens: AccessTokens = NO_TOKENS,
        after: int = 0,
    ) -> None:
        """Ask how far the ledger reaches; the blocks up to the height ``after`` are left out.

        Raises:
            AnotherLedgerError: the node is of another ledger.
            ClientError: no node answers, one answers something else, has never heard the others,
                or is none.
        """
        self._genesis, self._urls, self._timeout_s = genesis, tuple(urls), timeout_s
        self._tokens, self._after = tokens, after
        self.source, status, self._certificates = asyncio.run(self._ask_status())
        if status.height == 0 and status.age_s > 0 and not status.ready:
            raise self._unavailable("has never heard the others, and holds nothing yet")
        self.height = status.height

    def certificates(self) -> Iterator[CommitCertificate]:
        """Yield the commit certificates that the node shows, unverified, by their terms.

        None of an honest node is for a block above its height.
        """
        yield from self._certificates

    def __iter__(self) -> Iterator[StoredBlock]:
        """Yield the blocks above those that are left out, as :meth:`blocks` does."""
        return self.blocks(self._after + 1)

    def blocks(self, first: int) -> Iterator[StoredBlock]:
        """Yield the blocks from a height to the one that the node has claimed first, and no more.

        Raises:
            ChainUnavailableError: the stream cannot be had, is no stream of blocks, comes too
                slowly, or ends below that height.
        """
        reached = first - 1
        with asyncio.Runner() as runner:
            while reached < self.height:
                brought = 0
                try:
                    for block in self._read_blocks(runner, reached + 1):
                        reached = block.height
                        brought += len(block.stored)
                        yield block
                    problem = f"its blocks end at {reached}, its status says {self.height}"
                    problem = f"does not serve its whole ledger: {problem}"
                except NodeUnreachableError as error:
                    told = "; ".join(map(str, error.silences.values()))
                    how = "stopped in the middle" if brought else "does not serve its blocks"
                    problem = f"{how}: {told}"
                # Behind a proxy, or by HTTP/1.0, a download that was ended may look whole.
                if reached < self.height and brought < _GOES_ON_BYTES:
                    raise self._unavailable(problem)

    def _read_blocks(self, runner: asyncio.Runner, first: int) -> Iterator[StoredBlock]:
        """Yield the blocks of one download, from a height on."""
        unpacker = msgpack.Unpacker(
            max_buffer_size=MAX_STORED_BYTES + _CHUNK_BYTES, max_array_len=2
        )
        stream = self._read_stream(first)
        try:
            while chunk := runner.run(_next(stream)):
                unpacker.feed(chunk)
                for item in unpacker:
                    match item:
                        case [int(height), bytes(stored)]:
                            yield StoredBlock(height, stored)
                        case _:
                            raise self._unavailable(f"{_OTHER}: {item!r:.80}")
                    if height == self.height:
                        return  # it has grown since, or never ends
        except (ValueError, msgpack.UnpackException) as error:
            raise self._unavailable(f"{_OTHER}: {error!r}") from None
        finally:
            runner.run(stream.aclose())

    def _unavailable(self, problem: str) -> ChainUnavailableError:
        return ChainUnavailableError(f"{self.source} {problem}")

    def _open(self) -> NodeClient:
        return NodeClient(
            self._genesis,
            self._urls,
            timeout_s=self._timeout_s,
            observe=lambda *_: None,
            tokens=self._tokens,
        )

    async def _ask_status(self) -> End:
        async with self._open() as nodes:
            try:
                return await ask_end(nodes)
            except (NodeProblemError, NotTrustworthyError) as error:
                # A chain that cannot be had contradicts nothing.
                problem = f"{nodes.node} does not say how far its ledger reaches: {error}"
                raise ChainUnavailableError(problem) from None

    async def _read_stream(self, first: int) -> AsyncGenerator[bytes, None]:
        question = BlocksQuestion(first=first, limit=min(self.height - first + 1, MAX_HEIGHT))
        async with self._open() as nodes:
            try:
                async for chunk in nodes.stream(self.source, BLOCKS.target(question)):
                    yield chunk
            except (NoAccessError, NodeProblemError, NotTrustworthyError) as error:
                raise self._unavailable(f"does not serve its blocks: {error}") from None


async def ask_end(nodes: NodeClient, from_term: int = 0) -> End:
    """Ask a node how far its ledger reaches and what was signed there; gives who it was as well.

    Certificates of terms before ``from_term`` are not asked for.

    Raises:
        AnotherLedgerError: it is of another ledger.
        ClientError: no node answers, or what it answers makes no sense.
    """
    source, status = await nodes.status()
    certificates = await _fetch_certificates(nodes, source, from_term)
    if certificates:
        # Asked for again, so that none is for a block above its end.
        other, status = await nodes.status()
        return other, status, certificates if other == source else ()
    return source, status, ()


async def _fetch_certificates(
    nodes: NodeClient, node: str, term: int
) -> tuple[CommitCertificate, ...]:
    """Give the newest commit certificate of each term that a node shows."""
    found: list[CommitCertificate] = []
    read = partial(read_answer, kind=CommitsAnswer)
    end = time.monotonic() + min(_GLANCE_S, nodes.timeout_s)
    for _ in range(_MAX_PAGES):
        path = COMMITS.target(CommitsQuestion(from_term=term))
        try:
            asked, answer = await nodes.request("GET", path, read, deadline=end)
        except (NodeProblemError, NodeUnreachableError):
            return ()  # it is of an earlier version, or a proxy before it lets nobody ask
        if asked != node:
            return ()
        if len(answer.commits) > MAX_COMMITS:
            break
        found += answer.commits
        if answer.next is None:
            return tuple(found)
        term, end = answer.next, time.monotonic() + nodes.timeout_s
    raise ChainUnavailableError(f"{node} shows commit certificates without end")


async def _next(stream: AsyncIterator[bytes]) -> bytes:
    """Give the next piece; nothing at the end."""
    return await anext(stream, b"")
