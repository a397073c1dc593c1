"""One attacker: ``python -m attacks NAME NETWORK.json``."""

import argparse
import asyncio
from pathlib import Path

from network import parse_network

from attacks.flood import find_attacks


def main() -> None:
    """Attack a network until the end."""
    attacks = find_attacks()
    parser = argparse.ArgumentParser(prog="python -m attacks", description=__doc__)
    parser.add_argument("name", choices=attacks)
    parser.add_argument("network", type=Path, help="what kpnode devnet printed")
    chosen = parser.parse_args()
    asyncio.run(attacks[chosen.name].run(parse_network(chosen.network.read_bytes())))


if __name__ == "__main__":
    main()
