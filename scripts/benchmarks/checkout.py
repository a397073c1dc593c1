"""Two states of the project side by side: this checkout, and a commit in a place of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Checkout:
    """A state of the project that can be run."""

    name: str
    """The commit, or ``this``."""
    directory: Path

    def command(self, *arguments: str) -> list[str]:
        """Give the command line of this state's ``kpnode``."""
        return [str(self.directory / ".venv" / "bin" / "python"), "-m", "kpnode", *arguments]

    def offers(self, command: str, option: str) -> bool:
        """Tell whether a command of this state's ``kpnode`` has an option."""
        words = self.command(command, "--help")
        told = subprocess.run(  # noqa: S603
            words, cwd=self.directory, env=self.environment(), check=True, capture_output=True
        )
        return option.encode() in told.stdout

    def environment(self) -> dict[str, str]:
        """Give an environment in which no other state's modules are found."""
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


THIS: Final = Checkout("this", _ROOT)


@contextmanager
def check_out(commit: str, directory: Path) -> Iterator[Checkout]:
    """Check a commit out into a directory with an environment of its own; take it away after."""
    _git("worktree", "add", "--quiet", "--detach", str(directory), commit)
    try:
        subprocess.run([directory / "scripts" / "install"], check=True, stdout=sys.stderr)  # noqa: S603
        yield Checkout(commit, directory)
    finally:
        _git("worktree", "remove", "--force", str(directory))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(_ROOT), *arguments], check=True)  # noqa: S603, S607
