"""What is named in the place of a file and is none: both commands say so, and do not wait.

Each kind is tried by processes of both commands; the whole table of options runs in this one.
"""

import asyncio
import os
import shlex
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer
from founding import make_genesis
from office import walk
from typer.testing import CliRunner

import kpclient.cli
import kpnode.main
from attacks.commands import KPLEDGER, KPNODE, Ended, run_command

pytestmark = pytest.mark.slow

APPS = {"kpledger": kpclient.cli.app, "kpnode": kpnode.main.app}
WRITTEN = {"--out", "--offline", "--svg", "--report"}
"""Files that are made: what holds something already is refused."""
LATER = {"--source-token"}
"""Files that a node is told of, and reads when it runs."""
THROUGH = {"pipe", "device"}
"""What they are written through instead, if there is anything to write."""
MANY = 10
SAID = {
    "pipe": "a named pipe, not a regular file",
    "directory": "a directory, not a regular file",
    "device": "a device, not a regular file",
    "socket": "a socket, not a regular file",
}


def name_files(command: object) -> Iterator[str]:
    """Give every option of a command that takes the name of a file; of an argument its place."""
    for one in getattr(command, "params", ()):
        if any(word in (one.metavar or "") for word in ("FILE", "HASH")):
            is_option = one.param_type_name == "option"
            yield max(one.opts, key=len) if is_option else one.metavar


def put(argv: list[str], names: Sequence[str], value: str) -> None:
    """Give an option a value, in the place of another one if it is there."""
    for place, word in enumerate(argv):
        if word in names:
            argv[place + 1] = value
            return
    argv += [max(names, key=len), value]


def fill(words: Sequence[str], command: object, option: str, file: Path) -> list[str]:
    """Give the example of a command's help, with a file in the place of what an option names."""
    example = shlex.split(getattr(command, "epilog", "").partition("Example:")[2])
    # Whatever it makes is made in the directory of this test.
    argv = [one.replace("/srv", ".").replace("/tmp", ".") for one in example[1:]]  # noqa: S108
    known = {name: one.opts for one in getattr(command, "params", ()) for name in one.opts}
    for name, value in (("--key", "mine"), ("--node", "http://127.0.0.1:1"), ("--timeout", "0.1")):
        if name in known and not (name == "--node" and "--copy" in argv):
            put(argv, known[name], value)
    if option.startswith("--"):
        put(argv, known[option], str(file))
        return argv
    argv[len(words) - 1 : len(words)] = [str(file)]
    return argv


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory with one of each kind, and with what the examples of the help name."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "directory").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "genesis.json").write_bytes(make_genesis().encoded)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        yield tmp_path


def run(app: typer.Typer, argv: Sequence[str]) -> tuple[int, str]:
    ended = CliRunner().invoke(app, argv)
    return ended.exit_code, ended.output


def says_why(option: str, kind: str, file: Path, output: str) -> bool:
    why = "exists already" if option in WRITTEN else SAID[kind]
    return str(file) in output and why in output


def test_no_command_waits_for_a_pipe_or_reads_a_device(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every option that names a file, with everything that is none.

    Options that nearly all commands share are tried until a command has read what they name.
    """
    monkeypatch.chdir(place)
    monkeypatch.setenv("KPLEDGER_HOME", str(place / "home"))
    monkeypatch.setenv("KPLEDGER_GENESIS", str(place / "genesis.json"))
    monkeypatch.setenv("KPLEDGER_PASSPHRASE", "for the tests only")
    monkeypatch.setattr("kpclient.keyfile._COST", (2**10, 8, 1))  # many commands open the key
    run(APPS["kpledger"], ["keys", "new", "--author", "BW/root", "--name", "mine"])
    rows = [
        (app, words, command, option)
        for program, app in APPS.items()
        for words, command in walk((program,), typer.main.get_command(app))
        for option in name_files(command)
        if option not in LATER
    ]
    users = Counter((words[0], option) for _, words, _, option in rows)
    assert sum(users.values()) > MANY
    told: set[tuple[str, str, str]] = set()
    for app, words, command, option in rows:
        for kind in SAID:
            found = (words[0], option, kind)
            if found in told and users[words[0], option] > MANY:
                continue
            code, output = run(app, fill(words, command, option, place / kind))
            assert code in {0, 1, 2}, (words, option, kind, output)
            if says_why(option, kind, place / kind, output):
                assert code == 2, (words, option, kind, output)
                told.add(found)
    wanted = {(*user, kind) for user in users for kind in SAID}
    assert {one for one in wanted - told if one[1] not in WRITTEN or one[2] not in THROUGH} == set()


NEW_KEY = ("keys", "new", "--author", "BW/root", "--name", "mine", "--seed-file", "{file}")
TYPED: dict[str, tuple[str | Path, ...]] = {
    "pipe": (KPLEDGER, "audit", "--copy", ".", "--genesis", "{file}"),
    "directory": (KPLEDGER, *NEW_KEY),
    "device": (KPNODE, "run", "--config", "{file}"),
    "socket": (KPLEDGER, "list", "--token-file", "{file}"),
}
"""Commands that read a file, as they are typed, and what they meet."""


async def test_no_process_waits_for_a_pipe_or_reads_a_device(place: Path) -> None:
    environment = {
        "KPLEDGER_GENESIS": str(place / "genesis.json"),
        "KPLEDGER_HOME": str(place / "home"),
        "KPLEDGER_NODE": "http://127.0.0.1:1",
        "KPLEDGER_PASSPHRASE": "for the tests only",
    }

    async def run_with(kind: str) -> Ended:
        words = (str(word).format(file=place / kind) for word in TYPED[kind])
        return await run_command(*words, environment=environment, directory=place)

    answers = await asyncio.gather(*map(run_with, TYPED))
    for kind, ended in zip(TYPED, answers, strict=True):
        told = says_why("", kind, place / kind, ended.output)
        assert (ended.code, told) == (2, True), (kind, ended)


async def test_no_process_takes_a_file_without_a_token_for_one(place: Path) -> None:
    file = place / "token"
    file.write_text("kpt_one\nand more words")
    file.chmod(0o600)
    words = ("status", "--node", "http://127.0.0.1:1", "--token-file", file)
    environment = {"KPLEDGER_GENESIS": str(place / "genesis.json")}
    for ended in await asyncio.gather(
        *(run_command(one, *words, environment=environment) for one in (KPLEDGER, KPNODE))
    ):
        assert (ended.code, "token" in ended.output) == (2, True), ended


@pytest.mark.parametrize("token", ["kpt_one\nand more words", "\x1b[2J", "kpt_\u00e4", ""])
def test_a_token_file_without_a_token_is_refused_by_both_commands(
    token: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KPLEDGER_GENESIS", str(place / "genesis.json"))
    file = place / "token"
    file.write_text(token)
    file.chmod(0o600)
    for app in APPS.values():
        argv = ["status", "--node", "http://127.0.0.1:1", "--token-file", str(file)]
        code, output = run(app, argv)
        assert (code, "token" in output) == (2, True), output
