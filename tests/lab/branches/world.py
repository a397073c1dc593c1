"""How much there is in a small world, and the worlds that are explored by default."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class World:
    """Bounds of a search."""

    voters: int = 4
    liars: int = 1
    terms: int = 3
    heights: int = 2
    branches: int = 2
    """Blocks that a lying leader makes on one block."""
    planted: str | None = None
    """A bug (:data:`lab.branches.voting.BUGS`)."""
    depth: int | None = None
    """No more moves than this; None: to the end."""

    @property
    def honest(self) -> int:
        """How many do not lie."""
        return self.voters - self.liars

    @property
    def majority(self) -> int:
        """How many of the voters decide."""
        return self.voters // 2 + 1

    @property
    def needed(self) -> int:
        """How many honest voters are enough beside all that lie."""
        return self.majority - self.liars

    @property
    def prevents(self) -> bool:
        """Whether two majorities share more voters than lie: then nothing final is undone."""
        return 2 * self.majority - self.voters > self.liars


LONG: Final = World(terms=4, branches=1, depth=11)
WORLDS: Final = MappingProxyType(
    {
        "liar": World(),
        "liar-of-three": World(voters=3),
        "liar-of-five": World(voters=5, terms=2),
        "liar-in-four-terms": LONG,
        "no-liar": World(voters=3, liars=0, terms=3),
    }
)
"""By name."""
QUICK: Final = MappingProxyType(
    {
        "liar": replace(WORLDS["liar"], terms=2),
        "liar-of-three": replace(WORLDS["liar-of-three"], terms=2),
        "liar-in-four-terms": replace(LONG, depth=9),
        "no-liar": replace(WORLDS["no-liar"], terms=2),
    }
)
"""The same with less in them, for the gate."""
PLANTED: Final = MappingProxyType(
    {
        "plain-raft": World(),
        "own-end-not-demanded": World(heights=3, depth=7),
        "pin-not-demanded": World(voters=3, depth=9),
        "promise-forgotten": LONG,
        "promise-voted-down": LONG,
        "promise-replaced": LONG,
        "released-by-too-few": World(),
        "released-from-its-end": World(heights=3),
        "next-term-voted-short": World(),
        "older-term-acknowledged": World(),
        "signer-counted-twice": World(),
    }
)
"""Where a planted bug is looked for (:data:`lab.branches.voting.BUGS`)."""
