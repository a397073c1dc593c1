"""Somebody who holds every key of a real network, and types commands."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from network import PATIENCE_S, NetworkSeen
from typer.testing import CliRunner, Result

from kpclient.cli import app

PARTIES = (
    *("--exporter-name", "Exporter", "--exporter-address", "Gaborone"),
    *("--importer-name", "Importer", "--importer-address", "Mumbai"),
)
PARTIES_IN_DRAFTS: dict[str, object] = {
    "exporter": {"name": "A", "address": "B", "licence": ""},
    "importer": {"name": "A", "address": "B", "licence": ""},
}
_serials = itertools.count(1)
_decoder = msgspec.json.Decoder(NetworkSeen, dec_hook=lambda _, text: Path(text))


@dataclass(frozen=True, slots=True)
class Ledger:
    """A running network and the home of somebody who holds every key of it."""

    seen: NetworkSeen
    home: Path

    def environment(self) -> dict[str, str]:
        return {
            "KPLEDGER_NODE": ",".join(node.api for node in self.seen.nodes),
            "KPLEDGER_GENESIS": str(self.seen.genesis),
            "KPLEDGER_HOME": str(self.home),
            "KPLEDGER_PASSPHRASE": "for the tests only",
        }

    def run(self, *arguments: str | Path, **environment: str) -> Result:
        words = [*map(str, arguments)]
        return CliRunner().invoke(app, words, env=self.environment() | environment)

    def ask(self, *arguments: str | Path) -> dict[str, object]:
        """Run a command that has to succeed; gives its JSON."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return msgspec.json.decode(result.stdout, type=dict[str, object])

    def refusal(self, *arguments: str | Path) -> tuple[str, str]:
        """Run a command that has to be refused; gives rule and field."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 1, result.output
        problem = json.loads(result.stdout)["problem"]
        return problem["rule"], problem["field"]

    def decide(self) -> str:
        """Record a decision of the scheme; gives its name."""
        name = f"AD-2026-{next(_serials)}"
        what = (
            "--title",
            "T",
            "--document",
            "ab" * 32,
            "--procedure",
            "PLENARY",
            "--support",
            "BW",
        )
        self.ask("propose", "decision", name, *what, "--key", "chair")
        return name

    def issue(self, *options: str, number: str = "") -> str:
        number = number or new_number()
        assert self.ask(*issuing(number, *options))["status"] == "committed"
        return number

    def state(self, number: str) -> object:
        certificate = self.ask("show", number)["certificate"]
        assert isinstance(certificate, dict)
        return certificate["state"]

    def size(self) -> int:
        """Give how many events are on the ledger."""
        size = self.ask("status")["tree_size"]
        assert isinstance(size, int)
        return size


def walk(words: tuple[str, ...], command: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """Give every command with the words it is called by, groups left out."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, one in inner.items():
        yield from walk((*words, name), one)


def new_number() -> str:
    return f"BW{next(_serials):08d}"


def today() -> str:
    """Give the day for which commands take it where none is named."""
    return datetime.now(UTC).date().isoformat()


def issuing(number: str, *options: str) -> tuple[str, ...]:
    """Give the words of an issue; options take the place of the usual ones."""
    certificate = ("--number", number, "--destination", "IN", "--origin", "BW", *PARTIES)
    goods = ("--hs", "710210", "--carats", "12.345", "--value", "1234.50")
    usual = ("--key", "gaborone", *certificate, *goods)
    return ("issue", *without(usual, options), *options)


def without(usual: Sequence[str], options: Sequence[str]) -> list[str]:
    """Leave out of pairs of options and values those that are among other options."""
    pairs = zip(usual[::2], usual[1::2], strict=True)
    return [word for name, value in pairs if name not in options for word in (name, value)]


def start_devnet(
    directory: Path, *options: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    words = (sys.executable, "-m", "kpnode", "devnet", str(directory), "--port", "0", *options)
    return subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | (environment or {}),
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.communicate(timeout=PATIENCE_S)


def read_seen(process: subprocess.Popen[bytes]) -> NetworkSeen:
    assert process.stdout is not None
    return _decoder.decode(process.stdout.readline())


def open_home(seen: NetworkSeen, home: Path) -> Ledger:
    """Take over the development keys, and open an office in Botswana and one in India."""
    ledger = Ledger(seen, home)
    for name, author, seed in (
        ("chair", "KPCS/chair", "chair"),
        ("bw-root", "BW/root", "root-BW"),
        ("in-root", "IN/root", "root-IN"),
        ("za-root", "ZA/root", "root-ZA"),
        ("gaborone", "BW/gaborone", ""),
        ("mumbai", "IN/mumbai", ""),
    ):
        file = ("--seed-file", seen.keys / f"{seed}.seed") if seed else ()
        ledger.ask("keys", "new", "--author", author, "--name", name, *file)
    for office, root in (("gaborone", "bw-root"), ("mumbai", "in-root")):
        public_key = ledger.run("keys", "export", office).stdout.strip()
        roles = ("--role", "EXPORTING", "--role", "IMPORTING")
        named = ("--title", "Office", "--place", "There", *roles)
        first = ("--key", root, "--cosign", "chair")
        ledger.ask("propose", "authority", office, *named, *first)
        ledger.ask("propose", "key", office, public_key, "--key", root)
    last = ("--first", "0", "--last", "99999", "--use-from", "2020-01-01")
    ledger.ask("propose", "range", "gaborone", "--prefix", "BW", *last, "--key", "bw-root")
    return ledger
