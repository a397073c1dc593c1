"""The rounds in which a leader has checkpoints cosigned, until they are sealed.

While something is new, a checkpoint a second; at once where somebody waits for it; and every few
seconds where nothing is, so that its time says that the voters are still there. The leader signs
it, cosigns it like every voter, and asks all other voters at once (C2SP tlog-witness). When enough
have cosigned it is sealed, and they are asked again with all cosignatures, so that each of them has
it. Witnesses that take no part in the ledger are asked for what is sealed, less often.

Whoever does not answer keeps nobody waiting: what it says later is taken up when it comes.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NoReturn

from kpledger.api.routes import ADD_CHECKPOINT, HEIGHT_HEADER, NOTE_TYPE
from kpledger.base.errors import LedgerError
from kpledger.base.keys import SigningKey
from kpledger.base.text import parse_count
from kpledger.log.checkpoint import format_checkpoint, sign_checkpoint
from kpledger.log.merkle import TreeSize, check_tree_size
from kpledger.log.note import Note, add_signatures
from kpledger.log.witnessing import (
    AddCheckpoint,
    WitnessError,
    format_add_checkpoint,
    parse_cosignatures,
)
from kpnode.contacts import NodeLine, Said, UnansweredError
from kpnode.process import end_tasks
from kpnode.raft import NodeId
from kpnode.sealing.cosigner import NotYetError
from kpnode.sealing.seals import Seals

_LOOK_S: Final = 0.1
"""How often it is looked whether a round is due; at most so often is one begun."""
_NEWS_S: Final = 1.0
_IDLE_S: Final = 5.0
_OUTSIDE_S: Final = 30.0
"""How often a witness that takes no part is asked."""
_ANSWER_S: Final = 5.0
_ANSWER_BYTES: Final = 64 << 10
_UNSEALED_S: Final = 30.0
"""After so long without a seal the operator hears of it."""
_SHOWN: Final = 200
_EMPTY: Final = TreeSize(0)


@dataclass(slots=True)
class _Witness:
    """Somebody who is asked to cosign."""

    line: NodeLine
    size: TreeSize
    """Of the checkpoint that it cosigned last, as far as is known."""
    trouble: str | None = "has not answered yet"
    """Why it gave no cosignature when it was asked last."""
    asked_s: float = -_OUTSIDE_S
    task: asyncio.Task[bool] | None = None


class Sealer:
    """Seals what is final while this node leads; belongs to one event loop."""

    def __init__(
        self,
        leads: Callable[[], bool],
        seals: Seals,
        key: SigningKey,
        *,
        voters: Mapping[NodeId, NodeLine],
        outside: Mapping[str, NodeLine],
    ) -> None:
        """Prepare; :meth:`run` does the work.

        Args:
            leads: tells whether this node leads.
            seals: what it cosigns, and where what is signed is kept.
            key: with which this node signs as the log.
            voters: the ways to the other voters, by name.
            outside: those to witnesses that take no part in the ledger.
        """
        self._leads = leads
        self._cosigner = seals.cosigner
        self._published = seals.published
        self._key = key
        self._voters = {name: _Witness(line, _EMPTY) for name, line in voters.items()}
        self._outside = {name: _Witness(line, _EMPTY) for name, line in outside.items()}
        self._asked_size = -1
        self._began_s = -_IDLE_S
        self._unsealed_since_s: float | None = None
        self._own_trouble: str | None = None

    @property
    def alarms(self) -> tuple[str, ...]:
        """What the operator should know, in sentences."""
        since_s = self._unsealed_since_s
        if since_s is None or time.monotonic() - since_s < _UNSEALED_S:
            return ()
        troubles: dict[str, str | None] = {name: one.trouble for name, one in self._voters.items()}
        troubles["this node"] = self._own_trouble
        said = "; ".join(f"{name} {why}" for name, why in troubles.items() if why is not None)
        alarm = (
            f"Nothing has been sealed for {time.monotonic() - since_s:.0f} s: {said}. Events are"
            " recorded all the same, but have no receipts until more than two thirds of the voters"
            " cosign. Look after these voters."
        )
        return (alarm,)

    async def run(self) -> NoReturn:
        """Seal one checkpoint after the other, until cancelled."""
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                if self._leads() and self._is_due():
                    await self._seal()
                elif self._unsealed_since_s is not None and not self._leads():
                    self._unsealed_since_s = None
        finally:
            witnesses = (*self._voters.values(), *self._outside.values())
            await end_tasks(one.task for one in witnesses if one.task is not None)

    def _is_due(self) -> bool:
        passed_s = time.monotonic() - self._began_s
        if passed_s < _NEWS_S and not self._published.wanted.is_set():
            return False
        checkpoint = self._published.tree.newest()
        if checkpoint is None or not checkpoint.size:
            return False
        if checkpoint.size > self._asked_size and self._published.wanted.is_set():
            return True
        is_news = checkpoint.size > self._published.sealed_size
        return passed_s >= (_NEWS_S if is_news else _IDLE_S)

    async def _seal(self) -> None:
        """Have the newest checkpoint cosigned."""
        checkpoint = self._published.tree.newest()
        if checkpoint is None:
            return
        size = self._asked_size = checkpoint.size
        self._began_s = time.monotonic()
        if self._unsealed_since_s is None:
            self._unsealed_since_s = self._began_s
        line = sign_checkpoint(checkpoint, key=self._key)
        note = await self._cosign(Note(format_checkpoint(checkpoint), (line,)), size)
        if note is None:
            return
        self._published.take(note)
        await self._wait_for_enough([self._begin(one, note, size) for one in self._voters.values()])
        sealed = self._published.sealed
        if sealed is None or self._published.sealed_size < size:
            return
        self._unsealed_since_s = None
        for one in self._voters.values():
            self._begin(one, sealed, size)
        for one in self._outside.values():
            if self._began_s - one.asked_s >= _OUTSIDE_S:
                one.asked_s = self._began_s
                self._begin(one, sealed, size)

    async def _cosign(self, note: Note, size: TreeSize) -> Note | None:
        """Cosign as every voter does; what is not, and so not saved, is not shown to others."""
        asked = self._ask(note, size, self._cosigner.newest.size)
        try:
            own = await asyncio.to_thread(self._cosigner.cosign, asked, int(time.time()))
        except (NotYetError, WitnessError) as error:
            self._own_trouble = f"does not cosign: {error}"
            return None
        self._own_trouble = None
        return add_signatures(note, (own,))

    def _ask(self, note: Note, size: TreeSize, old: TreeSize) -> AddCheckpoint:
        # Who has cosigned more than this refuses it, whatever the proof.
        path = self._published.tree.prove_consistency(old, size) if old < size else ()
        return AddCheckpoint(old, path, note)

    async def _wait_for_enough(self, asked: Iterable[asyncio.Task[bool]]) -> None:
        """Wait until so many have cosigned that it is sealed, or no more will in time."""
        waiting, missing = set(asked), 2 * (len(self._voters) + 1) // 3
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_S):
                while waiting and missing > 0:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    missing -= sum(one.result() for one in done)

    def _begin(self, witness: _Witness, note: Note, size: TreeSize) -> asyncio.Task[bool]:
        """Ask a witness, unless it is being asked."""
        if witness.task is None or witness.task.done():
            work = self._ask_witness(witness, note, size)
            witness.task = asyncio.create_task(work, name=f"seal by {witness.line.name}")
        return witness.task

    async def _ask_witness(self, witness: _Witness, note: Note, size: TreeSize) -> bool:
        """Ask a witness, and take up what it answers; tells whether it has cosigned."""
        try:
            answer = await self._find_answer(witness, note, size)
            lines = parse_cosignatures(note.text, answer)
            self._published.take(Note(note.text, (note.signatures[0], *lines)))
        except (UnansweredError, LedgerError) as error:
            witness.trouble = str(error)
            return False
        witness.size, witness.trouble = size, None
        return True

    async def _find_answer(self, witness: _Witness, note: Note, size: TreeSize) -> bytes:
        """Ask from what the witness has cosigned last, which it says if it is something else.

        Raises:
            UnansweredError: it gives no cosignature.
        """
        said = await self._post(witness, note, size)
        if said.status == HTTPStatus.CONFLICT:
            witness.size = _read_size(said)
            said = await self._post(witness, note, size)
        if said.status != HTTPStatus.OK:
            raise UnansweredError(f"does not cosign: {said.status} {_show(said)}")
        return said.body

    async def _post(self, witness: _Witness, note: Note, size: TreeSize) -> Said:
        if witness.size > size:
            raise UnansweredError(f"has cosigned a tree of {witness.size} events, not {size}")
        asked = await asyncio.to_thread(self._ask, note, size, witness.size)
        height = str(self._published.tree.height)
        return await witness.line.post(
            ADD_CHECKPOINT.path,
            format_add_checkpoint(asked),
            {"Content-Type": NOTE_TYPE, HEIGHT_HEADER: height},
            timeout_s=_ANSWER_S,
            max_bytes=_ANSWER_BYTES,
        )


def _read_size(said: Said) -> TreeSize:
    """Read from which size a witness wants to be asked.

    Raises:
        UnansweredError: it does not say.
    """
    size = parse_count(_show(said))
    if size is None:
        raise UnansweredError(f"does not cosign: {said.status} {_show(said)}")
    return check_tree_size(size)


def _show(said: Said) -> str:
    return said.body[:_SHOWN].decode(errors="replace").strip()
