"""GET /v1/commits: who has signed that blocks are final, as stored and for everybody."""

from pathlib import Path

import pytest
from founding import VOTERS, make_genesis, opening_events, signing_key
from serving import Served, make_node, serve

from kpledger.api.answers import CommitsAnswer
from kpledger.api.decoding import read_answer
from kpledger.base.codec import encode
from kpledger.log.certificates import CommitCertificate, certify_commit
from kpledger.log.statements import Electorate, LogEnd, StatementSigner
from kpnode.api.served import ApiLimits
from kpnode.config import AccessSection

ELECTORATE = Electorate.of(make_genesis())


def certify(term: int, index: int, voters: tuple[str, ...] = VOTERS[:2]) -> CommitCertificate:
    end = LogEnd(term=term, index=index, head=bytes([term]) * 32)
    signers = (
        StatementSigner(ELECTORATE, one, signing_key(f"{one}/consensus"), 1) for one in voters
    )
    return certify_commit([one.acknowledge(end) for one in signers])


CERTIFICATES = (certify(2, 3), certify(3, 9), certify(6, 12, VOTERS))
"""Of terms above that in which the node is elected, and certifies its own block 1."""


def fill(directory: Path) -> None:
    """Write certificates into a node's storage, as consensus does."""
    _, storage = make_node(directory, lambda: 0)  # type: ignore[arg-type]
    for one in CERTIFICATES:
        storage.put_certificate(one.term, encode(one))
    storage.close()


async def ask(served: Served, query: str = "") -> CommitsAnswer:
    reply = await served.get(f"/v1/commits{query}")
    assert reply.status == 200, reply.body
    return read_answer(reply.body, CommitsAnswer)


async def test_certificates_are_given_as_stored_and_verify(tmp_path: Path) -> None:
    fill(tmp_path / "ledger")
    async with serve(tmp_path / "ledger", ApiLimits(), access=AccessSection()) as served:
        answer = await ask(served)
        kept = tuple(one for one in answer.commits if one.term > 1)
        assert (kept, answer.next) == (CERTIFICATES, None)
        for one in answer.commits:
            one.verify(ELECTORATE)
        assert (await served.get("/v1/status")).json["final_height"] == 12


@pytest.mark.parametrize(
    ("query", "first", "last", "onward"),
    [
        ("?from_term=2", 0, 3, None),
        ("?from_term=3", 1, 3, None),
        ("?from_term=4", 2, 3, None),
        ("?from_term=7", 3, 3, None),
        ("?from_term=2&limit=2", 0, 2, 6),
        ("?from_term=3&limit=1", 1, 2, 6),
        ("?from_term=3&limit=2", 1, 3, None),
    ],
)
async def test_a_part_of_them_is_given_and_where_to_go_on(
    tmp_path: Path, query: str, first: int, last: int, onward: int | None
) -> None:
    fill(tmp_path / "ledger")
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        answer = await ask(served, query)
    assert answer == CommitsAnswer(commits=CERTIFICATES[first:last], next=onward)


async def test_what_a_node_has_committed_is_certified(served: Served) -> None:
    await served.record(*opening_events("BW/gaborone"))
    tip = served.node.ledger.tip
    (certificate,) = (await ask(served)).commits
    assert certificate.end == tip.end
    certificate.verify(ELECTORATE)
    assert (await served.get("/v1/status")).json["final_height"] == tip.height


@pytest.mark.parametrize("query", ["?from_term=-1", "?limit=0", "?limit=501", "?term=1"])
async def test_a_question_that_makes_no_sense_is_refused(served: Served, query: str) -> None:
    assert (await served.get(f"/v1/commits{query}")).status == 400
