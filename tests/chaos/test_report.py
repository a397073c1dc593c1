"""The figures of a chaos run: in election timeouts, and none too good."""

from collections import Counter

from lab.chaos.checker import Kind, Violation
from lab.chaos.history import Outcome, Place, Record, Submission
from lab.chaos.report import judge, summarize
from lab.chaos.run import Options, Result
from lab.chaos.watch import HANDOVER, Loss


def lose(led_s: float | None, *, how: str = "kill", is_healthy: bool = True) -> Loss:
    return Loss(how, "bw-1", 1, 0.0, is_healthy, led_s=led_s, acked_s=led_s)


def make_result(
    *,
    losses: list[Loss] | None = None,
    records: list[Record] | None = None,
    faults: int = 2,
    violations: list[Violation] | None = None,
) -> Result:
    return Result(
        options=Options(seed=1, seconds=30, voters=3, clients=1, pace_s=0.1),
        violations=violations or [],
        records=records or [],
        losses=losses or [],
        leaders=[("bw-1", 1)],
        faults=Counter(kill_leader=faults) if faults else Counter(),
        latches=0,
        settled_s=1.0,
        events=1,
    )


def summarize_with(losses: list[Loss], records: list[Record]) -> dict[str, object]:
    return summarize(make_result(losses=losses, records=records))


def test_times_are_percentiles_in_election_timeouts() -> None:
    losses = [lose(number / 100) for number in range(1, 101)]
    measured = summarize_with(losses, [])["leader_losses"]
    assert measured == {
        "count": 100,
        "led": {"p50": 0.5, "p99": 1.0, "max": 1.0},
        "acked": {"p50": 0.5, "p99": 1.0, "max": 1.0},
        "never_led": 0,
        "beyond_3": 0,
    }


def test_slow_and_missing_leaders_are_beyond_the_limit() -> None:
    measured = summarize_with([lose(1.0), lose(3.5), lose(None)], [])["leader_losses"]
    assert isinstance(measured, dict)
    assert (measured["count"], measured["never_led"], measured["beyond_3"]) == (3, 1, 2)


def test_handovers_and_losses_without_a_healthy_majority_count_apart() -> None:
    losses = [lose(0.1, how=HANDOVER), lose(9.0, is_healthy=False), lose(1.5)]
    summary = summarize_with(losses, [])
    counts = [summary[name]["count"] for name in ("leader_losses", "handovers")]  # type: ignore[index]
    assert counts == [1, 1]
    assert summary["leader_losses_without_healthy_majority"] == 1


def test_event_acknowledged_twice_counts_once() -> None:
    twice: list[Record] = [
        Submission(
            client="one",
            node=node,
            event="a",
            invoked_s=1.0,
            returned_s=2.0,
            outcome=Outcome.OK,
            place=Place(1, 0),
        )
        for node in ("bw-1", "za-2")
    ]
    summary = summarize_with([], twice)
    assert (summary["events_acknowledged"], summary["submissions"]) == (1, {"ok": 2})


def test_run_without_any_fault_has_tested_nothing() -> None:
    assert judge(make_result()) == (0, "no violation")
    assert judge(make_result(faults=0)) == (2, "no fault happened: nothing was tested")


def test_violation_is_one_even_where_no_fault_happened() -> None:
    died = [Violation(Kind.DIED, "bw-1 ended by itself with 1")]
    for faults in (0, 2):
        assert judge(make_result(faults=faults, violations=died)) == (1, "1 violations")
