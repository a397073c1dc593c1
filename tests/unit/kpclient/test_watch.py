"""``kpledger watch`` at the command line: one look at scripted nodes on real sockets."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import msgpack
import msgspec
import pytest
from aiohttp import web
from convicting import double_votes
from copied import write_genesis
from electing import finalise
from founding import VOTERS, MemoryLedger
from parted import COMMON, begin, go_on, go_on_elsewhere
from scripted_node import STATUS, Script, problem, served
from sealed_notes import ORIGIN, sign
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.api.answers import CommitsAnswer, EvidenceAnswer
from kpledger.base.hashing import Digest
from kpledger.books.query import encode_answer
from kpledger.log.certificates import CommitCertificate
from kpledger.log.checkpoint import Checkpoint
from kpledger.log.evidence_file import format_evidence
from kpledger.log.merkle import TreeSize
from kpledger.log.note import format_note


class Happened(msgspec.Struct):
    """What the command tells."""

    what: str
    text: str
    height: int | None
    node: str


class Node(Script):
    """A node that shows a history."""

    def __init__(
        self, ledger: MemoryLedger, *certificates: CommitCertificate, **status: object
    ) -> None:
        tip = ledger.tip
        size, root = tip.tree.size, tip.tree.root().hex()
        said = {"height": tip.height, "head": tip.head.hex(), "tree_size": size, "tree_root": root}
        commits = encode_answer(CommitsAnswer(commits=certificates, next=None))
        super().__init__(
            {
                "GET /v1/status": STATUS | said | status,
                "GET /v1/commits": commits,
                "GET /checkpoint": problem(404, "there is none"),
            }
        )
        self.blocks = list(ledger.entries)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        first = int(request.query.get("from", 1))
        shown = enumerate(self.blocks[first - 1 :], start=first)
        self.answers["GET /v1/blocks"] = b"".join(map(msgpack.packb, shown))
        return await super().answer(request)


async def look(
    place: Path, *nodes: Node, options: Sequence[str] = ("--once",)
) -> tuple[int, list[Happened]]:
    """Run the command against nodes; gives its exit code and what it tells."""
    async with AsyncExitStack() as stack:
        for node in nodes:
            node.url = await stack.enter_async_context(served(node))
        genesis = ["--genesis", str(write_genesis(place)), "--home", str(place)]
        typed = ["watch", *(node.url for node in nodes), *genesis, "--timeout", "2"]
        typed += [*options, "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, app, typed)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, msgspec.convert(
        [one for one in lines if "what" in one], list[Happened]
    )


def old(**status: object) -> Node:
    """Give a node with what all histories have, certified."""
    return Node(begin(), finalise(begin().tip.end), **status)


async def test_what_a_further_node_has_beyond_is_verified_and_told(tmp_path: Path) -> None:
    ahead = go_on(2)
    code, told = await look(tmp_path, old(), Node(ahead, finalise(ahead.tip.end)))
    assert (code, [(one.what, one.height) for one in told]) == (
        0,
        [("sound", None), ("issued", COMMON + 1), ("issued", COMMON + 2)],
    )
    assert told[1].text == "BW/gaborone issued BW000100, 100.000 ct to EU"


async def test_what_is_not_shown_to_be_final_is_told_to_be_so(tmp_path: Path) -> None:
    code, told = await look(tmp_path, old(), Node(go_on(1)))
    assert (code, told[1].what) == (0, "issued")
    assert told[1].text.endswith("(not shown to be final yet)")


async def test_only_what_happened_since_is_told(tmp_path: Path) -> None:
    ledger = go_on(1)
    assert [one.what for one in (await look(tmp_path, old()))[1]] == ["sound"]
    node = Node(ledger, finalise(ledger.tip.end))
    code, told = await look(tmp_path, node)
    assert (code, [(one.what, one.height) for one in told]) == (
        0,
        [("sound", None), ("issued", COMMON + 1)],
    )
    assert [one.what for one in (await look(tmp_path, node))[1]] == ["sound"]


async def test_a_block_that_breaks_the_rules_is_told_and_spoils_nothing(tmp_path: Path) -> None:
    liar, honest = go_on(3), go_on(2)
    bad = Node(liar, finalise(begin().tip.end))
    bad.blocks[COMMON] = bad.blocks[COMMON][:-1] + bytes([bad.blocks[COMMON][-1] ^ 1])
    code, told = await look(tmp_path, old(), bad, Node(honest, finalise(honest.tip.end)))
    assert code == 1
    wrong = [one for one in told if one.what == "violation"]
    assert [one.node for one in wrong] == [bad.url]
    assert f"VIOLATION: block {COMMON + 1} at" in wrong[0].text
    assert [one.height for one in told if one.what == "issued"] == [COMMON + 1, COMMON + 2]


async def test_a_chain_that_is_wrong_from_the_start_ends_it_with_1(tmp_path: Path) -> None:
    bad = old()
    bad.blocks[4] = bad.blocks[4][:-1] + bytes([bad.blocks[4][-1] ^ 1])
    code, told = await look(tmp_path, bad)
    assert (code, [one.what for one in told]) == (1, ["violation"])


async def test_first_node_keeps_nobody_from_watching_the_others(tmp_path: Path) -> None:
    ledger = go_on(2)
    bad, short = Node(ledger), Node(ledger)
    bad.blocks[4] = bad.blocks[4][:-1] + bytes([bad.blocks[4][-1] ^ 1])
    del short.blocks[COMMON:]
    good = Node(ledger, finalise(ledger.tip.end))
    for first, code, what in ((bad, 1, "violation"), (short, 0, "undecided")):
        (place := tmp_path / what).mkdir()
        found, told = await look(place, first, good)
        assert found == code
        assert next(one.what for one in told if one.node == first.url) == what
        assert next(one.text for one in told if one.what == "sound").endswith(
            f"as {good.url} shows"
        )


async def test_another_history_is_told_of_whoever_shows_it(tmp_path: Path) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(2)
    node, other = Node(mine, finalise(mine.tip.end)), Node(theirs)
    code, told = await look(tmp_path, node, other)
    assert (code, [one.what for one in told], told[1].node) == (1, ["sound", "fork"], other.url)
    assert theirs.tip.head.hex() in told[1].text


async def test_a_certificate_for_another_block_is_a_fork(tmp_path: Path) -> None:
    mine, theirs = go_on(3), go_on_elsewhere(3)
    node = Node(mine, finalise(mine.tip.end))
    other = Node(mine, finalise(theirs.tip.end, voters=("eu-1", "za-1")))
    code, told = await look(tmp_path, node, other)
    assert (code, [one.what for one in told]) == (1, ["sound", "fork"])
    assert "FORK: fork: another block" in told[1].text


@pytest.mark.parametrize(
    ("size", "root", "nodes", "code"),
    [
        pytest.param(0, b"", VOTERS, 0, id="this tree"),
        pytest.param(0, bytes(32), VOTERS, 1, id="another root"),
        pytest.param(0, bytes(32), VOTERS[:2], 0, id="another root, signed by too few"),
        pytest.param(9, bytes(32), VOTERS, 0, id="of what is not here yet"),
    ],
)
async def test_what_voters_have_sealed_is_held_against_what_was_verified(
    tmp_path: Path, size: int, root: bytes, nodes: tuple[str, ...], code: int
) -> None:
    node, tree = old(), begin().tip.tree
    sealed = Checkpoint(ORIGIN, TreeSize(tree.size + size), Digest(root or tree.root()))
    node.answers["GET /checkpoint"] = format_note(sign(sealed, *nodes))
    found, told = await look(tmp_path, node)
    assert (found, [one.what for one in told]) == (code, ["sound", "fork"] if code else ["sound"])


async def test_a_node_that_hears_no_leader_is_told(tmp_path: Path) -> None:
    silent = old(node="eu-1", age_s=21)
    code, told = await look(tmp_path, old(), silent)
    assert (code, told[1].what, told[1].node) == (0, "silent", silent.url)
    assert "has heard no leader for 21 s" in told[1].text


async def test_a_node_that_does_not_answer_is_told_and_another_is_followed(tmp_path: Path) -> None:
    dead = old()
    dead.answers["GET /v1/status"] = problem(503, "out of order")
    code, told = await look(tmp_path, dead, old())
    assert (code, [one.what for one in told]) == (0, ["unreachable", "sound"])
    assert "out of order" in told[0].text
    assert (await look(tmp_path, dead))[0] == 2


async def test_a_node_of_another_ledger_is_no_violation(tmp_path: Path) -> None:
    other = old(chain="ab" * 32)
    code, told = await look(tmp_path, old(), other)
    assert (code, [one.what for one in told]) == (0, ["sound", "unreachable"])
    assert "is of another ledger" in told[1].text
    assert (await look(tmp_path, other))[0] == 2


async def test_evidence_is_judged_and_kept(tmp_path: Path) -> None:
    _, evidence = next(iter(double_votes()))
    node = old(evidence=1)
    shown = EvidenceAnswer(evidence=(msgspec.Raw(format_evidence(evidence)),), next=None)
    node.answers["GET /v1/evidence"] = encode_answer(shown)
    code, told = await look(tmp_path, node)
    assert (code, [one.what for one in told]) == (0, ["sound", "evidence"])
    assert "Evidence of a lie (E3), against " in told[1].text
    assert len([*(tmp_path / "seen").glob("*.E3-*.json")]) == 1


async def test_what_was_verified_before_and_is_not_there_is_a_fork(tmp_path: Path) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(3)
    assert (await look(tmp_path, Node(mine, finalise(mine.tip.end))))[0] == 0
    code, told = await look(tmp_path, Node(theirs))
    assert (code, [one.what for one in told]) == (1, [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("watch", "error: URL: no node is named"),
        ("watch nowhere", "error: URL: 'nowhere' is not the URL of a node"),
        ("watch http://a --node http://b", "error: --node: URL names the nodes"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, words: str, said: str) -> None:
    result = CliRunner().invoke(app, [*words.split(), "--genesis", str(write_genesis(tmp_path))])
    assert (result.exit_code, result.stderr.startswith(said)) == (2, True), result.stderr


async def test_a_node_whose_blocks_come_to_nothing_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(3))

    def rest(_: float) -> None:
        if next(looks, None) is None:
            raise KeyboardInterrupt

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=rest)
    monkeypatch.setattr("kpclient.commands.watch.time", clock)
    monkeypatch.setattr("kpclient.commands.watch._VAIN_SHARE", 10**9)
    bad = Node(go_on(3), finalise(begin().tip.end))
    bad.blocks[COMMON] = bad.blocks[COMMON][:-1] + bytes([bad.blocks[COMMON][-1] ^ 1])
    _, told = await look(tmp_path, old(), bad, options=())
    assert [one.what for one in told if one.node == bad.url] == ["violation"]
    assert bad.asked.count("GET /v1/commits") > 3
    assert bad.asked.count("GET /v1/blocks") == 1


async def test_evidence_that_is_more_than_could_be_true_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpclient.net.ledger_client._MAX_EVIDENCE_BYTES", 10_000)
    file = format_evidence(next(one for _, one in double_votes()))
    pages = [
        encode_answer(EvidenceAnswer(evidence=(msgspec.Raw(file),), next=f"{at:064x}"))
        for at in range(1, 900)
    ]
    bad = old(evidence=900)
    bad.answers["GET /v1/evidence"] = pages
    _, told = await look(tmp_path, old(), bad)
    assert any("shows evidence without end" in one.text for one in told)
    assert bad.asked.count("GET /v1/evidence") == 10_000 // len(file) + 1
