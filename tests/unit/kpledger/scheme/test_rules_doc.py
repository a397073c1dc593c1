"""The published page of the rules is the rules."""

import subprocess
import sys
from pathlib import Path

from kpledger.scheme.v1.catalogue import CATALOGUE, nobody_else

ROOT = Path(__file__).parents[4]


def test_page_is_what_the_rules_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "rules_doc.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_page_says_of_each_event_who_signs_besides_its_author() -> None:
    page = (ROOT / "docs" / "rules.md").read_text()
    assert " Also signed by the Chair, for the first office or a territory's. Quota" in page
    for row in CATALOGUE.values():
        if row.cosigners is not nobody_else:
            assert (row.cosigners.__doc__ or "").startswith("Give who signs besides the ")
