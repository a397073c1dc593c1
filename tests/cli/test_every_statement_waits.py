"""Every command of the table of statements, as the example of its help, without a line."""

import itertools
import json
import shlex
from importlib import resources
from pathlib import Path

import msgspec
import pytest
from founding import make_certificate, make_genesis, number_of, signing_key
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.books.query import readable

OFF = ("--node", "http://127.0.0.1:9", "--timeout", "0.1", "--offline-ok", "--yes", "--json")
COMMANDS = msgspec.toml.decode(
    resources.files("kpclient.commands").joinpath("statements.toml").read_bytes()
)["commands"]
TABLES = {
    "trade": "flow,partner,origin,hs,carats,value_usd\nEXPORT,IN,BW,710231,1.5,7\n",
    "production": "carats,value_usd\n1.5,2\n",
    "counts": "partner,issued,received\nZA,2,0\n",
}
KEY = signing_key("BW/other").public_key.hex()
AUTHORS = {"chair": "KPCS/chair", "wdc": "KPCS/wdc", "antwerp": "EU/antwerp", "in-root": "IN/root"}


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home with every key that the examples name, and the files that they name beside it."""
    place = tmp_path_factory.mktemp("post")
    (place / "genesis.json").write_bytes(make_genesis().encoded)
    environment = {
        "KPLEDGER_GENESIS": str(place / "genesis.json"),
        "KPLEDGER_HOME": str(place / "home"),
        "KPLEDGER_PASSPHRASE": "for the tests only",
    }
    words = [word for one in COMMANDS.values() for word in shlex.split(one["example"])]
    options = itertools.pairwise(words)
    for name in sorted({value for option, value in options if option in ("--key", "--cosign")}):
        made = ["keys", "new", "--author", AUTHORS.get(name, "BW/gaborone"), "--name", name]
        assert CliRunner().invoke(app, made, env=environment).exit_code == 0
    return environment


@pytest.mark.parametrize("command", COMMANDS)
def test_a_statement_waits_for_a_line(
    command: str, post: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*command.split(), *shlex.split(COMMANDS[command]["example"])]
    certificate = json.dumps(readable(make_certificate(number_of("BW", 7))))
    for word in words:
        if word.endswith((".toml", ".csv", ".png", ".pdf")):
            Path(word).write_text(TABLES.get(command.rpartition(" ")[2], ""))
    words = ["draft.json" if one in ("parcel.toml", "better.toml") else one for one in words]
    words = [KEY if one.endswith("HEX") or one == "EVENT-ID" else one for one in words]
    Path("draft.json").write_text(certificate)
    result = CliRunner().invoke(app, [*words, *OFF], env=post)
    assert result.exit_code == 0, result.output
    kept = json.loads(result.stdout)
    assert kept["status"] in ("waiting", "unsigned")
    listed = CliRunner().invoke(app, ["outbox", "list", "--json"], env=post)
    (entry,) = [one for one in json.loads(listed.stdout)["waiting"] if one["id"] == kept["id"]]
    assert (entry["type"], bool(entry["signed"])) == (kept["type"], kept["status"] == "waiting")
    shown = CliRunner().invoke(app, ["outbox", "show", kept["id"], "--json"], env=post)
    assert json.loads(shown.stdout)["type"] == kept["type"]
    assert CliRunner().invoke(app, ["outbox", "drop", kept["id"]], env=post).exit_code == 0
