"""The published page of the flags says what their files say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[5]


def test_page_is_what_the_files_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "flags_doc.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
