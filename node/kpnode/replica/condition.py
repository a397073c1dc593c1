"""How a node is that does not vote: whether it is current, and what a person should do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kpnode.docket import Exhibit
from kpnode.replica.sources import KnownSource
from kpnode.runtime.health import describe_exhibit, describe_failure
from kpnode.standing import Failure

READY_AGE_S: Final = 15
"""With knowledge that is older than that, a node is not ready."""
_LAG_S: Final = 2.0
"""So long a node that is ready may lack a block that is final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A picture of one moment."""

    failure: Failure | None
    """Why the node has stopped following."""
    age_s: int
    """How old its knowledge of the end of the ledger is; since its start, if it never had any."""
    has_heard: bool
    """Whether a source has shown it what is final since its start."""
    height: int
    behind: int
    """How many blocks it lacks that it knows to be final."""
    lag_s: float
    """For how long it has lacked some."""
    stuck_s: float
    """For how long no block of those has come that it still has to fetch."""
    sources: Sequence[KnownSource]
    liars: Sequence[KnownSource]
    """Those of them that have lied lately."""
    exhibits: tuple[Exhibit, ...]

    @property
    def is_current(self) -> bool:
        """Whether its knowledge of the end of the ledger is young."""
        return self.failure is None and self.has_heard and self.age_s <= READY_AGE_S

    @property
    def obstacle(self) -> str | None:
        """Why this node is not ready, in a sentence; None if it is."""
        if self.failure is not None:
            return "this node has stopped following the ledger"
        if not self.has_heard:
            return "no source has told this node yet what is final"
        if not self.is_current:
            return f"what this node knows of the end of the ledger is {self.age_s} s old"
        if not self.height or self.lag_s > _LAG_S:
            return f"this node catches up, and lacks {self.behind} blocks that are final"
        return None

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at, each in sentences of its own."""
        return tuple(self._alarms())

    def _alarms(self) -> Iterator[str]:
        if self.failure is not None:
            yield describe_failure(self.failure)
        elif not self.is_current and self.age_s > READY_AGE_S:
            yield self._describe_silence(
                self.age_s,
                "nobody has shown this node how far the ledger is: it may have missed what was"
                " recorded since",
            )
        elif self.stuck_s > READY_AGE_S:
            yield self._describe_silence(
                int(self.stuck_s), f"no source gives this node the {self.behind} blocks it lacks"
            )
        for source in self.liars:
            yield (
                f"The source {source.name} {source.lie}."
                " It is left alone for some time, unless no other is of use."
                " Ask who runs it; the others are enough as long as one of them is honest."
            )
        yield from map(describe_exhibit, self.exhibits)

    def _describe_silence(self, for_s: int, what: str) -> str:
        told = "; ".join(f"{one.name} {one.problem or 'is behind'}" for one in self.sources)
        return (
            f"For {timedelta(seconds=for_s)} {what}. {told or 'It has no source'}. Look at"
            " [follow] and [peers.addresses] of its configuration, at those nodes and at the"
            " network. If most voters do not run, nobody can be current."
        )
