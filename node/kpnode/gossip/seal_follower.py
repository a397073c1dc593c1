"""What a node that does not vote does for seals: it asks others for them, and cosigns them.

Its cosignature seals nothing. It says that one more node has the ledger up to there, to those whose
policy wants to know.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final, NoReturn

from kpledger.api.routes import CHECKPOINT
from kpledger.base.errors import LedgerError
from kpledger.log.checkpoint import parse_checkpoint
from kpledger.log.note import Note, add_signatures, parse_note
from kpledger.log.witnessing import AddCheckpoint, WitnessError
from kpnode.contacts import NodeLine, UnansweredError
from kpnode.incident import Incident
from kpnode.sealing.cosigner import NotYetError
from kpnode.sealing.seals import Seals

_PULL_S: Final = 4.0
_COSIGN_S: Final = 10.0
"""How often a node that does not vote cosigns at most: there may be many of them."""
_ANSWER_S: Final = 5.0
_ANSWER_BYTES: Final = 64 << 10
_log = logging.getLogger(__name__)


class SealFollower:
    """Asks one source after another for the newest seal; belongs to one event loop."""

    def __init__(self, seals: Seals, sources: Sequence[NodeLine], *, cosigns: bool) -> None:
        """Prepare; :meth:`run` does the work.

        ``cosigns`` unless the genesis file does not name this node, so that nobody knows its key.
        """
        self._cosigner = seals.cosigner
        self._published = seals.published
        self._sources = sources
        self._cosigns = cosigns
        self._seen = b""
        self._cosigned_s = -_COSIGN_S
        self._refusals = Incident(_log, "left out a checkpoint of a source", level=logging.ERROR)

    async def run(self) -> NoReturn:
        """Ask again and again, until cancelled."""
        while True:
            for source in random.sample(self._sources, len(self._sources)):
                with suppress(UnansweredError):
                    if await self._ask(source):
                        break
            if self._cosigns:
                await self._cosign()
            await asyncio.sleep(_PULL_S)

    async def _ask(self, source: NodeLine) -> bool:
        """Take up the checkpoint of a source; tells whether it is as new as any that is known.

        Raises:
            UnansweredError: the source does not answer.
        """
        said = await source.get(CHECKPOINT.path, timeout_s=_ANSWER_S, max_bytes=_ANSWER_BYTES)
        if said.status != HTTPStatus.OK:
            return False
        try:
            note = parse_note(said.body)
            if said.body != self._seen:
                self._published.take(note)
                self._seen = said.body
            return parse_checkpoint(note.text).size >= self._published.sealed_size
        except LedgerError as error:
            self._refusals.note(f"{source.name}: {error}")
            return False

    async def _cosign(self) -> None:
        """Cosign what is sealed, if the own ledger has come so far."""
        sealed = self._published.sealed
        if sealed is None or time.monotonic() - self._cosigned_s < _COSIGN_S:
            return
        size, old = parse_checkpoint(sealed.text).size, self._cosigner.newest.size
        tree = self._published.tree
        if tree.root_at(size) is None or size < old:
            return
        path = tree.prove_consistency(old, size) if old < size else ()
        asked = AddCheckpoint(old, path, sealed)
        self._cosigned_s = time.monotonic()
        try:
            line = await asyncio.to_thread(self._cosigner.cosign, asked, int(time.time()))
        except (WitnessError, NotYetError) as error:
            self._refusals.note(f"not cosigned: {error}")
            return
        self._published.take(add_signatures(Note(sealed.text, (line,)), sealed.signatures))
