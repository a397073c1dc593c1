"""What several nodes and copies show of one ledger, each asked for itself.

A node is asked how far it is and for its commit certificates; its blocks are read where that takes
a comparison further. What is kept here is verified: certificates by the voters' keys of the genesis
file, blocks by their headers.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from kpclient.errors import ClientError
from kpclient.net.access_tokens import AccessTokens
from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NodeClient, NodeUnreachableError
from kpclient.net.refusals import NodeProblemError
from kpclient.output.console import show_progress
from kpclient.replay.children import describe_trouble
from kpclient.replay.copied_chain import ChainUnavailableError, CopiedChain, UnreadableBlock
from kpclient.replay.served_chain import ServedChain, ask_end
from kpclient.replay.verification import MAX_OPENINGS
from kpledger.api.answers import PublicStatusAnswer
from kpledger.api.routes import CHECKPOINT
from kpledger.base.codec import encode
from kpledger.base.errors import AnotherLedgerError, LedgerError
from kpledger.log.another_ledger import check_ledger
from kpledger.log.block import BlockKind
from kpledger.log.certificates import CommitCertificate, decode_opening
from kpledger.log.chain import CommittedBlocks
from kpledger.log.evidence import MAX_PATH_HEADERS, Evidence, Fork
from kpledger.log.genesis import Genesis
from kpledger.log.heads import VerifiedHeads
from kpledger.log.judging import judge
from kpledger.log.layout import NOOP_ENTRY, decode_stored_entry
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Electorate
from kpledger.log.two_histories import Stretch

_GLANCE_S: Final = 1.0
"""So long a node may take to show its checkpoint, which it has at hand."""
_PATIENCE: Final = 12
"""How many times its timeout a node may take until it has told all that it is asked for."""
NOTHING_HELD: Final[Mapping[str, int]] = MappingProxyType({})
_MAX_SHOWN: Final = 2 * MAX_PATH_HEADERS
"""What is further from where two histories part is shown by a nearer pair."""


@dataclass(slots=True, kw_only=True)
class HistorySource:
    """A node or a copy, and what is known of the history that it shows."""

    name: str
    """Its URL, or the directory."""
    is_node: bool
    node: str = ""
    """How it calls itself."""
    height: int = 0
    """Where its ledger ends, as it claims or as was read."""
    head: bytes = b""
    age_s: int = 0
    """So many seconds ago a node heard its leader, as it says."""
    evidence: int = 0
    """How many pieces of evidence against voters a node says that it holds."""
    accusations: tuple[Evidence, ...] = ()
    """Those that it shows, unverified."""
    checkpoint: bytes = b""
    """The one that it shows, unverified; empty if there is none, or it was not asked for."""
    certificates: list[CommitCertificate] = field(default_factory=list)
    """Those that it shows and that verify."""
    forks: list[Fork] = field(default_factory=list)
    """The proofs of two histories that it holds, verified."""
    chain: VerifiedHeads | None = None
    """What was read of its blocks."""
    problem: str = ""
    """Why not everything that was wanted could be had from it."""
    violation: str = ""
    """What it shows and no honest node would."""
    is_remembered: bool = False
    """It was shown and verified before; its blocks are not at hand."""

    @property
    def is_there(self) -> bool:
        """Whether it shows a history of this ledger at all."""
        return bool(self.head)

    def leave_out(self, problem: str) -> None:
        """Take nothing of what it shows for a history of this ledger; says why."""
        self.height, self.head, self.problem, self.violation = 0, b"", problem, ""
        self.certificates.clear()

    def take(self, electorate: Electorate, shown: Iterable[CommitCertificate]) -> None:
        """Keep the certificates that verify."""
        for one in shown:
            try:
                one.verify(electorate)
            except LedgerError as error:
                self.violation = self.violation or f"it shows what is no certificate: {error}"
            else:
                self.certificates.append(one)

    def take_evidence(self, electorate: Electorate, shown: Iterable[Evidence]) -> None:
        """Keep the proofs of two histories; who is accused of anything else is asked elsewhere."""
        for one in shown:
            if not isinstance(one, Fork):
                continue
            try:
                judge(one, electorate)
            except LedgerError as error:
                self.problem = f"it holds a proof of two histories that does not hold: {error}"
            else:
                self.forks.append(one)


class _Look(NamedTuple):
    """What is asked of a node."""

    from_term: int
    held: int
    sealed: bool


_Asked = tuple[HistorySource, tuple[CommitCertificate, ...]]


@dataclass(frozen=True, slots=True)
class HistoryReader:
    """Where histories of one ledger are had from."""

    genesis: Genesis
    timeout_s: float
    tokens: AccessTokens

    def ask_nodes(
        self,
        urls: Sequence[str],
        *,
        from_term: int = 0,
        held: Mapping[str, int] = NOTHING_HELD,
        sealed: bool = False,
    ) -> list[HistorySource]:
        """Ask nodes where they stand and what was signed there, all at once.

        Args:
            urls: of the nodes.
            from_term: certificates of earlier terms are not asked for.
            held: how much evidence nodes were known to hold, by URL: it is asked for where it is
                another number now.
            sealed: whether their checkpoints are asked for as well.
        """
        electorate, sources = Electorate.of(self.genesis), []
        looks = {url: _Look(from_term, held.get(url, 0), sealed=sealed) for url in urls}
        for source, shown in asyncio.run(self._ask_nodes(looks)):
            source.take(electorate, shown)
            sources.append(source)
        return sources

    async def _ask_nodes(self, looks: Mapping[str, _Look]) -> list[_Asked]:
        asked = (self._ask_node(url, look) for url, look in looks.items())
        return [*await asyncio.gather(*asked)]

    async def _ask_node(self, url: str, look: _Look) -> _Asked:
        source, shown = HistorySource(name=url, is_node=True), tuple[CommitCertificate, ...]()
        try:
            nodes = NodeClient(
                self.genesis,
                (url,),
                timeout_s=self.timeout_s,
                observe=lambda *_: None,
                tokens=self.tokens,
            )
            async with nodes, asyncio.timeout(_PATIENCE * self.timeout_s):
                _, status, shown = await ask_end(nodes, look.from_term)
                _note_status(source, status)
                if look.sealed:
                    source.checkpoint = await _fetch_checkpoint(nodes)
                if source.evidence != look.held:
                    _, shown_evidence = await LedgerClient(self.genesis, nodes).evidence()
                    source.accusations = shown_evidence
                    source.take_evidence(Electorate.of(self.genesis), shown_evidence)
        except (AnotherLedgerError, ClientError, LedgerError, ValueError) as error:
            source.problem = str(error)
        except TimeoutError:
            source.problem = "what it tells does not come to an end"
        return source, shown

    def read_copy(self, directory: Path) -> HistorySource:
        """Read a copied directory.

        Raises:
            UsageError: there is no database.
        """
        chain = CopiedChain(directory)
        source = HistorySource(name=chain.source, is_node=False)
        electorate = Electorate.of(self.genesis)
        for take in (
            partial(source.take, electorate, chain.certificates()),
            partial(source.take_evidence, electorate, chain.evidence()),
        ):
            # What cannot be read of one says nothing of the other.
            try:
                take()
            except (ClientError, OSError, MemoryError) as error:
                source.problem = describe_trouble(error)
        self._read(source, chain)
        if source.chain is not None:
            source.height = source.chain.height
            source.head = source.chain.head_at(source.height) or b""
        return source

    def read_node(self, source: HistorySource) -> None:
        """Read the blocks of a node that was asked, unless they were read."""
        if source.chain is not None or source.is_remembered or not source.is_there:
            return
        try:
            chain = self._open(source)
        except (ClientError, LedgerError, OSError) as error:
            source.problem = describe_trouble(error)
            return
        self._read(source, chain)

    def read_stretch(
        self, source: HistorySource, height: int, certificates: Iterable[CommitCertificate]
    ) -> Stretch:
        """Read the headers of a source from a height on, and take the certificates of its blocks.

        What cannot be read any more is left out: it convicts nobody.
        """
        blocks, shown, begun = CommittedBlocks(self.genesis), list[ShownHeader](), b""
        with suppress(ClientError, LedgerError, OSError, MemoryError):
            for block in self._open(source):
                if isinstance(block, UnreadableBlock) or len(shown) == _MAX_SHOWN:
                    break
                header, _ = blocks.read(block.height, block.stored)
                if block.height >= height:
                    shown.append(ShownHeader(header=encode(header), seal=blocks.seal))
                elif header.kind is BlockKind.NOOP:
                    begun = blocks.seal
        last, chain = height + len(shown) - 1, source.chain
        held = (
            one
            for one in certificates
            if height <= one.index <= last and chain is not None and chain.holds(one)
        )
        return Stretch(tuple(shown), tuple(held), decode_opening(begun) if begun else None)

    def _open(self, source: HistorySource) -> ServedChain | CopiedChain:
        if not source.is_node:
            return CopiedChain(Path(source.name))
        return ServedChain(
            self.genesis, (source.name,), timeout_s=self.timeout_s, tokens=self.tokens
        )

    def _read(self, source: HistorySource, chain: ServedChain | CopiedChain) -> None:
        """Read blocks, and verify their headers, as far as both goes."""
        heads, openings, first = VerifiedHeads(self.genesis), 0, None
        try:
            try:
                with show_progress(f"blocks of {source.name}", chain.height) as advance:
                    for block in chain:
                        if isinstance(block, UnreadableBlock):
                            source.problem = f"block {block.height} cannot be read: {block.why}"
                            break
                        entry = decode_stored_entry(block.stored)
                        is_opening = entry.kind == NOOP_ENTRY
                        first = first or (entry if entry.payload else None)
                        heads.feed(block.height, block.stored)
                        openings = openings + 1 if is_opening else 0
                        if openings > MAX_OPENINGS:
                            problem = f"more than {MAX_OPENINGS} blocks follow that only open terms"
                            raise ChainUnavailableError(problem)
                        advance(1)
            finally:
                heads.settle()  # also what stands before trouble
        except LedgerError as error:
            try:
                if first is not None and not heads.height:
                    check_ledger(self.genesis.chain, first)
            except AnotherLedgerError as another:
                source.leave_out(str(another))
                return
            source.violation = source.violation or str(error)
        except (ClientError, OSError, MemoryError) as error:
            source.problem = describe_trouble(error)
        source.chain = heads


async def _fetch_checkpoint(nodes: NodeClient) -> bytes:
    """Ask a node for its checkpoint; nothing where it has none."""
    end = time.monotonic() + min(_GLANCE_S, nodes.timeout_s)
    try:
        _, checkpoint = await nodes.request("GET", CHECKPOINT.path, bytes, deadline=end)
    except (NodeProblemError, NodeUnreachableError):
        return b""
    return checkpoint


def _note_status(source: HistorySource, status: PublicStatusAnswer) -> None:
    source.node, source.height, source.age_s = status.node, status.height, status.age_s
    source.head, source.evidence = bytes.fromhex(status.head), status.evidence
