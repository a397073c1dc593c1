"""The configuration file: what it accepts, how it refuses, and that it can be written back."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpledger.log.genesis import parse_genesis
from kpnode.addresses import Address, AddressRange
from kpnode.config import (
    MAX_FILE_BYTES,
    AccessSection,
    ApiSection,
    BlocksFor,
    BooksSection,
    BooksStart,
    KeysSection,
    LimitsSection,
    NodeConfig,
    NodeSection,
    PeersSection,
    RaftSection,
    format_config,
    load_config,
    parse_config,
)
from kpnode.errors import SetupError
from kpnode.founding import GENESIS_NAME, PlannedNode, init_node

EXAMPLE = Path(__file__).parents[3] / "config" / "node.example.toml"
MANUAL = Path(__file__).parents[3] / "docs" / "operating.md"
SOURCE = Path("node.toml")
SMALLEST = """
[node]
name = "bw-1"
directory = "store"
genesis = "/etc/kpledger/log/genesis"
[api]
listen = "127.0.0.1:8001"
tls = false
[peers]
listen = "[::1]:7001"
[keys]
consensus = "c.key"
tls = "t.key"
"""
SECTIONS = "node, api, peers, keys, access, raft, limits, books, follow, witness"
RAFT_KEYS = "tick_ms, election_ticks, heartbeat_ticks, window, max_append_bytes"
API_KEYS = "listen, tls, keep_alive_s, max_body_bytes"
A_NAME = "up to 32 lower-case letters and digits, hyphens between them"
A_PATH = "a path in quotes"
NO_ADDRESS = "is not host:port with a port from 1 to 65535"
NO_TEXT = "is not text in quotes"
AN_ADDRESS = '"host:port", such as "127.0.0.1:7001"'
SOME_RANGES = 'up to 256 ranges as ["10.1.0.0/16", "2001:db8::/32"]'
SOME_WITNESSES = 'up to 16 witnesses as ["VKEY https://witness.example"]'
LOG_KEY = "ledger.example/kp+74c08ef3+ASHXsTy9T5uYB5ajZ23cA2g8O7bG9C/fHdJWrTzYN/lc"
WITNESS_KEY = "witness.kp.example/be+8ee48a9f+BFn2O2c4yipibcdxnR0Qdpd58o0S6oh8Ws1n/QcBlHji"
SOME_ADDRESSES = 'up to 64 lines as bw-1 = "bw-1.example:7001"'

names = st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,2}", fullmatch=True)
hosts = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
ipv6_hosts = st.ip_addresses(v=6).map(lambda host: f"[{host}]")
addresses = st.builds("{}:{}".format, hosts | ipv6_hosts, st.integers(1, 65535)).map(Address)
paths = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(Path)
ranges = st.lists(
    st.builds(
        lambda address, bits: AddressRange(str(ip_network((int(address), bits), strict=False))),
        st.ip_addresses(v=4),
        st.integers(0, 32),
    )
    | st.ip_addresses(v=6, network="2001::/16").map(str).map(AddressRange),
    max_size=3,
).map(tuple)
election_ticks = st.integers(2, 1000)
configs = st.builds(
    NodeConfig,
    node=st.builds(NodeSection, name=names, directory=paths, genesis=paths),
    api=st.builds(
        ApiSection,
        listen=addresses,
        keep_alive_s=st.integers(5, 600),
        max_body_bytes=st.integers(1 << 10, 64 << 20),
    ),
    peers=st.builds(
        PeersSection,
        listen=addresses,
        addresses=st.dictionaries(names, addresses, max_size=5),
    ),
    keys=st.builds(KeysSection, consensus=paths, tls=paths),
    access=st.builds(AccessSection, addresses=ranges, tokens=paths, proxies=ranges),
    raft=election_ticks.flatmap(
        lambda ticks: st.builds(
            RaftSection,
            tick_ms=st.integers(5, 10_000),
            election_ticks=st.just(ticks),
            heartbeat_ticks=st.integers(1, min(500, ticks - 1)),
            window=st.integers(1, 1024),
            max_append_bytes=st.integers(1 << 10, 16 << 20),
        )
    ),
    limits=st.builds(
        LimitsSection,
        queue=st.integers(1, 1_000_000),
        batch_events=st.integers(1, 10_000),
        gather_ms=st.integers(0, 1_000),
        skew_ms=st.integers(1, 3_600_000),
    ),
    books=st.builds(BooksSection, start=st.sampled_from(BooksStart)),
)


def test_smallest_file_is_filled_up_with_defaults() -> None:
    assert parse_config(SMALLEST, SOURCE) == NodeConfig(
        node=NodeSection(
            name="bw-1", directory=Path("store"), genesis=Path("/etc/kpledger/log/genesis")
        ),
        api=ApiSection(listen=Address("127.0.0.1:8001"), tls=False, max_body_bytes=1_048_576),
        peers=PeersSection(listen=Address("[::1]:7001"), addresses={}),
        keys=KeysSection(consensus=Path("c.key"), tls=Path("t.key")),
        access=AccessSection(
            addresses=(), tokens=Path("tokens"), proxies=(), blocks=BlocksFor.LISTED
        ),
        raft=RaftSection(
            tick_ms=100,
            election_ticks=10,
            heartbeat_ticks=2,
            window=16,
            max_append_bytes=262_144,
        ),
        limits=LimitsSection(queue=10_000, batch_events=256, skew_ms=10_000),
        books=BooksSection(start=BooksStart.ALWAYS),
    )


def test_example_names_the_files_that_a_new_node_has(tmp_path: Path) -> None:
    listen = Address("127.0.0.1:7600")
    init_node(tmp_path, PlannedNode("bw-1", "BW", listen, listen), None)
    example = load_config(EXAMPLE)
    named = {path.name for path in (example.keys.consensus, example.keys.tls)}
    assert named < {path.name for path in tmp_path.iterdir()}
    assert example.node.genesis.name == GENESIS_NAME


def test_example_loads_and_shows_every_default() -> None:
    example = load_config(EXAMPLE)
    assert (example.raft, example.limits) == (RaftSection(), LimitsSection())
    assert example.books == BooksSection()
    assert example.access == AccessSection(tokens=EXAMPLE.parent / "tokens")
    assert example.api.max_body_bytes == ApiSection.__struct_defaults__[-1]
    founded = parse_genesis((EXAMPLE.parent / "genesis.example.json").read_bytes())
    assert set(example.peers.addresses) == set(founded.file.voters)
    for section in (example.node, example.api, example.peers, example.keys, example.access):
        for key in section.__struct_fields__:
            assert f"{key} = " in EXAMPLE.read_text() or f".{key}]" in EXAMPLE.read_text()


def test_the_manual_has_every_key_with_its_default() -> None:
    manual = MANUAL.read_text()
    for section in NodeConfig.__struct_fields__:
        kind = get_type_hints(NodeConfig)[section]
        assert f"`[{section}]`" in manual
        for field in msgspec.structs.fields(kind):
            default = "none" if field.default == () else field.default
            if field.default_factory is not msgspec.NODEFAULT:
                default = "none"
            shown = "" if default is msgspec.NODEFAULT else f"{default} "
            assert f"`{field.name}` | {shown}| " in manual, field.name


def test_relative_paths_start_at_the_directory_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(SMALLEST)
    config = load_config(file)
    assert config.node.directory == tmp_path / "store"
    assert config.node.database == tmp_path / "store" / "ledger"
    assert config.node.genesis == Path("/etc/kpledger/log/genesis")
    assert config.access.tokens == tmp_path / "tokens"
    assert config.keys == KeysSection(consensus=tmp_path / "c.key", tls=tmp_path / "t.key")


@given(configs)
def test_written_configuration_is_read_back(config: NodeConfig) -> None:
    assert parse_config(format_config(config), SOURCE) == config


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("bw-1.example:65535", "bw-1.example", 65535),
        ("[2001:db8::1]:7001", "2001:db8::1", 7001),
    ],
)
def test_address_has_a_host_and_a_port(text: str, host: str, port: int) -> None:
    address = Address(text)
    assert (address, address.host, address.port) == (text, host, port)


@pytest.mark.parametrize(
    "text",
    ["", "host", ":7001", "host:", "host:0", "host:65536", "host:07", "host: 1", "::1:7001",
     "[::1]", "[]:1", "http://host:1", "host:1\n", "-host:1", "host:\u0661"],
)  # fmt: skip
def test_other_text_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port with a port from 1 to 65535"):
        Address(text)


MISSING_NAME = SMALLEST.replace('name = "bw-1"', "")
RAFT = SMALLEST + "[raft]\n"
ACCESS = SMALLEST + "[access]\n"
PEERS = SMALLEST + "[peers.addresses]\n"


@pytest.mark.parametrize(
    ("text", "key", "problem", "accepted"),
    [
        (SMALLEST.replace("tls =", "tsl ="), "api.tsl", "is unknown", API_KEYS),
        (SMALLEST.replace("[api]", "[apis]"), "apis", "is unknown", SECTIONS),
        (MISSING_NAME, "node.name", "is missing", A_NAME),
        (
            SMALLEST.replace("false", "0"),
            "api.tls",
            "expected true or false, got an integer",
            "true or false",
        ),
        (SMALLEST.replace("8001", "0"), "api.listen", "'127.0.0.1:0' " + NO_ADDRESS, AN_ADDRESS),
        (SMALLEST.replace('"[::1]:7001"', "1"), "peers.listen", "1 " + NO_TEXT, AN_ADDRESS),
        (SMALLEST.replace("store", ""), "node.directory", "'' is not a path", A_PATH),
        (SMALLEST.replace("c.key", r"\u0000"), "keys.consensus", r"'\x00' is not a path", A_PATH),
        (SMALLEST.replace('"t.key"', "[]"), "keys.tls", "[] " + NO_TEXT, A_PATH),
        (
            RAFT + "tick_ms = 4",
            "raft.tick_ms",
            "expected an integer of at least 5",
            "an integer from 5 to 10000",
        ),
        (
            RAFT + "window = 1.0",
            "raft.window",
            "expected an integer, got a decimal number",
            "an integer from 1 to 1024",
        ),
        (
            RAFT + "heartbeat_ticks = 10",
            "raft",
            "heartbeat_ticks = 10 is not below election_ticks = 10",
            RAFT_KEYS,
        ),
        (
            ACCESS + 'addresses = ["10.1.0.5/16"]',
            "access.addresses",
            "10.1.0.5/16 has host bits set",
            SOME_RANGES,
        ),
        (
            ACCESS + 'proxies = ["::ffff:10.0.0.0/104"]',
            "access.proxies",
            "'::ffff:10.0.0.0/104' is a range of IPv4 addresses written as IPv6 ones",
            SOME_RANGES,
        ),
        (
            ACCESS + 'addresses = "10.1.0.0/16"',
            "access.addresses",
            "expected a list, got text",
            SOME_RANGES,
        ),
        (
            ACCESS + 'blocks = "none"',
            "access.blocks",
            "'none' is none of its values",
            '"all", "listed"',
        ),
        (
            SMALLEST + '[witness]\noutside = ["bw-1 https://bw-1.example"]',
            "witness.outside",
            "note key is malformed: it does not have three parts joined by plus signs",
            SOME_WITNESSES,
        ),
        (
            SMALLEST + f'[witness]\noutside = ["{LOG_KEY} https://bw-1.example"]',
            "witness.outside",
            "the key of ledger.example/kp is not one that cosigns (type 0x04)",
            SOME_WITNESSES,
        ),
        (
            SMALLEST + f'[witness]\noutside = ["{WITNESS_KEY} bw-1.example"]',
            "witness.outside",
            "'bw-1.example' is not the URL of a witness",
            SOME_WITNESSES,
        ),
        (
            SMALLEST + '[books]\nstart = "never"',
            "books.start",
            "'never' is none of its values",
            '"always", "asked"',
        ),
        (PEERS + 'za-1 = "za"', "peers.addresses", "'za' " + NO_ADDRESS, SOME_ADDRESSES),
        (
            PEERS + 'ZA = "za:1"',
            "peers.addresses",
            "expected text of the form ^[a-z0-9]+(-[a-z0-9]+)*",
            SOME_ADDRESSES,
        ),
    ],
)
def test_impossible_value_is_refused_with_key_and_remedy(
    text: str, key: str, problem: str, accepted: str
) -> None:
    with pytest.raises(SetupError) as caught:
        parse_config(text, SOURCE)
    assert str(caught.value) == f"node.toml: {key}: {problem}; accepted: {accepted}"


def test_an_integer_without_end_is_refused() -> None:
    with pytest.raises(SetupError, match="is not TOML"):
        parse_config(f"port = {'9' * 5000}", SOURCE)


def test_text_that_is_not_toml_is_refused_with_its_line() -> None:
    with pytest.raises(SetupError) as caught:
        parse_config("[node", SOURCE)
    assert str(caught.value).startswith("node.toml: is not TOML: Expected ']'")


def test_too_many_addresses_are_refused() -> None:
    table = "[peers.addresses]\n" + "".join(f'n{number} = "n:1"\n' for number in range(65))
    with pytest.raises(SetupError, match="with a length of at most 64"):
        parse_config(SMALLEST + table, SOURCE)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: .*No such file"),
        (b"\xff", "cannot be read: .*invalid start byte"),
        (b"#" * (MAX_FILE_BYTES + 1), "has more than 1048576 bytes"),
    ],
)
def test_unreadable_file_is_refused(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    file = tmp_path / "node.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SetupError, match=f"^{re.escape(str(file))}: .*{complaint}"):
        load_config(file)
