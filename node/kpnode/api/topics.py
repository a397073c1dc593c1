"""GET /v1/<path of a topic>: what the analysis of the ledger tells (:mod:`kpledger.analysis`).

The parameters of a topic are the fields of its question; each is known, typed and bounded by the
Struct, or the request is refused by its name.
"""

import asyncio

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from kpledger.analysis.topic import AnyTopic, QuestionError
from kpledger.codec import malformed
from kpnode.api.parameters import Parameters
from kpnode.api.problems import parameter_error
from kpnode.api.query import COMMON, QueryApi
from kpnode.api.served import ServedNode, respond_json


class TopicsApi:
    """Answers every topic from the committed ledger."""

    def __init__(self, node: ServedNode, query: QueryApi) -> None:
        """Answer from this node's ledger; ``query`` waits for what an answer has to cover."""
        self._ledger = node.ledger
        self._query = query

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
            try:
                found_answer = await asyncio.to_thread(topic.reply, self._ledger, question)
            except QuestionError as error:
                raise parameter_error(error.field, error.problem, error.accepted) from None
            return respond_json(found_answer, tip)

        return answer
