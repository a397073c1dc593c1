"""`kpnode devnet` and `kpnode run`: real processes, real sockets, real disks."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec
import pytest
from network import (
    Network,
    NodeSeen,
    Status,
    ask_status,
    end_all,
    ending,
    is_alive,
    read_line,
    run_kpnode,
    running_network,
    start_kpnode,
    wait_until_all,
    wait_until_ended,
    watch,
)

from kpledger.log.genesis import parse_genesis
from kpnode.config import load_config
from kpnode.devnet import find_ports

pytestmark = pytest.mark.slow

MSGPACK = {"Content-Type": "application/msgpack"}


async def post(url: str, envelope: bytes) -> tuple[int, dict[str, object]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/events", data=envelope, headers=MSGPACK) as response,
    ):
        return response.status, msgspec.json.decode(await response.read(), type=dict[str, object])


async def commit(network: Network, *, at: int = 0) -> int:
    status, answer = await post(network.seen.nodes[at].api, network.note())
    assert (status, answer.get("status")) == (201, "committed"), answer
    height = answer["height"]
    assert isinstance(height, int)
    return height


def modes_in(directory: Path, pattern: str) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in directory.glob(pattern)}


async def test_a_network_starts_commits_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "4") as network:
        seen = network.seen
        genesis = parse_genesis(seen.genesis.read_bytes())
        assert (seen.chain, seen.origin) == (genesis.chain.hex(), genesis.file.origin)
        names = ["bw-1", "za-2", "ae-3", "in-4"]
        assert [node.name for node in seen.nodes] == names
        assert genesis.file.voters == tuple(sorted(names))
        assert len(genesis.file.participants) == 61
        assert modes_in(seen.keys, "*.seed") == {0o600}
        assert len(list(seen.keys.glob("*.seed"))) == 2 + 2 * 61
        # Every node takes events, whoever leads.
        for at in range(4):
            height = await commit(network, at=at)
        found = await wait_until_all(seen.nodes, height)
        assert len({one["head"] for one in found}) == 1
        assert await network.stop(signal.SIGINT) == 0
        assert [is_alive(node.pid) for node in seen.nodes] == [False] * 4


async def test_a_stopped_network_goes_on_where_it_was(tmp_path: Path) -> None:
    place = tmp_path / "net"
    async with running_network(place, "--voters", "3") as network:
        before = network.seen
        height = await commit(network)
        assert await network.stop(signal.SIGTERM) == 0
    async with running_network(place) as network:
        assert network.seen.chain == before.chain
        assert [node.api for node in network.seen.nodes] == [node.api for node in before.nodes]
        assert await commit(network, at=2) > height


async def test_a_network_has_nodes_that_follow_and_take_events(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "1", "--replicas", "2") as network:
        seen = network.seen
        genesis = parse_genesis(seen.genesis.read_bytes())
        assert genesis.file.voters == ("bw-1",)
        assert [node.name for node in seen.nodes] == ["bw-1", "za-2", "ae-3"]
        for at in (0, 1, 2):
            height = await commit(network, at=at)
        found = await wait_until_all(seen.nodes, height)
        assert len({one["head"] for one in found}) == 1
        assert await network.stop(signal.SIGINT) == 0
        assert [is_alive(node.pid) for node in seen.nodes] == [False] * 3


async def test_a_killed_node_is_reported_and_can_come_back(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "3") as network:
        victim = network.seen.nodes[2]
        await commit(network)
        os.kill(victim.pid, signal.SIGKILL)
        line = await read_line(network.process, network.process.stderr)
        assert json.loads(line) == {"node": victim.name, "exit": -signal.SIGKILL}
        height = await commit(network)
        node = await start_kpnode("run", "--config", victim.config)
        said = json.loads(await read_line(node))
        assert said == {"node": victim.name, "listening": True, "api": victim.api}
        await wait_until_all(network.seen.nodes, height)
        await commit(network, at=2)
        node.terminate()
        await node.communicate()
        assert node.returncode == 0


async def test_a_voter_that_moves_is_found_by_all(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "3") as network:
        nodes = network.seen.nodes
        missing, moved = nodes[0].name, nodes[2].name
        # A node that holds nothing, and hears nobody, has nothing to say of the ledger.
        await wait_until_all(nodes, await commit(network))
        await kill(network, nodes[2])
        new = f"127.0.0.1:{find_ports('127.0.0.1', (0,))}"
        config = nodes[2].config
        config.write_text(config.read_text().replace(nodes[2].peers, new))
        started = [await start(nodes[2])]
        async with ending(started):
            await wait_until_all(nodes, await commit(network))
            await wait_until_linked(nodes, moved)
            # Who is started again knows it, and so the two of them go on without the third.
            await kill(network, nodes[1])
            started.append(await start(nodes[1]))
            await kill(network, nodes[0])
            await wait_until_linked(nodes[1:2], moved)
            await wait_until_all(nodes[1:], await commit(network, at=1))
            async with aiohttp.ClientSession() as session:
                found = (await ask_status(session, nodes[1]))["addresses"]
            assert isinstance(found, dict)
            assert found[moved] | {"since_ms": 0} == {
                "configured": nodes[2].peers,
                "told": new,
                "since_ms": 0,
            }
            # One that goes by its configuration alone lacks who does not stand there.
            await end_all(started[:1])
            text = re.sub(rf"^{missing} = .*\n", "", config.read_text(), flags=re.MULTILINE)
            config.write_text(text.replace("pinned = false", "pinned = true"))
            node = await start(nodes[2])
            started.append(node)
            alarm = f"This node sends nothing to {missing}: [peers.addresses]"
            asked = ("--node", nodes[2].api, "--genesis", network.seen.genesis)
            for program, arguments in (("kpnode", asked[:2]), ("kpledger", asked)):
                shown = await run(program, "status", *arguments)
                assert alarm in " ".join(shown.split())
            node.terminate()
            _, log = await node.communicate()
            assert alarm in log.decode()


async def kill(network: Network, node: NodeSeen) -> None:
    """Kill a node, and wait until the network has noticed."""
    os.kill(node.pid, signal.SIGKILL)
    await read_line(network.process, network.process.stderr)


async def start(node: NodeSeen) -> asyncio.subprocess.Process:
    """Start a node again, and wait until it answers."""
    process = await start_kpnode("run", "--config", node.config)
    await read_line(process)
    return process


async def wait_until_linked(nodes: Sequence[NodeSeen], name: str) -> None:
    """Wait until nodes are connected to the one of this name."""

    def is_linked(status: Status) -> bool:
        peers = status.get("peers")
        return isinstance(peers, dict) and (name not in peers or peers[name]["connected"])

    await watch(nodes, lambda found: all(map(is_linked, found)))


async def run(program: str, *arguments: str | Path) -> str:
    """Run a command to its end, and give what it prints."""
    command = [Path(sys.executable).with_name(program), *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_a_second_node_on_one_directory_is_refused(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "1") as network:
        node = network.seen.nodes[0]
        code, stdout, stderr = await run_kpnode("run", "--config", node.config)
        assert (code, stdout) == (2, "")
        assert stderr == (
            f"kpnode: {node.directory / 'ledger'}: another kpnode is running on"
            f" {node.directory / 'ledger'} (process {node.pid})\n"
        )
        await commit(network)


async def test_a_second_network_on_the_same_ports_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "net"
    async with running_network(place, "--voters", "1") as network:
        code, stdout, stderr = await run_kpnode("devnet", place)
        assert (code, stdout) == (2, "")
        address = network.seen.nodes[0].api.removeprefix("http://")
        assert stderr == f"kpnode: {address} is taken by another program; bw-1 needs it\n"


async def test_a_start_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    place, twice = tmp_path / "net", tmp_path / "twice.csv"
    twice.write_text("code,name,kind\nBW,Botswana,STATE\nBW,Botswana,STATE\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        code, _, stderr = await run_kpnode("devnet", place, "--voters", "1", "--port", port)
    assert (code, "is taken by another program" in stderr) == (2, True)
    assert not place.exists()
    options = ("--voters", "1", "--port", "0", "--participants", twice)
    code, _, stderr = await run_kpnode("devnet", place, *options)
    assert (code, "used twice" in stderr) == (2, True)
    assert list(place.iterdir()) == []


async def test_options_that_contradict_the_network_there_are_refused(tmp_path: Path) -> None:
    config = await copy_network(tmp_path)
    port = str(load_config(config).api.listen.port + 1)
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("code,name,kind\nBW,Botswana,STATE\n")
    for options in (
        ("--voters", "3"),
        ("--replicas", "1"),
        ("--port", port),
        ("--participants", str(fewer)),
        ("--api-tls",),
    ):
        code, stdout, stderr = await run_kpnode("devnet", tmp_path / "net", *options)
        assert (code, stdout) == (2, "")
        assert stderr.startswith(f"kpnode: {options[0]}: the network in {tmp_path / 'net'} was"), (
            stderr
        )


async def test_a_name_that_no_genesis_file_takes_is_refused_at_once(tmp_path: Path) -> None:
    words = ("init", tmp_path / "node", "--name", "BW 1", "--participant", "BW")
    code, stdout, stderr = await run_kpnode(*words)
    assert (code, stdout) == (2, "")
    assert "'BW 1' is not at most 32 lower-case letters and digits" in stderr
    assert not (tmp_path / "node").exists()


async def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    code, _, stderr = await run_kpnode("devnet", tmp_path)
    assert code == 2
    assert stderr == f"kpnode: {tmp_path} is not empty and holds no network\n"
    assert os.listdir(tmp_path) == ["letter.txt"]  # noqa: PTH208 (a test may block)


async def test_a_network_stopped_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    place = tmp_path / "net"
    process = await start_kpnode("devnet", place, "--voters", "2", "--port", "0")
    logs = [place / name / "node.log" for name in ("bw-1", "za-2")]
    async with asyncio.timeout(60):
        while not all(log.exists() for log in logs):  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 0
    for name in ("bw-1", "za-2"):
        lock = place / name / "ledger" / "kpnode.lock"
        pid = lock.read_text()
        if pid:
            await wait_until_ended(int(pid))


async def test_the_api_can_be_served_over_tls(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "1", "--api-tls") as network:
        url = network.seen.nodes[0].api
        assert url.startswith("https://")
        code, stdout, _ = await run_kpnode("status", "--node", url, "--json")
        found = json.loads(stdout)["nodes"][0]
        assert (code, found["node"], found["role"]) == (0, "bw-1", "leader")


async def test_status_tells_of_all_nodes_and_of_those_that_do_not_answer(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "1") as network:
        url = network.seen.nodes[0].api
        code, stdout, _ = await run_kpnode("status", "--node", url)
        assert (code, "bw-1" in stdout, "leader" in stdout) == (0, True, True)
        assert await network.stop() == 0
    code, stdout, _ = await run_kpnode("status", "--node", url, "--json")
    assert code == 2
    assert "error" in json.loads(stdout)["nodes"][0]


async def copy_network(tmp_path: Path) -> Path:
    """Found a network of one node, stop it, and give the node's configuration."""
    async with running_network(tmp_path / "net", "--voters", "1") as network:
        assert await network.stop() == 0
        return network.seen.nodes[0].config


async def test_a_node_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    config = await copy_network(tmp_path)
    genesis = tmp_path / "net" / "genesis.json"
    seed = config.with_name("consensus.seed")
    for path, content, expected in (
        (config, "[node]\nname = 7\n", "node.name"),
        (config, config.read_text().replace("bw-1", "zz-9"), "no node 'zz-9'"),
        (genesis, genesis.read_text().replace("Botswana", "Bechuanaland"), "not chain"),
        (genesis, "{}", "genesis file"),
        (seed, "ab" * 32 + "\n", "the genesis file names"),
        (seed, "short\n", "64 lower-case hexadecimal digits"),
        (config.with_name("cosigning.seed"), "ab" * 32 + "\n", "the genesis file names"),
        (config.with_name("tls.seed"), "ab" * 32 + "\n", "the genesis file names"),
    ):
        kept = path.read_text()
        path.write_text(content)
        code, stdout, stderr = await run_kpnode("run", "--config", config)
        path.write_text(kept)
        assert (code, stdout, expected in stderr) == (2, "", True), stderr
        assert (stderr.count("\n"), stderr.startswith("kpnode: ")) == (1, True), stderr
    seed.chmod(0o644)
    code, _, stderr = await run_kpnode("run", "--config", config)
    assert (code, "chmod 600" in stderr) == (2, True)


async def test_init_makes_keys_first_and_founds_the_ledger_with_the_genesis_file(
    tmp_path: Path,
) -> None:
    place = tmp_path / "node"
    arguments = ("init", place, "--name", "bw-1", "--participant", "BW")
    code, stdout, _ = await run_kpnode(*arguments)
    entry = json.loads(stdout)
    assert (code, modes_in(place, "*.seed")) == (0, {0o600})
    assert json.loads((await run_kpnode(*arguments))[1]) == entry

    config = await copy_network(tmp_path)
    text = json.loads((tmp_path / "net" / "genesis.json").read_text())
    code, _, stderr = await run_kpnode(*arguments, "--genesis", tmp_path / "net" / "genesis.json")
    assert (code, "names other keys" in stderr) == (2, True)
    text["nodes"] = [entry]
    genesis = tmp_path / "genesis.json"
    genesis.write_text(json.dumps(text))
    assert (await run_kpnode(*arguments, "--genesis", genesis))[0] == 0
    assert config.with_name("ledger").is_dir()
    assert (place / "ledger").is_dir()
    code, _, stderr = await run_kpnode(*arguments, "--genesis", genesis)
    assert (code, "begins anew only while all other voters are up" in stderr) == (2, True)
