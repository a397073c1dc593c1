"""kpledger: the facts, rules, hashes and proofs of a ledger of Kimberley Process certificates.

The library has no clock, no randomness and no IO but the SQLite file of the books. Installed alone
it is an offline verifier.

What stands in :data:`__all__` is its public face, for whoever writes a verifier or an analysis of
their own; docs/library.md shows how. The shapes of events and records are those of the version of
the rules, :mod:`kpledger.scheme.v1.events` and :mod:`kpledger.scheme.v1.records`. Everything else
may move from release to release.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kpledger.face import *  # noqa: F403 (all of it, and nothing else)

    __all__: list[str]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the public face when one of its names is first asked for: importing is cheap."""
    if name == "__all__" or not name.startswith("_"):
        face = vars(import_module(f"{__name__}.face"))
        names = {one: value for one, value in face.items() if not one.startswith("_")}
        globals().update(names, __all__=sorted(names))
    if name not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *vars(import_module(f"{__name__}.face"))})
