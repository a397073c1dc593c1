"""``kpledger audit`` of what is served over loopback: by a scripted server, and by real nodes."""

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from founding import make_genesis, open_trade
from network import running_network
from scripted_node import STATUS
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.base.hashing import sha256
from kpledger.base.pinning import build_tls_certificate
from kpledger.log.layout import MAX_STORED_BYTES, StoredEntry, encode_stored_entry


def make_stream() -> list[bytes]:
    """Give the frames of a ledger of four blocks."""
    frames = []
    for height, block in enumerate(open_trade().blocks, start=1):
        entry = (
            StoredEntry(kind=0, term=block, payload=b"")
            if isinstance(block, int)
            else StoredEntry(kind=1, term=1, payload=block)
        )
        frames.append(msgspec.msgpack.encode([height, encode_stored_entry(entry)]))
    return frames


@dataclass
class Answers:
    """What a server says; a test changes one thing."""

    frames: list[bytes]
    height: int = 4
    status: bytes | None = None
    code: int = 200
    refused: int = 0
    """With which code the blocks are refused, as by a proxy; 0 if they are served."""
    whole: bool = True
    """Whether the chunked body is ended as it must be."""
    at_once: int | None = None
    """How many frames are sent before the download breaks off; all if none is said."""


class Handler(BaseHTTPRequestHandler):
    """Serves the two routes that an audit reads."""

    protocol_version = "HTTP/1.1"
    answers: Answers

    def do_GET(self) -> None:
        if self.path == "/v1/status":
            body = (
                self.answers.status or json.dumps(STATUS | {"height": self.answers.height}).encode()
            )
            self.send_response(self.answers.code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        elif self.answers.refused:
            self.send_error(self.answers.refused)
        elif self.path.partition("?")[0] == "/v1/blocks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            # Chunks that do not end where frames end.
            first = int(parse_qs(urlsplit(self.path).query).get("from", ["1"])[0])
            body = b"".join(self.answers.frames[first - 1 :][: self.answers.at_once])
            size = 700 + len(body) // 100
            for start in range(0, len(body), size):
                chunk = body[start : start + size]
                self.wfile.write(b"%x\r\n" % len(chunk) + chunk + b"\r\n")
            if self.answers.whole:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is inherited)
        """Say nothing."""


@contextmanager
def serve(answers: Answers, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    handler = type("TestHandler", (Handler,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        scheme = "http" if tls is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(tmp_path: Path, url: str) -> tuple[int, dict[str, object]]:
    genesis = tmp_path / "genesis.json"
    genesis.write_bytes(make_genesis().encoded)
    return run_on(genesis, "--node", url)


def run_on(genesis: Path, *source: str | Path) -> tuple[int, dict[str, object]]:
    arguments = ["audit", "--genesis", str(genesis), *map(str, source), "--timeout", "1", "--json"]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, json.loads(result.stdout)


def audit_served(tmp_path: Path, answers: Answers) -> tuple[int, dict[str, object]]:
    with serve(answers) as url:
        return run(tmp_path, url)


def test_sound_stream_ends_with_0(tmp_path: Path) -> None:
    code, report = audit_served(tmp_path, Answers(make_stream()))
    assert (code, report["verdict"], report["height"], report["tree_size"]) == (0, "SOUND", 4, 10)


def test_stream_that_grew_meanwhile_is_audited_as_far_as_it_was_claimed(tmp_path: Path) -> None:
    code, report = audit_served(tmp_path, Answers(make_stream(), height=2))
    assert (code, report["height"]) == (0, 2)


def test_altered_block_ends_with_1_and_its_height(tmp_path: Path) -> None:
    frames = make_stream()
    frames[2] = frames[2][:-1] + bytes([frames[2][-1] ^ 1])
    code, report = audit_served(tmp_path, Answers(frames))
    assert (code, report["first_bad_height"], report["height"]) == (1, 3, 2)


@pytest.mark.parametrize(
    ("order", "bad_height"),
    [((0, 1, 3), 3), ((0, 2, 1, 3), 2), ((0, 1, 1, 2, 3), 3)],
    ids=["removed", "reordered", "duplicated"],
)
def test_blocks_out_of_order_end_with_1(
    tmp_path: Path, order: tuple[int, ...], bad_height: int
) -> None:
    frames = make_stream()
    answers = Answers([frames[position] for position in order])
    code, report = audit_served(tmp_path, answers)
    assert (code, report["first_bad_height"], report["field"]) == (1, bad_height, "height")


def test_stream_cut_in_the_middle_decides_nothing(tmp_path: Path) -> None:
    frames = make_stream()
    frames[-1] = frames[-1][:-700]
    code, report = audit_served(tmp_path, Answers(frames, whole=False))
    assert (code, report["verdict"], report["height"]) == (2, "UNDECIDED", 3)
    assert "stopped in the middle" in str(report["problem"])


@pytest.mark.parametrize("whole", [False, True], ids=["broken off", "looks whole"])
def test_download_that_a_busy_node_has_ended_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    answers = Answers(make_stream(), whole=whole, at_once=2)
    code, report = audit_served(tmp_path, answers)
    assert (code, report["height"]) == (2, 2), "it has brought too little to be asked again"
    monkeypatch.setattr("kpclient.replay.served_chain._GOES_ON_BYTES", 1)
    code, report = audit_served(tmp_path, answers)
    assert (code, report["height"]) == (0, 4)


def test_stream_that_ends_below_the_claimed_height_decides_nothing(tmp_path: Path) -> None:
    code, report = audit_served(tmp_path, Answers(make_stream()[:3]))
    assert (code, report["verdict"], report["height"]) == (2, "UNDECIDED", 3)
    assert str(report["problem"]).endswith("its blocks end at 3, its status says 4")


def test_violation_before_the_cut_ends_with_1(tmp_path: Path) -> None:
    frames = make_stream()
    frames[1] = frames[1][:-1] + bytes([frames[1][-1] ^ 1])
    code, report = audit_served(tmp_path, Answers(frames[:3]))
    assert (code, report["first_bad_height"]) == (1, 2)


@pytest.mark.parametrize(
    "frame",
    [
        msgspec.msgpack.encode({"height": 1}),
        msgspec.msgpack.encode([1, "text"]),
        msgspec.msgpack.encode([1, b"", 2]),
        b"\xc1",
        b"\x92\x01\xc6\xff\xff\xff\xff" + bytes(MAX_STORED_BYTES + 1_000_000),
    ],
    ids=["map", "text", "long array", "no MessagePack", "oversized block"],
)
def test_stream_of_something_else_decides_nothing(tmp_path: Path, frame: bytes) -> None:
    code, report = audit_served(tmp_path, Answers([frame]))
    assert (code, report["verdict"]) == (2, "UNDECIDED")
    assert "sends something other than blocks" in str(report["problem"])


@pytest.mark.parametrize("status", [b"<html>", b"{}", b"\xff", b'{"height": "4"}'])
def test_server_that_is_no_node_decides_nothing(tmp_path: Path, status: bytes) -> None:
    code, report = audit_served(tmp_path, Answers(make_stream(), status=status))
    assert (code, report["verdict"]) == (2, "UNDECIDED")
    is_page = status.startswith(b"<")
    said = "something else than a node answers" if is_page else "its answer cannot be understood"
    assert said in str(report["problem"])


def test_node_that_answers_with_an_error_decides_nothing(tmp_path: Path) -> None:
    code, report = audit_served(tmp_path, Answers(make_stream(), code=503))
    assert (code, "503" in str(report["problem"])) == (2, True)


@pytest.mark.parametrize("command", [("audit",), ("list", "--replay"), ("books", "-o", "{out}")])
@pytest.mark.parametrize(
    "answers",
    [
        Answers([], code=404),
        Answers([], code=502),
        Answers([], status=b"<html>"),
        Answers([], refused=400),
        Answers([], refused=404),
        Answers([], refused=502),
        Answers([], status=json.dumps(STATUS | {"chain": "ab" * 32}).encode()),
    ],
    ids=["404", "502", "HTML", "blocks 400", "blocks 404", "blocks 502", "another ledger"],
)
def test_trouble_of_the_line_is_no_verdict_for_any_command_that_verifies(
    tmp_path: Path, answers: Answers, command: tuple[str, ...]
) -> None:
    (tmp_path / "genesis.json").write_bytes(make_genesis().encoded)
    words = [word.format(out=tmp_path / "books.sqlite") for word in command]
    with serve(answers) as url:
        where = ("--genesis", str(tmp_path / "genesis.json"), "--node", url, "--timeout", "0.2")
        result = CliRunner().invoke(app, [*words, *where], env={"KPLEDGER_HOME": str(tmp_path)})
    assert (result.exit_code, url in result.output) == (2, True), result.output
    assert ("is of another ledger" in result.output) == (b"abab" in (answers.status or b""))


def test_node_that_cannot_be_reached_decides_nothing(tmp_path: Path) -> None:
    code, report = run(tmp_path, "http://127.0.0.1:1")
    assert (code, report["verdict"]) == (2, "UNDECIDED")
    assert "http://127.0.0.1:1" in str(report["problem"])


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "node", "http://x:99999"])
def test_what_is_no_url_is_wrong_usage_and_no_verdict(tmp_path: Path, url: str) -> None:
    code, report = run(tmp_path, url)
    assert (code, report["status"]) == (2, "failed")
    assert url in str(report["problem"])


def make_tls(directory: Path, key_name: str) -> ssl.SSLContext:
    """Give the server context of whoever holds the TLS key of this name."""
    private_key = Ed25519PrivateKey.from_private_bytes(
        sha256(b"kpledger test key " + key_name.encode())
    )
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = directory / "tls.pem"
    file.write_bytes(build_tls_certificate(private_key, "bw-1") + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_node_that_holds_a_key_of_the_genesis_is_audited_over_https(tmp_path: Path) -> None:
    with serve(Answers(make_stream()), make_tls(tmp_path, "bw-1/tls")) as url:
        code, report = run(tmp_path, url)
    assert (code, report["verdict"]) == (0, "SOUND")


def test_stranger_is_refused_over_https(tmp_path: Path) -> None:
    with serve(Answers(make_stream()), make_tls(tmp_path, "stranger/tls")) as url:
        code, report = run(tmp_path, url)
    assert (code, report["verdict"]) == (2, "UNDECIDED")
    assert "does not hold the TLS key" in str(report["problem"])


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--api-tls",)], ids=["http", "https"])
async def test_running_node_and_its_copy_are_audited_alike(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """What a node claims is what an audit of it finds, and its disk says the same."""
    async with running_network(tmp_path / "net", "--voters", "1", *options) as network:
        (node,) = network.seen.nodes
        for _ in range(3):
            status = await post(node.api, network.note())
            assert status == 201
        code, served = await asyncio.to_thread(run_on, network.seen.genesis, "--node", node.api)
        claimed = await ask_status_of(node.api)
        await network.stop()
    assert (code, served["verdict"]) == (0, "SOUND")
    assert served["events_by_type"] == {"note_filed": 3}
    claims = ("chain", "height", "head", "tree_size", "tree_root", "state_digest")
    assert {name: served[name] for name in claims} == {name: claimed[name] for name in claims}
    copy = shutil.copytree(node.directory, tmp_path / "copy")
    code, copied = run_on(network.seen.genesis, "--copy", copy)
    for report, source in ((served, node.api), (copied, str(copy))):
        assert report.pop("source") == source
        assert isinstance(report.pop("audited_at_ms"), int)
    assert (code, copied) == (0, served)


@pytest.mark.slow
async def test_the_audit_of_a_node_goes_on_from_yesterdays(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "1") as network:
        (node,) = network.seen.nodes
        heights = [0]
        for _ in range(3):
            assert await post(node.api, network.note()) == 201
            code, report = await asyncio.to_thread(run_on, network.seen.genesis, "--node", node.api)
            claimed = await ask_status_of(node.api)
            assert (code, report["continued_from"]) == (0, heights[-1])
            for name in ("height", "head", "tree_root", "state_digest"):
                assert report[name] == claimed[name]
            heights.append(int(str(report["height"])))
        _, whole = await asyncio.to_thread(
            run_on, network.seen.genesis, "--node", node.api, "--anew"
        )
    assert whole["continued_from"] == 0
    for name in ("events_by_type", "terms", "elected", "signers", "final_up_to", "final_by"):
        assert whole[name] == report[name]
    assert whole["events_by_type"] == {"note_filed": 3}


async def post(api: str, envelope: bytes) -> int:
    headers = {"Content-Type": "application/msgpack"}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.post(f"{api}/v1/events", data=envelope, headers=headers) as response,
    ):
        return response.status


async def ask_status_of(api: str) -> dict[str, object]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.get(f"{api}/v1/status") as response,
    ):
        status: dict[str, object] = await response.json()
        return status


@pytest.mark.slow
def test_replay_benchmark_prints_one_json_object() -> None:
    program = Path(__file__).parents[2] / "scripts" / "benchmarks"
    result = subprocess.run(
        [sys.executable, program, "replay", "--events", "500", "--block-events", "50"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    figures = json.loads(result.stdout)
    assert (figures["benchmark"], figures["events"], figures["blocks"]) == ("replay", 500, 11)
    assert figures["raw_verify_per_s"] > 0
