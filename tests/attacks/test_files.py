"""What others on the machine could read, or try: files of nodes, keys and passphrases."""

import asyncio
import os
import stat
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from network import ending, running_network, start_kpnode, wait_until_all, wait_until_level

from attacks.commands import KPLEDGER, run_command

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PHRASE = "for the tests only"


@contextmanager
def careless() -> Iterator[None]:
    """Start processes as a shell does that gives everybody everything."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(directory: Path) -> dict[str, str]:
    """Give the modes of what others may use, by its place."""
    found = [path for path in (directory, *directory.rglob("*")) if not path.is_symlink()]
    modes = {str(path): stat.S_IMODE(path.lstat().st_mode) for path in found}
    return {path: f"{mode:04o}" for path, mode in modes.items() if mode & 0o077}


async def make_key(
    home: Path, name: str, *options: str | Path, phrase: str = PHRASE
) -> tuple[int, str]:
    words = ("keys", "new", "--author", "BW/root", "--name", name, *options)
    environment = {"KPLEDGER_HOME": str(home), "KPLEDGER_PASSPHRASE": phrase}
    ended = await run_command(KPLEDGER, *words, environment=environment)
    return ended.code, ended.stderr


async def test_nobody_else_can_use_what_a_node_stores(tmp_path: Path) -> None:
    """Whatever the umask of who starts it, and whatever modes a copy brought along."""
    place = tmp_path / "net"
    with careless():
        async with running_network(place, "--voters", "1") as network:
            (node,) = network.seen.nodes
            event = network.note()
            headers = {"Content-Type": "application/msgpack"}
            async with aiohttp.ClientSession(headers=headers) as session:
                await session.post(f"{node.api}/v1/events", data=event)
                await wait_until_level(session, network)
            stored = {path.name for path in node.directory.rglob("*")}
            assert {"books.sqlite", "node.log", "node.toml", "CURRENT"} <= stored
            assert open_to_others(place) == {}
    for path in (node.directory, *node.directory.rglob("*")):
        if path.suffix != ".seed":
            path.chmod(0o777 if path.is_dir() else 0o666)
    process = await start_kpnode("run", "--config", node.config)
    async with ending([process]):
        await wait_until_all([node], 1)
        assert open_to_others(node.directory) == {}
    assert process.returncode == 0


async def test_a_directory_that_is_there_is_closed_when_a_node_is_made_in_it(
    tmp_path: Path,
) -> None:
    place = tmp_path / "node"
    with careless():
        place.mkdir()
        options = ("--name", "bw-1", "--participant", "BW")
        process = await start_kpnode("init", place, *options)
        await process.communicate()
    assert (process.returncode, open_to_others(place)) == (0, {})


async def test_keys_are_closed_and_dear_to_try(tmp_path: Path) -> None:
    home, file = tmp_path / "new" / "home", tmp_path / "phrase"
    file.write_text(f"{PHRASE}\n")
    file.chmod(0o666)
    with careless():
        short, read, made = await asyncio.gather(
            make_key(home, "short", phrase="x"),
            make_key(home, "read", "--passphrase-file", file),
            make_key(home, "made"),
        )
    assert (short[0], "12 characters or more" in short[1]) == (2, True)
    assert (read[0], f"chmod 600 {file}" in read[1]) == (2, True)
    assert made == (0, "")
    assert [path.name for path in (home / "keys").iterdir()] == ["made.key"]
    assert open_to_others(tmp_path / "new") == {}
    lines = (home / "keys" / "made.key").read_text().splitlines()
    der = b64decode("".join(line for line in lines[4:] if not line.startswith("-")))
    # n = 2^17, r = 8, p = 1: 128 MiB for each passphrase that is tried.
    assert bytes.fromhex("0203020000" + "020108" + "020101") in der
