"""Two hosts on one machine: network namespaces that are joined by a cable which can be cut.

Each has a second cable to this process's own namespace, over which its nodes are asked and loaded
while the first is cut. There is no way from one host to the other but the first.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.chaos.sites import SitesError, run_command

NETWORK: Final = "198.18.0.0/15"
"""All addresses of hosts are from there; RFC 2544 sets it aside for tests of networks."""
_PREFIX: Final = "kpworld"
_NAME: Final = re.compile(rf"{_PREFIX}-(?P<pid>[0-9]+)-[01]")
_JOINT: Final = "joint"
"""The cable between the hosts, as each of them names its end."""
_OUTER: Final = "outer"


@dataclass(frozen=True, slots=True)
class Host:
    """One of the two."""

    namespace: str
    outer: str
    """The address at which this process reaches it."""
    inner: str
    """The address at which the other host reaches it."""

    def enter(self, *command: str | Path) -> tuple[str, ...]:
        """Give the command that runs a command there, and ends it when this process ends."""
        inside = ("ip", "netns", "exec", self.namespace)
        return (*inside, "setpriv", "--pdeathsig", "KILL", *map(str, command))


@contextmanager
def made_hosts() -> Iterator[tuple[Host, Host]]:
    """Make two hosts; they are gone at the end of the block.

    Raises:
        SitesError: this machine does not allow it, or is in use by 500 others.
    """
    _remove_leftovers()
    network = _choose_network()
    made = [_plan_host(network, place) for place in (0, 1)]
    try:
        for place, host in enumerate(made):
            _connect(host, f"{network}.{4 * place + 1}", place)
        _join(*made)
        yield made[0], made[1]
    finally:
        for host in made:
            with suppress(SitesError):
                run_command("ip", "netns", "delete", host.namespace)


def part(host: Host) -> None:
    """Cut the cable between the hosts at one end."""
    run_command("ip", "-netns", host.namespace, "link", "set", _JOINT, "down")


def heal(host: Host) -> None:
    """Mend the cable that was cut there."""
    run_command("ip", "-netns", host.namespace, "link", "set", _JOINT, "up")


def _plan_host(network: str, place: int) -> Host:
    name = f"{_PREFIX}-{os.getpid()}-{place}"
    return Host(name, f"{network}.{4 * place + 2}", f"{network}.{129 + place}")


def _connect(host: Host, near: str, place: int) -> None:
    """Make the namespace of a host, and its cable to ours."""
    run_command("ip", "netns", "add", host.namespace)
    # A device's name has 15 characters at most.
    cable = f"kw{os.getpid()}-{place}"
    far_end = ("peer", "name", _OUTER, "netns", host.namespace)
    run_command("ip", "link", "add", cable, "type", "veth", *far_end)
    run_command("ip", "address", "add", f"{near}/30", "dev", cable)
    run_command("ip", "link", "set", cable, "up")
    _address(host, _OUTER, host.outer)
    run_command("ip", "-netns", host.namespace, "link", "set", "lo", "up")


def _join(first: Host, second: Host) -> None:
    inside = ("ip", "-netns", first.namespace)
    far_end = ("peer", "name", _JOINT, "netns", second.namespace)
    run_command(*inside, "link", "add", _JOINT, "type", "veth", *far_end)
    for host in (first, second):
        _address(host, _JOINT, host.inner)


def _address(host: Host, device: str, address: str) -> None:
    inside = ("ip", "-netns", host.namespace)
    run_command(*inside, "address", "add", f"{address}/30", "dev", device)
    run_command(*inside, "link", "set", device, "up")


def _choose_network() -> str:
    """Give the first three numbers of a network that no device here is in."""
    taken = run_command("ip", "-4", "-oneline", "address")
    for turn in range(512):
        number = (os.getpid() + turn) % 512
        network = f"198.{18 + number // 256}.{number % 256}"
        if f" {network}." not in taken:
            return network
    raise SitesError(f"all networks of {NETWORK} are in use")


def _remove_leftovers() -> None:
    """Remove the hosts of runs that were killed; their nodes have ended with them."""
    for line in run_command("ip", "netns", "list").splitlines():
        match = _NAME.match(line)
        if match and not Path(f"/proc/{match['pid']}").exists():
            run_command("ip", "netns", "delete", match[0])
