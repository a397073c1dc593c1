"""Where voters run: a network namespace and a small disk for each of them.

Each namespace is joined to the root namespace by a pair of veth devices, and to nothing else: there
is no route from one voter to another but through the proxies that listen here. Names carry the
process id of the run, so that two runs do not meet, and the leftovers of a run that was killed are
found and removed by the next.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "kpchaos"
_NAME: Final = re.compile(rf"{PREFIX}-(?P<pid>[0-9]+)-")
_NETWORKS: Final = 512
"""Networks of 256 addresses in 198.18.0.0/15, which RFC 2544 sets aside for tests of networks."""
_MOUNTS: Final = Path("/proc/mounts")
_END_S: Final = 10.0


class SitesError(Exception):
    """This machine gives no namespaces or no mounts; says what failed."""


@dataclass(frozen=True, slots=True)
class Site:
    """What one voter gets."""

    namespace: str
    near: str
    """The address at our end of its cable; the proxies of its outgoing links listen there."""
    address: str
    """Its own address."""
    disk: Path
    """Its own file system."""

    def enter(self, *command: str | Path) -> tuple[str, ...]:
        """Give the command that runs a command in there, and ends it when this process ends."""
        inside = ("ip", "netns", "exec", self.namespace)
        return (*inside, "setpriv", "--pdeathsig", "KILL", *map(str, command))


def run_command(*words: str | Path) -> str:
    """Run a program to its end and give what it printed.

    Raises:
        SitesError: it is missing or failed.
    """
    try:
        done = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise SitesError(f"there is no {words[0]}") from None
    except subprocess.CalledProcessError as error:
        said = str(error.stderr).strip()
        raise SitesError(f"{' '.join(map(str, words))}: {said}") from None
    return done.stdout


@contextmanager
def made_sites(names: tuple[str, ...], disk_bytes: int) -> Iterator[tuple[Path, list[Site]]]:
    """Make a directory, and in it a site for each name; all is gone at the end of the block.

    Raises:
        SitesError: this machine does not allow it.
    """
    remove_leftovers()
    mark = f"{PREFIX}-{os.getpid()}"
    directory = Path(tempfile.mkdtemp(prefix=f"{mark}-"))
    try:
        network = _choose_network()
        yield (
            directory,
            [
                _make_site(f"{mark}-{number}", network, 4 * number, directory / name, disk_bytes)
                for number, name in enumerate(names)
            ],
        )
    finally:
        _clear({os.getpid()})


def _make_site(mark: str, network: str, first: int, disk: Path, disk_bytes: int) -> Site:
    near, address = f"{network}.{first + 1}", f"{network}.{first + 2}"
    # A device's name has 15 characters at most.
    cable = mark.replace(f"{PREFIX}-", "kc")
    disk.mkdir()
    run_command("mount", "-t", "tmpfs", "-o", f"size={disk_bytes},mode=700", mark, disk)
    run_command("ip", "netns", "add", mark)
    far_end = ("peer", "name", "eth0", "netns", mark)
    run_command("ip", "link", "add", cable, "type", "veth", *far_end)
    run_command("ip", "address", "add", f"{near}/30", "dev", cable)
    run_command("ip", "link", "set", cable, "up")
    for words in (
        ("link", "set", "lo", "up"),
        ("address", "add", f"{address}/30", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
    ):
        run_command("ip", "-netns", mark, *words)
    return Site(mark, near, address, disk)


def _choose_network() -> str:
    """Give the first three numbers of a network that no device here is in."""
    taken = run_command("ip", "-4", "-oneline", "address")
    for turn in range(_NETWORKS):
        number = (os.getpid() + turn) % _NETWORKS
        network = f"198.{18 + number // 256}.{number % 256}"
        if f" {network}." not in taken:
            return network
    raise SitesError("all networks of 198.18.0.0/15 are in use")


def remove_leftovers() -> None:
    """Remove what runs have left that were killed before they could clean up.

    Raises:
        SitesError: this machine does not allow it.
    """
    names = [line.split()[0] for line in run_command("ip", "netns", "list").splitlines()]
    names += [line.split()[0] for line in _MOUNTS.read_text().splitlines()]
    names += [path.name for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*")]
    pids = {int(match["pid"]) for match in map(_NAME.match, names) if match}
    _clear({pid for pid in pids if not _is_run(pid)})


def _is_run(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return pid == os.getpid() or __package__.encode() in command


def _clear(pids: set[int]) -> None:
    """Remove processes, namespaces, mounts and directories of these runs."""

    def is_theirs(name: str) -> bool:
        match = _NAME.match(name)
        return match is not None and int(match["pid"]) in pids

    for line in run_command("ip", "netns", "list").splitlines():
        namespace = line.split()[0]
        if is_theirs(namespace):
            _end_processes(namespace)
            run_command("ip", "netns", "delete", namespace)
    for line in _MOUNTS.read_text().splitlines():
        source, place = line.split()[:2]
        if is_theirs(source):
            run_command("umount", "--lazy", place)
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"):
        if is_theirs(path.name):
            shutil.rmtree(path)


def _end_processes(namespace: str) -> None:
    deadline = time.monotonic() + _END_S
    while pids := run_command("ip", "netns", "pids", namespace).split():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        if time.monotonic() > deadline:
            raise SitesError(f"processes in {namespace} do not end: {', '.join(pids)}")
        time.sleep(0.02)
