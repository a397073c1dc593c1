"""``kpledger compare`` at the command line: scripted nodes on real sockets, real copies."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgpack
import msgspec
import pytest
from copied import write_copy, write_genesis
from electing import finalise, open_voted_term
from founding import MemoryLedger, make_genesis, make_genesis_file, vary
from parted import COMMON, begin, go_on, go_on_elsewhere, grow, stretch
from scripted_node import STATUS, Script, problem, served
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.api.answers import CommitsAnswer, EvidenceAnswer
from kpledger.books.query import encode_answer
from kpledger.log.certificates import CommitCertificate
from kpledger.log.evidence_file import format_evidence
from kpledger.log.findings import find_fork
from kpledger.log.genesis import format_genesis, parse_genesis
from kpledger.log.statements import Electorate

THEIRS = ("eu-1", "za-1")


def script(
    name: str, ledger: MemoryLedger, *certificates: CommitCertificate, **answers: object
) -> Script:
    """Make a node that shows a history; ``blocks``, ``commits`` or ``status`` are other answers."""
    tip = ledger.tip
    said = {"node": name, "height": tip.height, "head": tip.head.hex()}
    blocks = b"".join(msgpack.packb(one) for one in enumerate(ledger.entries, start=1))
    commits = encode_answer(CommitsAnswer(commits=certificates, next=None))
    return Script(
        {
            "GET /v1/status": answers.get("status", STATUS | said),
            "GET /v1/commits": answers.get("commits", commits),
            "GET /v1/blocks": answers.get("blocks", blocks),
            "GET /v1/evidence": answers.get("evidence", problem(503, "out of order")),
        }
    )


class SeenPosition(msgspec.Struct):
    head: str


class SeenEnd(msgspec.Struct):
    position: SeenPosition


class Seen(msgspec.Struct):
    """What the client has kept, as it lists it."""

    furthest: SeenEnd
    others: tuple[SeenEnd, ...]
    is_forked: bool


async def compare(place: Path, *nodes: Script, words: Sequence[object] = ()) -> tuple[int, str]:
    """Run the command against nodes; gives its exit code and what it prints."""
    async with AsyncExitStack() as stack:
        for node in nodes:
            node.url = await stack.enter_async_context(served(node))
        genesis = ["--genesis", str(write_genesis(place)), "--home", str(place)]
        urls = [node.url for node in nodes]
        typed = ["compare", *genesis, "--timeout", "2", *urls, *map(str, words)]
        result = await asyncio.to_thread(CliRunner().invoke, app, typed)
    return result.exit_code, result.stdout + result.stderr


async def test_nodes_of_one_history_end_with_0_and_a_line_each(tmp_path: Path) -> None:
    ledger = go_on(2)
    fast = script("bw-1", ledger, finalise(ledger.tip.end))
    slow = script("eu-1", begin(), blocks=problem(401, "not for everybody"))
    code, told = await compare(tmp_path, fast, slow)
    lines = told.splitlines()
    assert (code, lines[0]) == (0, "ONE HISTORY: 2 sources show one chain")
    final = f"final up to {COMMON + 2} by bw-1, eu-1"
    assert f"  bw-1 at {fast.url}: height {COMMON + 2}, {final}" in lines
    behind = f"height {COMMON}, behind by 2, no commit certificate"
    assert f"  eu-1 at {slow.url}: {behind}" in lines
    assert "GET /v1/blocks" not in slow.asked
    genesis = ("--genesis", str(tmp_path / "genesis.json"), "--home", str(tmp_path))
    listed = CliRunner().invoke(app, ["seen", "list", "--json", *genesis])
    assert json.loads(listed.stdout)["certificate"]["index"] == COMMON + 2
    # What is remembered is no further source.
    code, told = await compare(tmp_path, fast, slow)
    first = told.splitlines()[0]
    assert (code, first) == (0, "ONE HISTORY: 2 sources show one chain, as was seen before")
    code, told = await compare(tmp_path, fast)
    first = told.splitlines()[0]
    assert (code, first) == (0, "ONE HISTORY: one source alone, compared with what was seen before")


async def test_a_fork_ends_with_1_and_names_who_signed_both_sides(tmp_path: Path) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(3)
    one = script("bw-1", mine, finalise(mine.tip.end))
    other = script("eu-1", theirs, finalise(theirs.tip.end, voters=THEIRS))
    code, told = await compare(tmp_path, one, other)
    assert code == 1
    first = f"FORK: from block {COMMON + 1} on there is more than one history"
    assert told.splitlines()[0] == first
    for words in (
        f"  history 1, shown by {other.url}",
        f"  history 2, shown by {one.url}",
        f"ends with block {COMMON + 3}, {theirs.tip.head.hex()}",
        f"ends with block {COMMON + 2}, {mine.tip.head.hex()}",
        f"final up to block {COMMON + 3}, signed by eu-1, za-1",
        "  signed both: eu-1 (a lie)",
        f"bw-1 at {one.url}: height {COMMON + 2}, behind by 1,",
        "ANOTHER HISTORY",
        "what to do: ",
    ):
        assert words in told


async def test_copied_directories_that_went_on_separately_are_a_fork_with_evidence(
    tmp_path: Path,
) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(3)
    certificates = {
        "mine": finalise(mine.tip.end),
        "theirs": finalise(theirs.tip.end, voters=THEIRS),
    }
    for name, ledger in (("mine", mine), ("theirs", theirs)):
        (tmp_path / name).mkdir()
        write_copy(tmp_path / name, ledger.entries, [certificates[name]])
    out = tmp_path / "evidence"
    copies = ["--copy", tmp_path / "mine", "--copy", tmp_path / "theirs"]
    code, told = await compare(tmp_path, words=[*copies, "-o", out])
    (file,) = out.iterdir()
    assert code == 1
    assert f"FORK: from block {COMMON + 1} on there is more than one history" in told
    assert "convicted, of a lie (E8): eu-1" in told
    assert f"  {file}" in told.splitlines()
    genesis = ["--genesis", str(tmp_path / "genesis.json")]
    judged = CliRunner().invoke(app, ["evidence", "verify", str(file), *genesis])
    assert (judged.exit_code, "CONVICTED of a lie: eu-1" in judged.stdout) == (0, True)
    again, _ = await compare(tmp_path, words=[*copies, "-o", out])
    assert (again, [*out.iterdir()]) == (1, [file])


@pytest.mark.parametrize("height", [COMMON + 2, COMMON + 1])
async def test_an_audit_of_a_node_takes_its_certificates(tmp_path: Path, height: int) -> None:
    """One for a block above the end that it names shows that it holds something back."""
    ledger = go_on(2)
    said = {"height": height, "head": ledger.tip.head.hex()}
    node = script("bw-1", ledger, finalise(ledger.tip.end), status=STATUS | said)
    genesis = ["--genesis", str(write_genesis(tmp_path)), "--home", str(tmp_path), "--json"]
    async with served(node) as url:
        typed = ["audit", *genesis, "--node", url]
        result = await asyncio.to_thread(CliRunner().invoke, app, typed)
    report = json.loads(result.stdout)
    is_whole = height == COMMON + 2
    assert (result.exit_code, report["verdict"]) == ((0, "SOUND") if is_whole else (2, "UNDECIDED"))
    assert report["final_up_to"] == (height if is_whole else 0)


async def test_what_was_verified_before_has_to_be_there(tmp_path: Path) -> None:
    for name, ledger in (("mine", go_on(2)), ("theirs", go_on_elsewhere(3))):
        (tmp_path / name).mkdir()
        write_copy(tmp_path / name, ledger.entries)
    genesis = ["--genesis", str(write_genesis(tmp_path)), "--home", str(tmp_path)]
    audited = CliRunner().invoke(app, ["audit", *genesis, "--copy", str(tmp_path / "mine")])
    assert audited.exit_code == 0
    code, told = await compare(tmp_path, script("bw-1", go_on(4)))
    assert (code, f"what {tmp_path / 'mine'} showed before: height {COMMON + 2}" in told) == (
        0,
        True,
    )
    code, told = await compare(tmp_path, script("bw-1", go_on_elsewhere(3)))
    assert (code, told.splitlines()[0].split(":")[0]) == (1, "FORK")
    assert f"history 2, shown by what {tmp_path / 'mine'} showed before" in told


async def test_a_certificate_of_a_block_that_nobody_shows_convicts_who_signed_both(
    tmp_path: Path,
) -> None:
    mine, other = go_on(5), grow(begin(), [300, 301])
    one = script("bw-1", mine, finalise(mine.tip.end))
    two = script("eu-1", begin(), finalise(other.tip.end, voters=("bw-1", "za-1")))
    code, told = await compare(tmp_path, one, two, words=["--json"])
    report = json.loads(told)
    assert (code, report["evidence"][0]["culprits"]) == (1, ["bw-1"])
    assert (report["evidence"][0]["kind"], report["evidence"][0]["file"]) == ("E8", None)


async def test_a_fork_is_told_to_programs(tmp_path: Path) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(3)
    code, told = await compare(
        tmp_path, script("bw-1", mine), script("eu-1", theirs), words=["--json"]
    )
    report = json.loads(told)
    assert (code, report["verdict"], report["forks"][0]["height"]) == (1, "FORK", COMMON + 1)
    assert sorted(one["agreement"] for one in report["sources"]) == ["other", "same"]


async def test_a_node_that_holds_evidence_is_said_to(tmp_path: Path) -> None:
    said = {"node": "bw-1", "height": COMMON, "head": begin().tip.head.hex(), "evidence": 2}
    node = script("bw-1", begin(), status=STATUS | said)
    _, told = await compare(tmp_path, node)
    assert f"2 in kpledger evidence list --node {node.url}" in told
    assert told.startswith("ONE HISTORY: one source alone, compared with nothing\n")


async def test_a_node_that_holds_proof_of_a_fork_is_heard_though_all_show_one_history(
    tmp_path: Path,
) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(3)
    final = finalise(mine.tip.end)
    proof = find_fork(
        Electorate.of(make_genesis()),
        final,
        finalise(theirs.tip.end, voters=THEIRS),
        shown=stretch(theirs).shown,
        openings=stretch(theirs).openings(),
    )
    assert proof is not None
    held = encode_answer(EvidenceAnswer(evidence=(msgspec.Raw(format_evidence(proof)),), next=None))
    said = {"node": "bw-1", "height": COMMON + 2, "head": mine.tip.head.hex(), "evidence": 1}
    node = script("bw-1", mine, final, status=STATUS | said, evidence=held)
    out = tmp_path / "evidence"
    code, told = await compare(tmp_path, node, words=["-o", out])
    assert code == 1
    first = "FORK: it is proven that there is more than one history, and one alone is shown"
    assert told.splitlines()[0] == first
    assert "HOLDS PROOF OF TWO HISTORIES" in told
    assert "convicted, of a lie (E8): eu-1" in told
    assert [file.name[:3] for file in out.iterdir()] == ["E8-"]


async def test_both_ends_of_a_fork_are_kept_until_one_is_forgotten(tmp_path: Path) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(3)
    one = script("bw-1", mine, finalise(mine.tip.end))
    other = script("eu-1", theirs, finalise(theirs.tip.end, voters=THEIRS))
    assert (await compare(tmp_path, one, other))[0] == 1
    home = ["--genesis", str(tmp_path / "genesis.json"), "--home", str(tmp_path)]

    def list_seen() -> Seen:
        listed = CliRunner().invoke(app, ["seen", "list", "--json", *home])
        return msgspec.json.decode(listed.stdout, type=Seen)

    seen = list_seen()
    assert seen.is_forked
    heads = {kept.position.head for kept in (seen.furthest, *seen.others)}
    assert heads == {mine.tip.head.hex(), theirs.tip.head.hex()}
    code, told = await compare(tmp_path, script("bw-1", mine))
    assert (code, told.startswith("FORK: one was found before")) == (1, True)
    forgotten = CliRunner().invoke(app, ["seen", "forget", theirs.tip.head.hex(), *home])
    assert (forgotten.exit_code, list_seen().is_forked) == (0, False)
    assert (await compare(tmp_path, script("bw-1", mine)))[0] == 0


async def test_a_copy_of_another_ledger_decides_nothing(tmp_path: Path) -> None:
    origin = vary(make_genesis_file(), origin="ledger.example/other")
    other = parse_genesis(format_genesis(origin))
    ledger = MemoryLedger(other)
    open_voted_term(ledger, 1)
    (tmp_path / "other").mkdir()
    write_copy(tmp_path / "other", ledger.entries, [finalise(ledger.tip.end, genesis=other)])
    mine = script("bw-1", begin(), finalise(begin().tip.end))
    code, told = await compare(tmp_path, mine, words=["--copy", tmp_path / "other"])
    assert (code, told.splitlines()[0].split(":")[0]) == (2, "UNDECIDED")
    assert f"the chain is of another ledger: its chain id is {other.chain.hex()}" in told


async def test_a_node_of_an_earlier_version_has_no_certificates(tmp_path: Path) -> None:
    old = script("bw-1", begin(), commits=problem(404, "there is no /v1/commits"))
    code, told = await compare(tmp_path, old, script("eu-1", begin()))
    assert (code, told.count("no commit certificate")) == (0, 2)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"status": problem(503, "out of order")}, "out of order"),
        ({"status": STATUS | {"chain": "ab" * 32}}, "is of another ledger"),
        ({"commits": b'{"commits":[],"next":0}'}, "certificates without end"),
    ],
)
async def test_a_node_that_is_silent_or_another_s_decides_nothing(
    tmp_path: Path, answers: dict[str, object], said: str
) -> None:
    odd = script("eu-1", begin(), **answers)
    code, told = await compare(tmp_path, script("bw-1", begin()), odd)
    assert (code, told.splitlines()[0].split(":")[0]) == (2, "UNDECIDED")
    assert f"  {odd.url}: " in told
    assert said in told


async def test_a_node_that_shows_a_forged_block_is_named(tmp_path: Path) -> None:
    ledger = go_on(2)
    forged = bytearray(b"".join(msgpack.packb(one) for one in enumerate(ledger.entries, start=1)))
    position = forged.index(ledger.entries[4]) + len(ledger.entries[4]) - 9
    forged[position] ^= 1
    node = script("bw-1", ledger, blocks=bytes(forged))
    code, told = await compare(tmp_path, node, script("eu-1", begin()))
    assert (code, told.splitlines()[0]) == (1, "FORK: what no honest node shows is shown")


async def test_a_copy_is_compared_with_nodes(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    write_copy(copy, begin().entries)
    code, told = await compare(tmp_path, script("bw-1", go_on(2)), words=["--copy", copy])
    assert (code, told.splitlines()[0]) == (0, "ONE HISTORY: 2 sources show one chain")
    assert f"  {copy}: height {COMMON}, behind by 2, no commit certificate" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("audit --heads nowhere", "error: --heads: 'nowhere' is not the URL of a node"),
        ("audit --copy x -o y", "error: --out: evidence is found between histories"),
        ("audit --heads http://a --node http://b", "error: --node: --heads names the nodes"),
        ("compare nowhere", "error: URL: 'nowhere' is not the URL of a node"),
        ("compare http://a --node http://b", "error: --node: URL names the nodes"),
        ("compare", "error: URL: nothing is named that could be compared"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, words: str, said: str) -> None:
    genesis = ["--genesis", str(write_genesis(tmp_path))]
    result = CliRunner().invoke(app, [*words.split(), *genesis])
    assert (result.exit_code, result.stderr.startswith(said)) == (2, True), result.stderr
