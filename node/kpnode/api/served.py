"""What the API serves: the node as it sees it, its limits, and how it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
from aiohttp import web

from kpledger.api.routes import JSON_TYPE
from kpledger.log.chain import Tip
from kpledger.log.genesis import Genesis
from kpledger.scheme.event import SignedEvent
from kpnode.ledger import Ledger
from kpnode.runtime import NodeStatus, Outcome


class ServedNode(Protocol):
    """What the API needs of a node (:class:`kpnode.runtime.Node`)."""

    @property
    def genesis(self) -> Genesis:
        """What the ledger was founded on."""
        ...

    @property
    def name(self) -> str:
        """The node's name."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The committed ledger."""
        ...

    async def submit(self, events: Sequence[SignedEvent], timeout_s: float) -> list[Outcome]:
        """Bring events onto the ledger; outcomes in order."""
        ...

    async def catch_up(self, timeout_s: float) -> str | None:
        """Wait until the ledger holds all that was acknowledged before; else say why it may not."""
        ...

    def status(self) -> NodeStatus:
        """Give a picture of this moment."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """What the API takes on."""

    max_body_bytes: int = 1 << 20
    """Largest request."""
    max_submissions: int = 10_000
    """Events that are being submitted at once; more are told to come again."""
    max_streams: int = 16
    """Downloads of blocks at once."""
    request_s: float = 20.0
    """From the first byte of a request, or from the last answer, to the end of its headers; and
    again to the end of its body. Above the 15 seconds for which common clients keep an idle
    connection, so that none is closed while its client begins to write."""
    write_s: float = 60.0
    """For a client to take a piece of a download."""


def ledger_headers(tip: Tip) -> dict[str, str]:
    """Say as of which block an answer was given."""
    return {
        "KP-Height": str(tip.height),
        "KP-Head": tip.head.hex(),
        "KP-Block-Time-Ms": str(tip.time_ms),
    }


def respond_json(value: object, tip: Tip) -> web.Response:
    """Answer with JSON, as of a block."""
    return respond_encoded(msgspec.json.encode(value), tip)


def respond_encoded(encoded: bytes, tip: Tip) -> web.Response:
    """Answer with JSON that is encoded already, as of a block."""
    headers = {"Content-Type": JSON_TYPE, **ledger_headers(tip)}
    return web.Response(body=encoded, headers=headers)
