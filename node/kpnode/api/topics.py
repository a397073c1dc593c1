"""GET /v1/<path of a topic>: what the analysis of the ledger tells (:mod:`kpledger.analysis`).

The parameters of a topic are the fields of its question; each is known, typed and bounded by the
Struct, or the request is refused by its name.
"""

import asyncio
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from kpledger.analysis.topic import AnyTopic, QuestionError
from kpledger.base.codec import malformed
from kpnode.api.parameters import Parameters
from kpnode.api.problems import parameter_error
from kpnode.api.query import COMMON, QueryApi
from kpnode.api.served import ServedNode, respond_encoded

MAX_REMEMBERED: Final = 64
"""Answers that are kept until the next block."""
MAX_REMEMBERED_BYTES: Final = 256 * 1024
"""The largest of them."""


class TopicsApi:
    """Answers every topic from the committed ledger."""

    def __init__(self, node: ServedNode, query: QueryApi) -> None:
        """Answer from this node's ledger; ``query`` waits for what an answer has to cover."""
        self._ledger = node.ledger
        self._query = query
        self._answers: dict[tuple[str, msgspec.Struct], bytes] = {}
        self._answers_head = b""

    def handler(self, topic: AnyTopic) -> Handler:
        """Give what answers the requests of one topic."""

        async def answer(request: web.Request) -> web.Response:
            names = topic.question.__struct_fields__
            given = Parameters(request.query, *COMMON, *names)
            wanted = {name: request.query[name] for name in names if name in request.query}
            try:
                question = msgspec.convert(wanted, topic.question, strict=False)
            except msgspec.ValidationError as error:
                found = malformed("question", error)
                name = found.field or "query"
                accepted = f"one of {', '.join(names)}, as /openapi.json says"
                raise parameter_error(name, found.problem, accepted) from None
            tip = await self._query.catch_up(given)
            known = self._known(tip.head, topic, question)
            if known is not None:
                return respond_encoded(known, tip)
            try:
                found_answer = await asyncio.to_thread(topic.reply, self._ledger, question)
            except QuestionError as error:
                raise parameter_error(error.field, error.problem, error.accepted) from None
            encoded = msgspec.json.encode(found_answer)
            self._remember(tip.head, topic, question, encoded)
            return respond_encoded(encoded, tip)

        return answer

    def _known(self, head: bytes, topic: AnyTopic, question: msgspec.Struct) -> bytes | None:
        """Give the answer that was given to this question as of this block, if it was asked."""
        return self._answers.get((topic.path, question)) if head == self._answers_head else None

    def _remember(
        self, head: bytes, topic: AnyTopic, question: msgspec.Struct, encoded: bytes
    ) -> None:
        """Keep an answer until the next block: until then it cannot become another one.

        Only if no block came while it was worked out, and no more than a few: they are for those
        who look at one page again and again.
        """
        if head != self._ledger.tip.head:
            return
        if head != self._answers_head or len(self._answers) >= MAX_REMEMBERED:
            self._answers.clear()
            self._answers_head = head
        if len(encoded) <= MAX_REMEMBERED_BYTES:
            self._answers[topic.path, question] = encoded
