"""Whether what a node has sealed extends what was sealed before: asked at every first contact.

Whoever is always shown one history notices nothing of another one. So the newest checkpoint that
was seen sealed is kept, and every node that is met has to prove that its own begins with it. One
that has less cannot, and lies about nothing by that. A checkpoint that is sealed as well, and does
not begin with the other, shows that voters have signed two histories.
"""

from collections.abc import Callable

from kpclient.errors import ClientError
from kpledger.api import routes
from kpledger.api.answers import ConsistencyAnswer
from kpledger.api.tree_questions import ConsistencyQuestion
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest
from kpledger.command import EXIT_REFUSED
from kpledger.log.checkpoint import Checkpoint
from kpledger.log.evidence import SplitView
from kpledger.log.genesis import Genesis
from kpledger.log.merkle import RootMismatchError, TreeSize, verify_consistency
from kpledger.log.policy import Sealed, policy_of
from kpledger.log.split_view import find_split_view
from kpledger.log.statements import Electorate


class SplitViewError(ClientError):
    """Two sealed checkpoints of which neither begins with the other.

    Attributes:
        evidence: who signed both, for anybody who has the genesis file.
    """

    EXIT_CODE = EXIT_REFUSED

    def __init__(self, node: str, seen: Checkpoint, shown: Checkpoint, evidence: SplitView) -> None:
        super().__init__(
            f"{node} shows a sealed checkpoint of {_describe(shown)}, which does not begin with the"
            f" one of {_describe(seen)} that was seen sealed before: voters have signed two"
            " histories of this ledger. What to do: give the evidence to the Chair and to whoever"
            " runs a node (kpledger evidence verify), compare the nodes (kpledger compare URL URL),"
            " and rely on nothing new meanwhile"
        )
        self.evidence = evidence


class CheckpointMemory:
    """What was seen sealed of one ledger, and is asked of every node."""

    def __init__(
        self, genesis: Genesis, remembered: bytes | None, *, keep: Callable[[bytes, int], None]
    ) -> None:
        """Take up what is remembered; what is not, or no longer, sealed counts for nothing.

        Args:
            genesis: the ledger.
            remembered: the newest sealed checkpoint that was seen, as a note.
            keep: is given a newer one, and its size.
        """
        self._electorate = Electorate.of(genesis)
        self._policy = policy_of(genesis)
        self._keep = keep
        self._seen: Sealed | None = None
        if remembered is not None:
            try:
                self._seen = self._policy.judge(remembered)
            except LedgerError:
                self._seen = None

    @property
    def question(self) -> str:
        """What a node is asked, as the target of a request."""
        size = 0 if self._seen is None else self._seen.signed.checkpoint.size
        return routes.CONSISTENCY.target(ConsistencyQuestion(size=size))

    def take(self, node: str, answer: ConsistencyAnswer) -> None:
        """Verify what a node answers, and keep the checkpoint if it is the newest.

        Raises:
            SplitViewError: it is sealed, and of another history.
            LedgerError: it is not sealed, or not proved.
        """
        shown = self._policy.judge(answer.checkpoint.encode())
        if answer.path is not None:
            self._connect(node, shown, tuple(Digest(bytes.fromhex(one)) for one in answer.path))
        size = shown.signed.checkpoint.size
        if self._seen is None or size > self._seen.signed.checkpoint.size:
            self._seen = shown
            self._keep(answer.checkpoint.encode(), size)

    def _connect(self, node: str, shown: Sealed, path: tuple[Digest, ...]) -> None:
        """See that a checkpoint begins with the one that was seen before.

        Raises:
            SplitViewError: its tree begins with another one.
            LedgerError: it is not proved with what its tree begins.
        """
        if self._seen is None or not self._seen.signed.checkpoint.size:
            return
        seen, new = self._seen.signed.checkpoint, shown.signed.checkpoint
        try:
            _verify(seen.size, seen.root, new, path)
        except RootMismatchError as error:
            # The path leads from another beginning; if it leads to the tree, that is what it has.
            root = None if seen.size == new.size else error.calculated
            if root is not None:
                _verify(seen.size, root, new, path)
            notes = self._seen.signed.note, shown.signed.note
            evidence = find_split_view(self._electorate, *notes, root=root, path=path)
            # Two that are sealed have signers in common: more than a third of the voters.
            if evidence is not None:
                raise SplitViewError(node, seen, new, evidence) from None
            raise


def _verify(size: TreeSize, root: Digest, new: Checkpoint, path: tuple[Digest, ...]) -> None:
    verify_consistency(
        old_size=size, old_root=root, new_size=new.size, new_root=new.root, path=path
    )


def _describe(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size} events under root {checkpoint.root.hex()}"
