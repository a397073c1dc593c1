"""Say what share of the branches of each pure floor the tests took.

`branches.py REPORT.json PERCENT FLOOR...` reads what `coverage json` wrote, and exits with 1 if a
floor (a folder) has less than the percent. `coverage report` counts lines and branches together,
and lines are the many.
"""

import json
import sys
from pathlib import Path


def main(report: str, least: str, *floors: str) -> int:
    """Write a line for each floor and one for each file with a branch not taken."""
    files = json.loads(Path(report).read_text())["files"]
    verdict = 0
    for floor in floors:
        measured = {name: found for name, found in files.items() if name.startswith(floor)}
        branches = sum(found["summary"]["num_branches"] for found in measured.values())
        taken = sum(found["summary"]["covered_branches"] for found in measured.values())
        percent = 100 * taken / branches
        sys.stdout.write(f"{floor}: {taken} of {branches} branches, {percent:.2f} %\n")
        for name, found in sorted(measured.items()):
            for start, end in found["missing_branches"]:
                sys.stdout.write(f"  {name}:{start} never goes to {end}\n")
        if percent < float(least):
            verdict = 1
    return verdict


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
