"""What the documents and examples promise about the node."""

import inspect
import re
from pathlib import Path

import msgspec

from kpledger.api.routes import MAX_BATCH
from kpledger.log.genesis import format_genesis, parse_genesis
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES
from kpnode.api.openapi import build_openapi
from kpnode.api.problems import ProblemKind
from kpnode.main import run

ROOT = Path(__file__).parents[4]
DOCUMENT = (ROOT / "docs" / "http-api.md").read_text()


def test_every_route_has_its_section() -> None:
    document = msgspec.json.decode(build_openapi(), type=dict[str, object])
    paths = document["paths"]
    assert isinstance(paths, dict)
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    headings = re.findall(r"^### (.*)$", DOCUMENT, flags=re.MULTILINE)
    assert set(re.findall(r"`([A-Z]+) (\S+)`", "\n".join(headings))) == routes


def test_every_kind_of_problem_is_listed_with_its_status() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", DOCUMENT, flags=re.MULTILINE)
    kinds = [(kind.urn.rpartition(":")[2], str(kind.status)) for kind in ProblemKind]
    assert sorted(listed) == sorted(kinds)


def test_the_limits_are_those_of_the_code() -> None:
    assert f"| an envelope | {MAX_ENVELOPE_BYTES:,} bytes |" in DOCUMENT
    assert f"| a batch | {MAX_BATCH} events |" in DOCUMENT


def test_the_example_genesis_file_founds_a_ledger() -> None:
    encoded = (ROOT / "config" / "genesis.example.json").read_bytes()
    genesis = parse_genesis(encoded)
    assert format_genesis(genesis.file) == encoded
    assert genesis.file.voters == ("bw-1", "eu-1", "in-1", "za-1")


def test_the_service_unit_starts_the_command_that_there_is() -> None:
    unit = (ROOT / "config" / "kpnode.service").read_text()
    assert re.search(r"^ExecStart=\S+/kpnode run --config \S+$", unit, flags=re.MULTILINE)
    assert "config" in inspect.signature(run).parameters
