"""The ledger as a transparency log: its checkpoint, its tree in tiles, proofs and receipts (C2SP).

Tiles and bundles are given of all that is committed, and never change. Proofs and receipts are of
the newest checkpoint that is sealed, which comes with them; until an event is, there is none of it.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from aiohttp import web

from kpledger.api.answers import ConsistencyAnswer, InclusionAnswer
from kpledger.api.routes import BYTES_TYPE, COSE_TYPE, NOTE_TYPE, EventQuestion
from kpledger.api.tree_questions import (
    BundleQuestion,
    ConsistencyQuestion,
    InclusionQuestion,
    TileQuestion,
)
from kpledger.base.hashing import Digest
from kpledger.base.state import read_record
from kpledger.log.checkpoint import parse_checkpoint
from kpledger.log.cose import CoseReceipt
from kpledger.log.merkle import TreeSize
from kpledger.log.note import Note, format_note
from kpledger.log.receipt import Receipt, format_receipt
from kpledger.log.tiles import Tile, encode_bundle, parse_tile_path
from kpledger.scheme.v1.records import EventRecord
from kpnode.api.client import client_of
from kpnode.api.delivery import cut_off
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import ApiLimits, ServedNode, find_tip, ledger_headers, respond_json
from kpnode.api.shares import Shares, Turns
from kpnode.sealing.seals import Seals

T = TypeVar("T")

_AT_ONCE: Final = 4
"""So many tiles and proofs are read at once, each in a few milliseconds; others wait."""
_FOR_EVER: Final = {"Cache-Control": "max-age=31536000, immutable"}
"""As C2SP tlog-tiles has it for all that is a tile."""


class TransparencyApi:
    """Answers for the tree."""

    def __init__(self, node: ServedNode, seals: Seals, limits: ApiLimits) -> None:
        self._node = node
        self._ledger = node.ledger
        self._published = seals.published
        self._log_key = seals.log_key
        self._tree = seals.published.tree
        self._readings = Shares(limits.max_questions, "questions about the tree wait")
        self._turns = Turns(_AT_ONCE)

    async def get_checkpoint(self, _request: web.Request) -> web.Response:
        """Give the newest checkpoint that is sealed; before the first one, the newest signed."""
        tip = find_tip(self._node)
        note = self._published.best
        if note is None:
            raise _not_sealed("no checkpoint of this ledger is known here yet")
        return web.Response(body=format_note(note), headers=ledger_headers(tip, NOTE_TYPE))

    async def get_tile(self, request: web.Request) -> web.Response:
        """Give a tile of hashes."""
        path = read_parameters(request, TileQuestion).path
        tile = self._find_tile(parse_tile_path(path, is_entries=False))

        def read() -> bytes:
            return b"".join(self._ledger.tree.read(tile.level, tile.start, tile.end))

        return await self._give(request, read)

    async def get_bundle(self, request: web.Request) -> web.Response:
        """Give a bundle of envelopes."""
        path = read_parameters(request, BundleQuestion).path
        tile = self._find_tile(parse_tile_path(path, is_entries=True))

        def read() -> bytes:
            return encode_bundle(self._ledger.tree.entries(tile.start, tile.end))

        return await self._give(request, read)

    async def get_receipt(self, request: web.Request) -> web.Response:
        """Give the receipt of an event."""
        event_id = read_parameters(request, EventQuestion).id
        tip = find_tip(self._node)
        index = self._find_event(event_id)
        note, path = await self._prove(request, index)
        receipt = Receipt(index, path, format_note(note), extra=None)
        return web.Response(body=format_receipt(receipt), headers=ledger_headers(tip, NOTE_TYPE))

    async def get_cose_receipt(self, request: web.Request) -> web.Response:
        """Give the receipt of an event in COSE, signed here."""
        event_id = read_parameters(request, EventQuestion).id
        tip = find_tip(self._node)
        index = self._find_event(event_id)
        note, path = await self._prove(request, index)
        if self._log_key is None:
            raise _not_sealed("this node does not vote, and does not sign as the log; voters do")
        if not path:
            raise _not_sealed("the ledger has one event so far, and COSE has no form for that")
        checkpoint = parse_checkpoint(note.text)
        receipt = CoseReceipt(
            root=checkpoint.root,
            size=checkpoint.size,
            index=index,
            path=path,
            issuer=checkpoint.origin,
            subject=event_id,
        )
        headers = ledger_headers(tip, COSE_TYPE)
        return web.Response(body=receipt.sign(self._log_key), headers=headers)

    async def get_inclusion(self, request: web.Request) -> web.Response:
        """Prove that an event stands at a place."""
        index = read_parameters(request, InclusionQuestion).index
        tip = find_tip(self._node)
        if index >= tip.tree.size:
            detail = f"{index} is not below {tip.tree.size}, the number of events"
            raise ProblemError(make_problem(ProblemKind.NOT_FOUND, detail, field="index"))
        note, path = await self._prove(request, index)
        answer = InclusionAnswer(
            index=index, path=_to_hex(path), checkpoint=format_note(note).decode()
        )
        return respond_json(answer, tip)

    async def get_consistency(self, request: web.Request) -> web.Response:
        """Prove that the ledger extends what it was."""
        old = TreeSize(read_parameters(request, ConsistencyQuestion).size)
        tip = find_tip(self._node)
        note, size = self._find_sealed()
        path = None
        if old <= size:
            proof = partial(self._tree.prove_consistency, old, size)
            path = _to_hex(await self._read(request, proof))
        answer = ConsistencyAnswer(path=path, checkpoint=format_note(note).decode())
        return respond_json(answer, tip)

    def _find_event(self, event_id: str) -> int:
        """Give the place of an event.

        Raises:
            ProblemError: it is not on the ledger.
        """
        key = EventRecord.key_for(bytes.fromhex(event_id))
        record = read_record(self._ledger.state, key, EventRecord)
        if record is None:
            detail = f"no event {event_id} is on the ledger"
            raise ProblemError(make_problem(ProblemKind.NOT_FOUND, detail))
        return record.index

    def _find_tile(self, tile: Tile) -> Tile:
        """See that a tile is one of the tree.

        Raises:
            ProblemError: it is beyond what is committed.
        """
        size = find_tip(self._node).tree.size
        if not tile.is_within(size):
            detail = f"the tree over {size} events has no such tile"
            raise ProblemError(make_problem(ProblemKind.NOT_FOUND, detail))
        return tile

    def _find_sealed(self) -> tuple[Note, TreeSize]:
        """Give the newest checkpoint that is sealed, and its size.

        Raises:
            ProblemError: there is none, or it goes beyond what this node has.
        """
        note = self._published.sealed
        if note is None:
            raise _not_sealed("no checkpoint of this ledger is sealed here yet")
        size, own = parse_checkpoint(note.text).size, self._ledger.tip.tree.size
        if size > own:
            raise _not_sealed(f"{size} events are sealed, of which this node has {own}")
        return note, size

    async def _prove(self, request: web.Request, index: int) -> tuple[Note, tuple[Digest, ...]]:
        """Give a sealed checkpoint, and the path to it from a leaf.

        Raises:
            ProblemError: the event is not sealed yet.
        """
        note, size = self._find_sealed()
        if index >= size:
            raise _not_sealed(f"event {index} is on the ledger; {size} events are sealed so far")
        proof = partial(self._tree.prove_inclusion, index, size)
        return note, await self._read(request, proof)

    async def _give(self, request: web.Request, read: Callable[[], bytes]) -> web.Response:
        headers = ledger_headers(self._ledger.tip, BYTES_TYPE) | _FOR_EVER
        return web.Response(body=await self._read(request, read), headers=headers)

    async def _read(self, request: web.Request, read: Callable[[], T]) -> T:
        """Read in a thread, in the client's turn."""
        client = client_of(request)
        end = partial(cut_off, request)
        with self._readings.take(client, cut_off=end, is_paced=False):
            async with self._turns.take(client):
                return await asyncio.to_thread(read)


def _not_sealed(detail: str) -> ProblemError:
    accepted = "the same request again in a few seconds"
    return ProblemError(make_problem(ProblemKind.NOT_SEALED, detail, accepted=accepted))


def _to_hex(path: tuple[Digest, ...]) -> tuple[str, ...]:
    return tuple(digest.hex() for digest in path)
