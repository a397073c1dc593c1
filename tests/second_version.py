"""A second version of the rules, as releases make one: a copy of the first one's folder, edited."""

import importlib
from collections.abc import Iterable
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import NamedTuple

import pytest

from kpledger.scheme.v1 import version as first
from kpledger.scheme.version import RuleVersion

_HOME = Path(first.__file__).parent


class Edit(NamedTuple):
    """A change of one passage in a file of a version."""

    file: str
    """Its path in the version's folder."""
    old: str
    new: str

    def apply(self, folder: Path) -> None:
        """Make it.

        Raises:
            ValueError: the passage is not there once.
        """
        path = folder / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has {text.count(self.old)} times {self.old!r}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def make_version(
    name: str, edits: Iterable[Edit], *, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> RuleVersion:
    """Copy version 1 into a package of another name, edit the copy, and import it."""
    package = folder / name
    copytree(_HOME, package, ignore=ignore_patterns("__pycache__"))
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8").replace("kpledger.scheme.v1", name)
        path.write_text(text, encoding="utf-8")
    for edit in edits:
        edit.apply(package)
    monkeypatch.syspath_prepend(str(folder))
    made = importlib.import_module(f"{name}.version").V1
    if not isinstance(made, RuleVersion):
        raise TypeError(f"{name} is no version of the rules")
    return made
