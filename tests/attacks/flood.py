"""Floods: what an attacker sends for as long as he is let, in a process of his own.

Each module in ``attacks.floods`` holds one, as ``ATTACK``. ``scripts/attacks`` measures what honest
clients notice of it; ``python -m attacks NAME NETWORK.json`` is one attacker.
"""

import asyncio
import importlib
import pkgutil
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from network import NetworkSeen

from attacks import floods

ATTACKER_HOST: Final = "127.0.0.66"
"""Where an attacker connects from: nodes that tell clients apart by address see a stranger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One way to attack a network."""

    number: int
    """Which row of docs/threat-model.md it belongs to."""
    summary: str
    """What is sent, in a line."""
    run: Callable[[NetworkSeen], Coroutine[None, None, None]]
    """Attacks until it is cancelled, and prints ``ready`` when what is dear has been prepared."""


def find_attacks() -> dict[str, Attack]:
    """Give every attack by its name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(floods.__path__))
    found = {name: importlib.import_module(f"attacks.floods.{name}").ATTACK for name in names}
    return {name: attack for name, attack in found.items() if isinstance(attack, Attack)}


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to where a URL points, from the attacker's address."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, local_addr=(ATTACKER_HOST, 0))


def make_hello() -> bytes:
    """Make what begins a TLS handshake; the same serves for each."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(received, sent).do_handshake()
    return sent.read()


def say_ready() -> None:
    """Tell whoever measures that the attack begins now."""
    print("ready", flush=True)  # noqa: T201 (the measuring process reads it)
