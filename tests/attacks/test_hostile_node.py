"""A node that lies cannot act on a terminal, a spreadsheet or an exit code, by any command.

Each kind of output is tried by processes; the whole table of commands runs in this one, as it is
long. The node is a server of its own to both.
"""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from aiohttp import web
from founding import make_genesis
from hostile_node import HARM, HostileNode, unprintable
from scripted_node import served
from typer.main import get_command
from typer.testing import CliRunner, Result

from attacks.commands import KPLEDGER, KPNODE, Ended, run_command
from kpclient.cli import app
from kpnode.main import app as node_app

ASKING = (
    ("list",),
    ("show", "BW00000001"),
    ("show", "BW/gaborone"),
    ("show", "00" * 32),
    ("participants",),
    ("participants", "BW"),
    ("participants", "KPCS"),
    ("status",),
    ("status", "--at", "now"),
    ("calendar",),
    ("audit",),
    ("audit", "--heads", "{node}", "--timeout", "0.2"),
    ("compare", "{node}", "--timeout", "0.2"),
    ("watch", "{node}", "--once", "--timeout", "0.2"),
    ("books", "--out", "{new}"),
    ("receipt", "BW00000001", "--out", "{new}"),
    ("receipt", "BW00000001", "--out", "{new}", "--form", "cose"),
    ("trace", "BW00000001"),
    ("trace", "BW00000001", "--dot"),
    ("trace", "BW00000001", "--svg", "{new}"),
    ("flags",),
    ("mirror", "BW", "IN", "2026Q1"),
    ("balance", "BW"),
    ("production-check", "BW"),
    ("unconfirmed",),
    ("numbers", "BW"),
    ("stats", "annex3", "--participant", "BW", "--period", "2026Q1"),
    ("stats", "annex3", "--participant", "BW", "--period", "2026Q1", "--format", "csv"),
    ("reconcile", "{table}", "--as", "estimate"),
    ("stats", "summary", "--year", "2026"),
    ("stats", "summary", "--year", "2026", "--format", "csv"),
    ("stats", "summary", "--year", "2022", "--format", "json"),
    ("arrive", "BW00000001", "--key", "mumbai"),
    ("outbox", "send"),
    ("outbox", "list"),
    ("evidence", "list"),
    ("seen", "list"),
)
"""Commands that show what a node says; those that make a statement show it as ``arrive`` does."""
ASK_NOTHING = {
    *("genesis", "policy", "verify", "rules", "keys"),
    *("make", "cosign", "submit", "propose", "submit-stats"),
}
STATEMENTS = {
    *("issue", "replace", "validate", "notify", "amend", "void", "return-unused", "lost", "found"),
    *("confirm", "resolve", "detain", "release", "refuse", "seize", "receive-back", "transit"),
    *("divert", "case", "suspect", "judge", "withdraw", "note", "correct", "countersign"),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("home")
    (place / "genesis.json").write_bytes(make_genesis().encoded)
    environment = {"KPLEDGER_HOME": str(place), "KPLEDGER_PASSPHRASE": "correct horse battery"}
    made = ["keys", "new", "--author", "IN/mumbai", "--name", "mumbai"]
    assert CliRunner().invoke(app, made, env=environment).exit_code == 0
    return environment


async def run(program: typer.Typer, words: tuple[str, ...], environment: dict[str, str]) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, program, [*words], env=environment)


def test_every_command_is_tried() -> None:
    commands = vars(get_command(app))["commands"]
    assert {words[0] for words in ASKING} | ASK_NOTHING | STATEMENTS == set(commands)


@pytest.mark.parametrize(
    ("node", "commands", "forms"),
    [
        pytest.param(HostileNode(), ASKING, ((),), id="answers"),
        pytest.param(HostileNode(), ASKING[1::2], (("--json",),), id="answers for programs"),
        pytest.param(HostileNode(proves=True), ASKING[::5], ((),), id="shows a checkpoint"),
        pytest.param(HostileNode(refuses=400), ASKING[::3], ((),), id="refuses"),
        pytest.param(HostileNode(refuses=503), ASKING[:2], ((),), id="hesitates"),
        pytest.param(HostileNode(deep=200_000), ASKING[::4], ((),), id="nests"),
        pytest.param(HostileNode(deep=400), ASKING[:4], ((),), id="nests a little"),
        pytest.param(HostileNode(deep=900, refuses=400), ASKING[:5], ((),), id="nests refusals"),
    ],
)
async def test_no_command_lets_a_node_act_on_a_terminal(
    environment: dict[str, str],
    tmp_path: Path,
    node: HostileNode,
    commands: tuple[tuple[str, ...], ...],
    forms: tuple[tuple[str, ...], ...],
) -> None:
    found: dict[str, str] = {}
    table = tmp_path / "estimate.csv"
    table.write_text("origin,year,carats\nBW,2026,1\n")
    async with served(node) as url:
        for number, words in enumerate(commands):
            for form in forms:
                new = str(tmp_path / f"new-{number}-{len(form)}")
                typed = (*(word.format(new=new, table=table, node=url) for word in words), *form)
                if words != ("outbox", "list") and "{node}" not in words:
                    typed += ("--node", url, "--timeout", "0.2")
                result = await run(app, typed, environment)
                said = " ".join(typed)
                if list(unprintable(result.output)):
                    found[said] = repr(result.output[:500])
                if result.exit_code not in {0, 1, 2}:
                    found[said] = f"exit code {result.exit_code}: {result.output[-600:]}"
                if form and result.stdout:
                    json.loads(result.stdout)
    assert found == {}


PROCESSES: list[tuple[HostileNode, int, tuple[str | Path, ...]]] = [
    (HostileNode(), 1, (KPLEDGER, "show", "BW00000001")),
    (HostileNode(), 0, (KPLEDGER, "trace", "BW00000001", "--dot")),
    (HostileNode(refuses=400), 1, (KPLEDGER, "show", "BW00000001")),
    (HostileNode(deep=200_000), 2, (KPLEDGER, "show", "BW00000001", "--timeout", "0.5")),
]
"""Commands that are tried as processes, against whom, and how they end."""


@pytest.mark.slow
async def test_no_process_lets_a_node_act_on_a_terminal(environment: dict[str, str]) -> None:
    async def tell(node: HostileNode, argv: tuple[str | Path, ...]) -> Ended:
        async with served(node) as url:
            return await run_command(*argv, "--node", url, environment=environment)

    answers = await asyncio.gather(*(tell(node, argv) for node, _, argv in PROCESSES))
    for (node, code, argv), ended in zip(PROCESSES, answers, strict=True):
        assert ended.code == code, (node, argv, ended)
        assert [*unprintable(ended.output)] == [], (node, argv)
        assert "Traceback" not in ended.output, (node, argv)


@pytest.mark.slow
async def test_the_status_of_a_node_is_no_markup() -> None:
    async with served(HostileNode()) as url:
        words = ("status", "--node", url)
        ended = await run_command(KPNODE, *words)
        told = await run(node_app, (*words, "--json"), {})
    for code, output in ((ended.code, ended.output), (told.exit_code, told.output)):
        assert (code, [*unprintable(output)]) == (0, [])
        assert "[bold red]" in output


@pytest.mark.slow
async def test_a_spreadsheet_shows_what_a_node_says_and_runs_none_of_it(
    environment: dict[str, str],
) -> None:
    words = ("stats", "summary", "--year", "2026", "--format", "csv")
    async with served(HostileNode()) as url:
        ended = await run_command(KPLEDGER, *words, "--node", url, environment=environment)
    rows = [*csv.reader(io.StringIO(ended.stdout))]
    assert ended.code == 0
    assert [*unprintable(ended.output.replace("\r\n", "\n"))] == []
    assert any(HARM[:4] in cell for row in rows for cell in row)
    assert not [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r")]


NESTED = [b"[" * 200_000, b'{"a":' * 200_000, b'{"node":' * 400 + b"1" + b"}" * 400]
ASKS_STATUS: list[tuple[Path, typer.Typer, tuple[str, ...]]] = [
    (KPNODE, node_app, ("status",)),
    (KPLEDGER, app, ("audit", "--timeout", "0.5")),
    (KPLEDGER, app, ("status", "--timeout", "0.5")),
]
"""Commands that ask for a status; where it is none, nothing is decided."""


@asynccontextmanager
async def nesting(answer: bytes) -> AsyncIterator[str]:
    """Answer so whatever is asked."""
    node = HostileNode()

    async def nested(_: web.Request) -> web.Response:
        return web.Response(body=answer)

    node.answer = nested  # type: ignore[method-assign, assignment]
    async with served(node) as url:
        yield url


@pytest.mark.parametrize("answer", NESTED)
async def test_a_status_that_is_nested_deeply_is_no_status(
    environment: dict[str, str], answer: bytes
) -> None:
    async with nesting(answer) as url:
        for _, program, words in ASKS_STATUS:
            result = await run(program, (*words, "--node", url), environment)
            assert (result.exit_code, "Traceback" in result.output) == (2, False)


@pytest.mark.slow
async def test_no_process_ends_as_it_must_not_by_a_status_that_is_nested_deeply(
    environment: dict[str, str],
) -> None:
    async with nesting(NESTED[1]) as url:
        answers = await asyncio.gather(
            *(
                run_command(program, *words, "--node", url, environment=environment)
                for program, _, words in ASKS_STATUS
            )
        )
    assert {one.code for one in answers} == {2}
    assert [one for one in answers if "Traceback" in one.output] == []
