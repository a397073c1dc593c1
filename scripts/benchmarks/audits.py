"""What an audit costs that goes on from yesterday's, and one that begins anew; of two commits.

Each is ``kpledger audit --copy`` as people run it, start of the program and all. The memory of its
processes is sampled; what they have mapped of files counts.
"""

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checkout import THIS, Checkout, check_out
from processes import find_children, measure_memory_mb
from rates import CORES, measure_verify_per_s
from replay import begin_log, found, write_copy

DAY_EVENTS: Final = 3_000
"""Of one more day: a million events a year."""
_RATE_S: Final = 2.0
_SAMPLE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Audited:
    """An audit, and what its processes took."""

    events: int
    seconds: float
    largest_mb: int
    """The most of one process."""
    together_mb: int
    """The most of all at once; what they share of files counts for each."""

    def summarise(self, raw: float) -> dict[str, object]:
        """Give the figures, beside what verifying signatures alone makes."""
        return {
            "events": self.events,
            "seconds": round(self.seconds, 3),
            "events_per_s": round(self.events / self.seconds),
            "raw_verify_per_s": round(raw),
            "ratio": round(self.events / self.seconds / raw, 3),
            "largest_process_mb": self.largest_mb,
            "all_processes_mb": self.together_mb,
        }


def run(
    events: int, block_events: int, jobs: int, against: str | None, directory: Path
) -> dict[str, object]:
    """Audit a ledger anew, by another commit as well if one is named; and go on a day later."""
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="kpledger-bench-", dir=directory)
        place = Path(stack.enter_context(scratch))
        copy = place / "copy"
        copy.mkdir()
        genesis = found()
        (place / "genesis.json").write_bytes(genesis.encoded)
        log = begin_log(genesis, block_events)
        size = write_copy(copy, genesis, log, events)
        checkouts = [THIS]
        if against is not None:
            checkouts.insert(0, stack.enter_context(check_out(against, place / "other")))
        found_here = {}
        for one in checkouts:
            words = ["--since", str(place / "notes")] if one is THIS else []
            raw = measure_verify_per_s(CORES, _RATE_S)
            audited = _audit(one, place, jobs, *words)
            raw = (raw + measure_verify_per_s(CORES, _RATE_S)) / 2
            found_here[one.name] = audited.summarise(raw)
        grown = write_copy(copy, genesis, log, size + DAY_EVENTS)
        again = _audit(THIS, place, jobs, "--since", str(place / "notes"))
        notes_mb = sum(file.stat().st_size for file in (place / "notes").iterdir()) >> 20
    if again.events != grown:
        sys.exit(f"{again.events} events were audited, and there are {grown}")
    return {
        "benchmark": "replay --continue",
        "anew": found_here,
        "continued": {
            "new_events": grown - size,
            "seconds": round(again.seconds, 3),
            "largest_process_mb": again.largest_mb,
            "all_processes_mb": again.together_mb,
            "notes_mb": notes_mb,
        },
        "processes": 1 + jobs,
        "cores": CORES,
        "python": platform.python_version(),
    }


def _audit(checkout: Checkout, place: Path, jobs: int, *words: str) -> _Audited:
    """Run an audit of the copy in a place, in a home that has seen nothing."""
    program = [checkout.directory / ".venv" / "bin" / "python", "-m", "kpclient", "audit"]
    named = {"genesis": place / "genesis.json", "copy": place / "copy", "jobs": jobs}
    options = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory(dir=place) as home:
        started = time.perf_counter()
        audit = subprocess.Popen(  # noqa: S603
            [*program, *options, "--home", home, "--json", *words],
            cwd=checkout.directory,
            env=checkout.environment(),
            stdout=subprocess.PIPE,
        )
        samples = list(_sample(audit))
        seconds = time.perf_counter() - started
        answer, _ = audit.communicate()
    report = json.loads(answer)
    if audit.returncode or report["verdict"] != "SOUND":
        sys.exit(f"the audit of a sound chain says {report}")
    largest, together = max(map(max, samples)), max(map(sum, samples))
    return _Audited(report["tree_size"], seconds, largest, together)


def _sample(audit: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Give the memory of the processes of an audit until it ends, again and again."""
    while audit.poll() is None:
        yield [measure_memory_mb(pid) for pid in (audit.pid, *find_children(audit.pid))]
        time.sleep(_SAMPLE_S)
