"""What a stranger can read of a node, asked on a network of three.

The first node has no [access] section at all, the second lists this machine as it was founded, the
third shows its blocks to everybody and stands behind a proxy on this machine.
"""

import http.client
import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from lab.year.files import load_founded
from lab.year.live import LiveTrade
from network import NodeSeen, read_key
from office import Ledger, read_seen, start_devnet, stop
from typer.testing import CliRunner

from attacks.forgeries import forge
from kpledger.api.answers import Problem
from kpledger.api.routes import ROUTES
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, encode_event
from kpledger.scheme.v1.events.governance import KeyAdded
from kpnode.devnet import NetworkPlan, open_network
from kpnode.main import app

NUMBER = "BW10000001"
"""The first certificate of a synthetic trade."""
FOR_EVERYBODY = {
    "POST /v1/events",
    "GET /v1/commits",
    "GET /v1/genesis",
    "GET /v1/status",
    "GET /v1/verification/{number}",
    "GET /checkpoint",
    "GET /tile/{path}",
    "GET /v1/proofs/consistency",
    "GET /v1/proofs/inclusion",
    "GET /v1/receipts/{id}",
    "GET /v1/receipts/{id}/cose",
    "GET /v1/gossip",
    "POST /v1/gossip",
    "GET /health/live",
    "GET /health/ready",
    "GET /openapi.json",
}
BLOCKS = {"GET /v1/blocks", "GET /v1/evidence", "GET /tile/entries/{path}"}
"""Evidence may hold a block with its events."""
TRADERS = re.compile(rb"Synthetic|SYNTHETIC")
"""What the certificate says of traders."""
SECTION = re.compile(r"\[access\].*?(?=\[raft\])", re.DOTALL)
BEHIND_A_PROXY = """[access]
addresses = ["10.1.0.0/16"]
proxies = ["127.0.0.1"]
blocks = "all"
"""
PACKED = {"Content-Type": "application/msgpack"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes
    challenge: str | None = None


def ask(
    node: NodeSeen, route: str, headers: Mapping[str, str] | None = None, body: bytes = b"{}"
) -> Answer:
    """Ask a node at a route, as ``GET /v1/keys/{key}``; something that there is fills its path."""
    method, path = route.split()
    filled = path.replace("{number}", NUMBER).replace("{code}", "BW")
    url = node.api + re.sub(r"{\w+}", "0" * 64, filled)
    request = urllib.request.Request(  # noqa: S310 (a node of ours)
        url, method=method, headers=dict(headers or {}), data=body if method == "POST" else None
    )
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 (likewise)
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), error.headers["WWW-Authenticate"])


def submit(node: NodeSeen, envelope: bytes) -> tuple[str, str]:
    """Submit an event that is refused; gives the kind of the problem, and what it says."""
    answer = ask(node, "POST /v1/events", PACKED, envelope)
    problem = msgspec.json.decode(answer.body, type=Problem)
    assert (answer.status, problem.rule, problem.field) == (422, "E1", "signatures")
    return problem.type.rpartition(":")[2], problem.detail


def change_tokens(node: NodeSeen, *words: str) -> str:
    """Change the tokens of a running node as its operator does, by a command."""
    result = CliRunner().invoke(app, ["token", *words, "--config", str(node.config)])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Run the network, and issue a certificate by way of the second node."""
    place = tmp_path_factory.mktemp("access")
    genesis = open_network(place / "net", NetworkPlan(voters=3, port=0))
    names = [node.name for node in genesis.file.nodes]
    for name, section in ((names[0], ""), (names[2], BEHIND_A_PROXY)):
        config = place / "net" / name / "node.toml"
        config.write_text(SECTION.sub(section, config.read_text()))
    process = start_devnet(place / "net")
    try:
        seen = read_seen(process)
        trade, now_ms = (
            LiveTrade(genesis.chain, load_founded(seen.keys), ("BW", "IN")),
            time.time_ns() // 10**6,
        )
        events = [*trade.open_offices(now_ms), trade.ship(now_ms)[0]]
        batch = msgspec.msgpack.encode([one.envelope for one in events])
        answer = ask(seen.nodes[1], "POST /v1/events", PACKED, batch)
        assert answer.body.count(b"committed") == len(events), answer.body
        yield Ledger(seen, place / "home")
    finally:
        stop(process)


@pytest.mark.parametrize("place", [0, 2])
def test_a_stranger_is_answered_at_no_route_but_those_for_everybody(
    ledger: Ledger, place: int
) -> None:
    node = ledger.seen.nodes[place]
    expected = FOR_EVERYBODY | (BLOCKS if place == 2 else set())
    answers = {route: ask(node, route) for route in (f"{one.method} {one.path}" for one in ROUTES)}
    assert {route for route, answer in answers.items() if answer.status != 401} == expected
    for route, answer in answers.items():
        assert (answer.challenge is None) == (route in expected)
        assert route in BLOCKS or TRADERS.search(answer.body) is None, route


def test_a_stranger_verifies_one_certificate_at_a_time(ledger: Ledger) -> None:
    answer = ask(ledger.seen.nodes[0], "GET /v1/verification/{number}")
    found = json.loads(answer.body)
    for day in ("issued_on", "expires_on"):
        assert found["certificate"].pop(day)
    assert found == {
        "number": NUMBER,
        "certificate": {
            "state": "VALIDATED",
            "issuer": "BW",
            "destination": "IN",
            "carat_thousandths": 1500,
            "lines": [
                {"hs": "710221", "carat_thousandths": 500},
                {"hs": "710231", "carat_thousandths": 1000},
            ],
            "suspect": False,
        },
    }
    unknown = ask(ledger.seen.nodes[0], "GET /v1/verification/BW10000002")
    assert (unknown.status, json.loads(unknown.body)["certificate"]) == (200, None)


def test_whoever_guesses_numbers_is_told_to_come_again_and_nobody_else_is(ledger: Ledger) -> None:
    address = urlsplit(ledger.seen.nodes[0].api)

    def guess(host: str, count: int) -> list[int]:
        found = []
        for serial in range(count):
            connection = http.client.HTTPConnection(
                str(address.hostname), address.port, source_address=(host, 0)
            )
            with closing(connection):
                connection.request("GET", f"/v1/verification/BW{serial:08d}")
                found.append(connection.getresponse().status)
        return found

    found = guess("127.0.0.77", 150)
    assert found[:100] == [200] * 100
    assert found[-1] == 429
    assert guess("127.0.0.78", 1) == [200]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.1.2.3"},
        {"Forwarded": "for=10.1.2.3"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1", "Host": "localhost", "Origin": "http://localhost"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer kpt_"},
        {"Authorization": "Basic a3B0Og=="},
        {"Authorization": "Bearer kpt_\u00ff\u00e4"},
    ],
)
def test_no_header_opens_a_node_that_lists_nobody(ledger: Ledger, headers: dict[str, str]) -> None:
    assert ask(ledger.seen.nodes[0], "GET /v1/certificates", headers).status == 401


def test_a_header_that_no_proxy_has_written_closes_a_node_that_lists_this_machine(
    ledger: Ledger,
) -> None:
    node = ledger.seen.nodes[1]
    assert ask(node, "GET /v1/certificates").status == 200
    assert ask(node, "GET /v1/certificates", {"X-Forwarded-For": "127.0.0.1"}).status == 401


def test_behind_a_proxy_a_client_is_where_the_proxy_says_and_the_proxy_is_nobody(
    ledger: Ledger,
) -> None:
    node, route = ledger.seen.nodes[2], "GET /v1/participants/{code}"
    assert ask(node, route, {"X-Forwarded-For": "10.1.2.3"}).status == 200
    assert ask(node, route, {"X-Forwarded-For": "10.1.2.3, 8.8.8.8"}).status == 401
    both = {"X-Forwarded-For": "10.1.2.3", "Forwarded": "for=8.8.8.8"}
    assert ask(node, route, both).status == 401


def test_a_token_opens_a_running_node_until_it_is_revoked(ledger: Ledger, tmp_path: Path) -> None:
    node = ledger.seen.nodes[0]
    token = change_tokens(node, "add", "auditor")
    headers = {"Authorization": f"Bearer {token}"}
    assert ask(node, "GET /v1/certificates/{number}", headers).status == 200
    file = tmp_path / "token"
    file.write_text(token)
    file.chmod(0o600)
    command = ("list", "--node", node.api, "--token-file", file)
    assert ledger.run(*command).exit_code == 0
    audit = ledger.run("audit", "--jobs", "0", "--node", node.api, KPLEDGER_TOKEN=token)
    assert audit.exit_code == 0, audit.output
    shown = ledger.run("show", NUMBER, "--node", node.api, KPLEDGER_TOKEN=token)
    assert "Synthetic Exporter" in shown.stdout
    change_tokens(node, "revoke", "auditor")
    refused = ask(node, "GET /v1/certificates/{number}", headers)
    assert refused.challenge == 'Bearer realm="kpledger", error="invalid_token"'
    assert ledger.run(*command).exit_code == 2
    assert token not in node.log.read_text()


def test_whoever_has_proven_no_key_hears_nothing_of_the_ledger(ledger: Ledger) -> None:
    seen = ledger.seen
    root, stranger = read_key(seen.keys, "root-BW"), SigningKey.from_seed(secrets.token_bytes(32))
    # The rules would say that this key is registered already.
    body = KeyAdded(authority="gaborone", key=root.public_key, valid_from=0)

    def sign(authority: str, key: SigningKey) -> bytes:
        payload = encode_event(
            chain=bytes.fromhex(seen.chain),
            author=Author(participant="BW", authority=authority),
            nonce=secrets.token_bytes(16),
            occurred_at=time.time_ns() // 1_000_000,
            subject=root.public_key.hex(),
            prev=None,
            body=body,
        )
        return sign_event(payload, [key])

    unregistered = ("refused", f"key {stranger.public_key.hex()} is not registered")
    not_these = ("refused", "these keys may not sign this event, or not they alone")
    for authority in ("root", "gaborone", "nowhere"):
        assert submit(seen.nodes[0], sign(authority, stranger)) == unregistered
        foreign = forge(sign(authority, read_key(seen.keys, "root-IN")))
        assert submit(seen.nodes[0], foreign) == not_these
    kind, detail = submit(seen.nodes[0], forge(sign("root", root)))
    assert (kind, "does not verify" in detail) == ("bad-signature", True), detail


def test_who_has_no_token_is_told_what_is_missing(ledger: Ledger) -> None:
    url = ledger.seen.nodes[0].api
    for command in (("audit",), ("list",), ("flags",), ("stats", "summary", "--year", "2026")):
        result = ledger.run(*command, "--node", url)
        assert (result.exit_code, "--token-file" in result.output) == (2, True), result.output
    shown = ledger.run("show", NUMBER, "--node", url)
    assert (shown.exit_code, "Exporter" in shown.output) == (0, False)
    assert "VALIDATED" in shown.stdout
    assert "--token-file" in shown.stderr
    assert ledger.run("show", "BW10000002", "--node", url).exit_code == 1
    assert ledger.run("status", "--node", url).exit_code == 0
