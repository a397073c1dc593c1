"""What is said of a run at its end: a table for people, one object for programs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from lab.chaos.history import Outcome, Read, Submission
from lab.chaos.run import Result
from lab.chaos.watch import HANDOVER, Loss
from rich.console import Console
from rich.table import Table

ELECTION_LIMIT: Final = 3
"""Election timeouts within which there is to be a new leader."""
_MOST_SHOWN: Final = 20


def summarize(result: Result) -> dict[str, object]:
    """Count and measure; times of elections are in election timeouts, all others in seconds."""
    options = result.options
    submissions = Counter(one.outcome for one in result.records if isinstance(one, Submission))
    reads = Counter(
        f"{'linearizable' if one.linearizable else 'local'} {one.outcome}"
        for one in result.records
        if isinstance(one, Read)
    )
    acknowledged = {
        one.event
        for one in result.records
        if isinstance(one, Submission) and one.outcome is Outcome.OK
    }
    healthy = [loss for loss in result.losses if loss.is_healthy]
    return {
        "seed": options.seed,
        "voters": options.voters,
        "fault_seconds": options.seconds,
        "faults": dict(sorted(result.faults.items())),
        "latches_on_full_disk": result.latches,
        "submissions": dict(submissions),
        "reads": dict(reads),
        "events_acknowledged": len(acknowledged),
        "events_on_ledger": result.events,
        "leaders": len(result.leaders),
        "last_term": max((term for _, term in result.leaders), default=0),
        "election_timeout_s": options.election_s,
        "leader_losses": _measure(
            [one for one in healthy if one.how != HANDOVER], options.election_s
        ),
        "handovers": _measure([one for one in healthy if one.how == HANDOVER], options.election_s),
        "leader_losses_without_healthy_majority": len(result.losses) - len(healthy),
        "settled_s": round(result.settled_s, 2),
        "losses": [asdict(loss) for loss in result.losses],
        "violations": [asdict(violation) for violation in result.violations],
    }


def judge(result: Result) -> tuple[int, str]:
    """Give the exit code and the verdict; where nothing was done to a network, nothing is shown."""
    if result.violations:
        return 1, f"{len(result.violations)} violations"
    if not result.faults:
        return 2, "no fault happened: nothing was tested"
    return 0, "no violation"


def _measure(losses: Sequence[Loss], election_s: float) -> dict[str, object]:
    led = [one.led_s / election_s for one in losses if one.led_s is not None]
    acked = [one.acked_s / election_s for one in losses if one.acked_s is not None]
    # Without another leader as long as the fault lasted.
    never = sum(one.led_s is None for one in losses)
    return {
        "count": len(losses),
        "led": _percentiles(led),
        "acked": _percentiles(acked),
        "never_led": never,
        f"beyond_{ELECTION_LIMIT}": never + sum(one > ELECTION_LIMIT for one in led),
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    last = len(ordered) - 1
    places = {"p50": last * 50 // 100, "p99": -(-last * 99 // 100), "max": last}
    return {name: round(ordered[place], 2) for name, place in places.items()}


def print_report(console: Console, summary: Mapping[str, object]) -> None:
    """Print the table, and under it the violations, the first of them if they are many."""
    table = Table("what", "how much", title=f"chaos, seed {summary['seed']}", title_justify="left")
    for name, value in summary.items():
        if isinstance(value, Mapping):
            for part, one in value.items():
                table.add_row(f"{_spell(name)}: {_spell(part)}", _format(one))
        elif not isinstance(value, list):
            table.add_row(_spell(name), str(value))
    console.print(table)
    violations = summary["violations"]
    if isinstance(violations, list):
        for violation in violations[:_MOST_SHOWN]:
            console.print(f"VIOLATION {violation['kind']}: {violation['detail']}", markup=False)


def _spell(name: str) -> str:
    return name.replace("_", " ")


def _format(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items()) or "none"
    return str(value)
