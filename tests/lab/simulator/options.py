"""The climate of one simulated life: what fails, how often, and how the cluster is set up.

Drawn from the seed, because faults hide each other: a run with a little of everything never gets
to the corners that a run with much of one thing lives in ("swarm testing", Groce et al. 2012).
"""

from dataclasses import dataclass, fields, replace
from random import Random
from typing import Self

_FAULTS = (
    "loss",
    "copies",
    "straggle",
    "partition",
    "crash",
    "crash_in_save",
    "stall",
    "skew",
    "pause",
    "slow",
    "full",
    "lose",
    "jump",
    "late_report",
    "unreachable",
    "give_up",
)
_KINDS = ("mild",) * 15 + ("stormy",) * 10 + ("churning",) * 2 + ("ledger",) * 3
_WISHES = ("propose", "read", "transfer", "reconfigure")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimOptions:
    """Rates are per thousand, and per tick unless said otherwise."""

    ledger: int
    """1 if each node runs the real engine, machine and ledger, on signed events; else 0."""
    voters: int
    spares: int
    """Nodes that run from the start and vote only if a change of configuration says so."""
    election_ticks: int
    heartbeat_ticks: int
    window: int
    max_append_entries: int
    max_append_bytes: int
    max_uncommitted_bytes: int
    max_apply_bytes: int
    delay_ticks: int
    """Longest ordinary delay of a message."""
    loss: int
    """Per message."""
    copies: int
    """Per message: it arrives twice."""
    straggle: int
    """Per message: it takes many times longer."""
    partition: int
    heal: int
    crash: int
    """Per node."""
    crash_in_save: int
    """Per save; before or after it takes effect."""
    restart: int
    """Per stopped node."""
    stall: int
    """Per node: its clock misses the tick."""
    skew: int
    """How much faster or slower than the world a node may tick, in thousandths."""
    jump: int
    """Per node of a minority: its wall clock jumps."""
    pause: int
    """Per node: it stands still, up to three election timeouts."""
    slow: int
    """Per step: the disk takes many ticks for it."""
    full: int
    """Per node: its disk has no space left."""
    lose: int
    """Per restart: the disk came back with an old state, or empty, if others hold all it held."""
    late_report: int
    """Per save: the core hears of it only later."""
    lazy_machine: int
    """Per application: the state machine's own position is not saved yet."""
    unreachable: int
    """Per node: the transport reports a lost peer, rightly or not."""
    propose: int
    read: int
    transfer: int
    reconfigure: int
    give_up: int
    """Per retry: the client never asks again."""

    @classmethod
    def from_prng(cls, prng: Random) -> Self:
        """Draw a climate."""
        election_ticks = prng.choice((5, 10, 20))
        mild = cls(
            ledger=0,
            voters=prng.choice((1, 2, 3, 3, 3, 4, 5, 5)),
            spares=prng.choice((0, 0, 1, 2)),
            election_ticks=election_ticks,
            heartbeat_ticks=prng.choice((1, 2, election_ticks - 1)),
            window=prng.choice((1, 2, 8)),
            max_append_entries=prng.choice((1, 3, 64)),
            max_append_bytes=prng.choice((1, 40, 1 << 20)),
            max_uncommitted_bytes=prng.choice((60, 1 << 20)),
            max_apply_bytes=prng.choice((1, 1 << 20)),
            delay_ticks=prng.choice((1, 1, 2, 4)),
            loss=prng.choice((0, 10, 100, 300)),
            copies=prng.choice((0, 20, 200)),
            straggle=prng.choice((0, 10, 100)),
            partition=prng.choice((0, 5, 20)),
            heal=prng.choice((20, 100)),
            crash=prng.choice((0, 1, 5)),
            crash_in_save=prng.choice((0, 2, 10)),
            restart=prng.choice((20, 100)),
            stall=prng.choice((0, 0, 100, 400)),
            skew=prng.choice((0, 0, 50, 500)),
            jump=prng.choice((0, 10, 50)),
            pause=prng.choice((0, 0, 1, 5)),
            slow=prng.choice((0, 0, 10, 100)),
            full=prng.choice((0, 0, 1)),
            lose=prng.choice((0, 0, 0, 200, 700)),
            late_report=prng.choice((0, 0, 300, 990)),
            lazy_machine=prng.choice((0, 500, 950)),
            unreachable=prng.choice((0, 0, 20)),
            propose=prng.choice((50, 300, 900)),
            read=prng.choice((0, 100)),
            transfer=prng.choice((0, 0, 5, 20)),
            reconfigure=prng.choice((0, 0, 0, 10, 50)),
            give_up=prng.choice((0, 50)),
        )
        match prng.choice(_KINDS):
            case "stormy":
                return mild._stormy(prng)
            case "churning":
                return mild._churning(prng)
            case "ledger":
                return mild._with_ledger(prng)
            case _:
                return mild

    def healed(self) -> Self:
        """Return the same cluster under a clear sky, with nobody asking for anything."""
        calm = {field.name: 0 for field in fields(self) if field.name in _FAULTS + _WISHES}
        return replace(self, **calm, delay_ticks=1, restart=1000, heal=1000)

    def _stormy(self, prng: Random) -> Self:
        """Make elections frequent: it takes many of them to see a promise about votes broken."""
        return replace(
            self,
            voters=prng.choice((3, 4, 5)),
            crash=prng.choice((20, 60)),
            crash_in_save=prng.choice((20, 100)),
            restart=700,
            election_ticks=5,
            heartbeat_ticks=2,
            loss=prng.choice((50, 300)),
            delay_ticks=prng.choice((1, 3)),
        )

    def _churning(self, prng: Random) -> Self:
        """Replace voters all the time, under leaders that are cut off while they do it."""
        return replace(
            self,
            voters=prng.choice((3, 4, 5)),
            spares=2,
            election_ticks=prng.choice((5, 10)),
            heartbeat_ticks=2,
            partition=prng.choice((20, 40)),
            heal=60,
            reconfigure=prng.choice((30, 100)),
            transfer=prng.choice((0, 20)),
            crash=prng.choice((0, 5)),
            lose=0,
        )

    def _with_ledger(self, prng: Random) -> Self:
        """Run what is above the core as well; its rules know no change of voters.

        Sealing and checking blocks takes its time, so there are few of them.
        """
        return replace(
            self,
            ledger=1,
            voters=prng.choice((3, 3, 5)),
            spares=0,
            max_append_bytes=1 << 20,
            max_uncommitted_bytes=1 << 20,
            propose=prng.choice((30, 100)),
            reconfigure=0,
        )
