"""GET /v1/evidence: what a node keeps against voters, as files that anybody can judge."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import pytest
from branches import sign_header
from convicting import ELECTORATE, ROOT, all_cases
from founding import vary
from serving import Served, make_node, serve

from kpledger.api.answers import EvidenceAnswer
from kpledger.log.evidence import BrokenBlock, Evidence
from kpledger.log.evidence_file import encode_evidence, evidence_id, parse_evidence
from kpledger.log.judging import judge
from kpnode.api.served import ApiLimits
from kpnode.config import AccessSection

ASKED: Final = ("good-e4-terms-between", "good-e6-own-vote", "good-e7-refused-by-rules")
SMALL: Final = [all_cases()[name] for name in (*ASKED, "good-e9-vote", "good-e9-nomination")]
"""None of which stops a node, or lets it do without a voter."""
LARGE: Final = [
    BrokenBlock(
        block=sign_header(vary(ROOT.next_header(mark), tree_size=99)),
        events=tuple(bytes([mark]) * 50_000 for _ in range(25)),
        problem="large",
    )
    for mark in range(4)
]


def in_order(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(evidence, key=lambda one: evidence_id(encode_evidence(one))))


def fill(directory: Path, evidence: Sequence[Evidence]) -> None:
    """Write evidence into a node's storage, as consensus does."""
    _, storage = make_node(directory, lambda: 0)  # type: ignore[arg-type]
    for one in evidence:
        encoded = encode_evidence(one)
        storage.put_evidence(evidence_id(encoded), encoded)
    storage.close()


async def ask(served: Served, query: str = "") -> tuple[tuple[Evidence, ...], str | None]:
    reply = await served.get(f"/v1/evidence{query}")
    assert reply.status == 200, reply.body
    answer = msgspec.json.decode(reply.body, type=EvidenceAnswer)
    return tuple(parse_evidence(bytes(one)) for one in answer.evidence), answer.next


async def test_evidence_is_given_as_files_that_convict(tmp_path: Path) -> None:
    fill(tmp_path / "ledger", SMALL)
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        found, onward = await ask(served)
        assert (found, onward) == (in_order(SMALL), None)
        for one in found:
            judge(one, ELECTORATE)
        third = evidence_id(encode_evidence(found[2])).hex()
        assert await ask(served, f"?from_id={third}") == (found[2:], None)


async def test_much_is_given_in_parts(tmp_path: Path) -> None:
    fill(tmp_path / "ledger", LARGE)
    read: list[Evidence] = []
    sizes: list[int] = []
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        onward: str | None = "0" * 64
        while onward is not None:
            found, onward = await ask(served, f"?from_id={onward}")
            read += found
            sizes.append(len(found))
    assert tuple(read) == in_order(LARGE)
    assert sizes == [1, 1, 1, 1]


async def test_a_node_that_has_found_nothing_has_none(served: Served) -> None:
    assert await ask(served) == ((), None)


async def test_strangers_are_not_given_the_events_in_it(tmp_path: Path) -> None:
    fill(tmp_path / "ledger", SMALL[:1])
    async with serve(tmp_path / "ledger", ApiLimits(), access=AccessSection()) as served:
        assert (await served.get("/v1/evidence")).status in {401, 403}


@pytest.mark.parametrize("query", ["?from_id=1", "?from_id=" + "A" * 64, "?limit=1"])
async def test_a_question_that_makes_no_sense_is_refused(served: Served, query: str) -> None:
    assert (await served.get(f"/v1/evidence{query}")).status == 400
