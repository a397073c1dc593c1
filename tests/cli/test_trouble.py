"""Commands when nodes hesitate and disks do not obey: nothing is lost, nothing is claimed."""

import asyncio
import codecs
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from founding import make_genesis
from office import issuing
from scripted_node import Script, served
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.outbox import Outbox
from kpledger.api.answers import Problem
from kpledger.scheme.envelope import decode_envelope


class Hesitating(Script):
    """Takes events and does not say what becomes of them, until it is told to."""

    decides = False

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            return await super().answer(request)
        self.answers["POST /v1/events"] = {"results": []}
        await super().answer(request)
        place = {"height": 1, "index": 0, "block_time_ms": 1, "duplicate": True}
        answer: dict[str, object] = {"status": "committed", **place} if self.decides else {}
        results = [
            {"status": "pending", "id": decode_envelope(one).event_id.hex()} | answer
            for one in self.batches[-1]
        ]
        return web.Response(body=msgspec.json.encode({"results": results}))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "genesis.json").write_bytes(make_genesis().encoded)
    environment = {
        "KPLEDGER_GENESIS": str(tmp_path / "genesis.json"),
        "KPLEDGER_HOME": str(tmp_path / "home"),
        "KPLEDGER_PASSPHRASE": "for the tests only",
    }
    made = ["keys", "new", "--author", "BW/gaborone", "--name", "gaborone"]
    assert CliRunner().invoke(app, made, env=environment).exit_code == 0
    return environment


async def run(environment: dict[str, str], *words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [*words], env=environment)


async def test_an_event_that_is_not_decided_in_time_waits_in_the_outbox(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """It may come to the ledger yet: what is sent again must be the same event, not a new one."""
    script = Hesitating()
    outbox = Outbox(tmp_path / "home" / "outbox" / make_genesis().chain.hex(), warn=print)
    async with served(script) as url:
        at = ("--node", url, "--timeout", "0.3")
        result = await run(environment, *issuing("BW000001"), *at, "--json")
        assert result.exit_code == 2
        assert json.loads(result.stdout)["status"] == "failed"
        (waiting,) = outbox.waiting()
        assert {tuple(batch) for batch in script.batches} == {(waiting.event.encoded,)}
        again = await run(environment, *issuing("BW000001"), *at)
        assert (again.exit_code, "waits in the outbox since" in again.stderr) == (2, True)
        assert {tuple(batch) for batch in script.batches} == {(waiting.event.encoded,)}
        still = await run(environment, "outbox", "send", *at, "--json")
        assert (still.exit_code, json.loads(still.stdout)["sent"]) == (2, 0)
        assert outbox.waiting() == (waiting,)
        script.decides = True
        sent = await run(environment, "outbox", "send", *at, "--json")
        assert (sent.exit_code, json.loads(sent.stdout)["sent"]) == (0, 1)
    assert outbox.waiting() == ()


async def test_what_is_newest_and_cannot_be_confirmed_is_told_in_the_words_of_the_node(
    environment: dict[str, str],
) -> None:
    problem = Problem(
        type="urn:kpledger:problem:no-leader", title="", status=503, detail="there is no leader"
    )
    script = Script({"GET /v1/certificates/BW000001": problem})
    async with served(script) as url:
        asking = ("show", "BW000001", "--newest", "--node", url, "--timeout", "0.5")
        result = await run(environment, *asking)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: what is newest cannot be confirmed: {url}: there is no leader"
        " (without --newest the node answers from what it has)\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("show", "ZW/counts/2026Q1"),
        ("submit-stats", "counts", "--period", "2026Q1", "--key", "gaborone", "--file"),
    ],
)
async def test_a_record_that_is_none_is_not_believed(
    environment: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    table = tmp_path / "counts.csv"
    table.write_text("partner,issued,received\nIN,1,1\n")
    answer: dict[str, object] = {
        "subject": "",
        "kind": "counts",
        "state": None,
        "head": None,
        "events": [],
    }
    script = Script({"GET /v1/subject": answer | {"record": ["no", "record"]}})
    async with served(script) as url:
        files = (str(table),) if words[-1] == "--file" else ()
        result = await run(environment, *words, *files, "--node", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no answer from the node (its answer cannot be understood" in result.stderr


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "compressed": gzip.compress,
    "marked": lambda text: codecs.BOM_UTF8 + text,
    "cut off": lambda text: text[: len(text) // 2],
    "empty": lambda _: b"",
    "in another encoding": lambda text: text.decode().encode("utf-16"),
    "a page": lambda _: b"<html>Log in</html>",
    "something else": lambda _: b'{"error": "no"}',
    "nested": lambda _: b"[" * 10_000,
}


class Damaged(Script):
    """A node with something in front of it that damages answers on their way."""

    def __init__(self, damage: Callable[[bytes], bytes], *, spared: int = 0) -> None:
        super().__init__({"GET /v1/genesis": make_genesis().encoded})
        self._damage, self._spared = damage, spared

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.method, request.path) not in {("GET", "/v1/status"), ("GET", "/v1/genesis")}:
            self.answers[f"{request.method} {request.path}"] = {"a": 1}
        given = await super().answer(request)
        if len(self.asked) <= self._spared:
            return given
        assert isinstance(given, web.Response)
        assert isinstance(given.body, bytes)
        return web.Response(body=self._damage(given.body), content_type="application/json")


@pytest.mark.parametrize("spared", [0, 1], ids=["from the start", "once asked"])
@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_was_damaged_on_its_way_decides_nothing(
    environment: dict[str, str], damage: str, spared: int
) -> None:
    """Whatever is asked: the rest of the answer may be true, and nobody has signed it."""
    for words in (
        ("status",),
        ("list",),
        ("show", "BW000001"),
        ("calendar",),
        ("audit",),
        ("note", "BW", "--text", "Seen.", "--key", "gaborone"),
        ("note", "BW", "--text", "Seen.", "--key", "gaborone", "--dry-run"),
    ):
        async with served(Damaged(DAMAGES[damage], spared=spared)) as url:
            result = await run(environment, *words, "--node", url, "--timeout", "0.1")
        assert result.exit_code == 2, (words, result.output)
        assert "cannot be trusted" not in result.stderr


def test_a_home_that_cannot_be_written_ends_with_2(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    environment["KPLEDGER_HOME"] = str(tmp_path / "file")
    words = ["keys", "new", "--author", "BW/root", "--json"]
    result = CliRunner().invoke(app, words, env=environment)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["status"] == "failed"
    assert "Not a directory" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("list", "--limit", "x"), "'--limit': a whole number is expected"),
        (("list", "--limit", "0"), "'--limit': 1 is the least"),
        (("audit", "--genesis", "x", "--jobs", "999"), "'--jobs': 256 is the most"),
        (("list", "--timeout", "x"), "'--timeout': a number is expected"),
        (("stats", "summary", "--year", "2026", "--format", "xls"), "'--format': 'xls' is not one"),
    ],
)
def test_a_value_that_cannot_be_taken_is_told_in_plain_words(
    words: tuple[str, ...], says: str
) -> None:
    result = CliRunner().invoke(app, [*words])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: Invalid value for {says}")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("it.json", "{"),
        ("it.toml", "a ="),
        ("it.json", '{"a": 1, "a": 2}'),
        ("it.json", '{"a": 1}'),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ("issue", "--draft"),
        ("make", "note_filed", "--body"),
        ("status", "--node", "http://127.0.0.1:1", "--genesis"),
        ("audit", "--node", "http://127.0.0.1:1", "--genesis"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named(
    environment: dict[str, str], tmp_path: Path, words: tuple[str, ...], name: str, content: str
) -> None:
    file = tmp_path / name
    file.write_text(content)
    typed = [*words, str(file), *(("--key", "gaborone") if words[0] in {"issue", "make"} else ())]
    result = CliRunner().invoke(app, typed, env=environment)
    assert (result.exit_code, str(file) in result.stderr) == (2, True)


def test_trouble_with_files_names_what_was_typed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    environment["KPLEDGER_HOME"] = str(tmp_path / "file")
    result = CliRunner().invoke(app, ["keys", "new", "--author", "BW/root"], env=environment)
    assert result.stderr == f"error: {tmp_path / 'file' / 'keys'}: Not a directory\n"


@pytest.mark.parametrize(
    "typed", ["1_0", " 1", "1 ", "+1", "1e1", "\u0661", "\uff11", "1,000", "0x1", ""]
)
def test_numbers_are_digits_wherever_they_are_typed(typed: str) -> None:
    for words in (("list", "--limit", typed), ("list", "--timeout", typed)):
        result = CliRunner().invoke(app, [*words])
        kind = "a whole number" if words[1] == "--limit" else "a number"
        said = f"Invalid value for '{words[1]}': {kind} is expected"
        assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    "typed", ["1_000.5", "1,000.5", "1 000.5", "1e3", "+5", "\u0663", "1.", ".5"]
)
def test_figures_are_digits_and_a_point(environment: dict[str, str], typed: str) -> None:
    words = [one if one != "12.345" else typed for one in issuing("BW000001")]
    assert typed in words
    result = CliRunner().invoke(app, [*words, "--offline", "-"], env=environment)
    assert (result.exit_code, "is not a decimal number" in result.stderr) == (2, True)
