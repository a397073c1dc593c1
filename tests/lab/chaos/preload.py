"""What is loaded into a voter's process before anything else: wrong clocks and a slow disk.

Our own ``bad_machine.c`` moves the wall clock and slows the disk while the process runs. Debian's
libfaketime is loaded only where clocks are to drift, the monotonic one with them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from lab.chaos.sites import SitesError, run_command

_FAKETIME: Final = "*/faketime/libfaketimeMT.so.1"
_LIBRARIES: Final = Path("/usr/lib")
_SOURCE: Final = Path(__file__).with_name("bad_machine.c")


@dataclass(frozen=True, slots=True)
class Preloads:
    """The libraries that this machine can have; None for what it cannot."""

    faketime: Path | None
    bad_machine: Path | None

    @classmethod
    def prepare(cls, directory: Path) -> Self:
        """Find libfaketime, and compile our own into a directory."""
        faketime = next(_LIBRARIES.glob(_FAKETIME), None)
        library = directory / "bad_machine.so"
        try:
            run_command("cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl")
        except SitesError:
            return cls(faketime, None)
        return cls(faketime, library)

    @property
    def missing(self) -> tuple[str, ...]:
        """Say what is left out, and why."""
        found = []
        if self.faketime is None:
            found.append("drifting clocks: no libfaketime")
        if self.bad_machine is None:
            found.append("clock jumps and slow disks: no C compiler that works")
        return tuple(found)


@dataclass(slots=True)
class Machine:
    """The clock and the disk of one voter, as its process sees them."""

    preloads: Preloads
    control: Path
    """The file that tells the preloaded library what to do."""
    clock_ms: int = field(default=0, init=False)
    sync_ms: int = field(default=0, init=False)

    def tell(self) -> None:
        """Let the process know; in one step, because the file is read at any moment."""
        fresh = self.control.with_suffix(".new")
        fresh.write_text(f"{self.clock_ms} {self.sync_ms}\n", encoding="ascii")
        fresh.replace(self.control)

    def environment(self, drift: tuple[float, float] | None) -> dict[str, str]:
        """Give what a process needs; ``drift`` is how wrong its clocks start and how fast they go.

        The offset in seconds, the rate as a factor.
        """
        libraries: list[Path] = []
        environment = {"KP_BAD_MACHINE": str(self.control)}
        if self.preloads.bad_machine is not None:
            libraries.append(self.preloads.bad_machine)
        if self.preloads.faketime is not None and drift is not None:
            libraries.append(self.preloads.faketime)
            environment["FAKETIME"] = f"{drift[0]:+.3f} x{drift[1]:.3f}"
            # Otherwise files would seem to be as old as the clock is wrong.
            environment["NO_FAKE_STAT"] = "1"
        if libraries:
            environment["LD_PRELOAD"] = ":".join(map(str, libraries))
        return environment
