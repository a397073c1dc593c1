"""The published page of the rules is the rules."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_page_is_what_the_rules_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "rules_doc.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
