"""Other nodes that are asked over HTTP, as those who ask them see them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


class UnansweredError(Exception):
    """Another node does not answer, or not as it should; it may be asked again."""


@dataclass(frozen=True, slots=True)
class Said:
    """What another node answered."""

    status: int
    """That of HTTP."""
    headers: Mapping[str, str]
    body: bytes


class PostingLine(Protocol):
    """The way to one other node, for whoever only sends to it."""

    @property
    def name(self) -> str:
        """The name of a node, or a URL."""

    async def post(
        self,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        max_bytes: int,
    ) -> Said:
        """Send something; an answer that is longer counts as none.

        Raises:
            UnansweredError: there is no answer.
        """


class NodeLine(PostingLine, Protocol):
    """The way to one other node (:class:`kpnode.transport.contact.Contact`)."""

    async def get(self, target: str, *, timeout_s: float, max_bytes: int) -> Said:
        """Ask; an answer that is longer counts as none.

        Raises:
            UnansweredError: there is no answer.
        """

    def stream(
        self, target: str, *, timeout_s: float
    ) -> AbstractAsyncContextManager[tuple[Said, AsyncIterator[bytes]]]:
        """Ask for something long: what it begins with, and its body in pieces.

        Where it does not succeed all of the body is in what it begins with.

        Raises:
            UnansweredError: it does not begin in time, or breaks off.
        """
