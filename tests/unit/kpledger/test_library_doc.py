"""The public face is what it says, is cheap to import, and the examples of its page run."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
from copied import store
from cosigned import seal
from electing import finalise
from founding import VOTERS, issue, make_certificate, number_of, open_trade

import kpledger
from kpledger.base.codec import encode
from kpledger.log.block import decode_block

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "library.md"


def test_examples_of_the_page_run() -> None:
    ledger = open_trade()
    issue(ledger, make_certificate(number_of("BW", 1)))
    envelopes = [
        envelope
        for block in ledger.blocks
        if isinstance(block, bytes)
        for envelope in decode_block(block).events
    ]
    given = {
        "genesis_file": ledger.genesis.encoded,
        "entries": [store(block) for block in ledger.blocks],
        "certificate": encode(finalise(ledger.tip.end)),
        "checkpoint": seal(ledger.genesis, envelopes, VOTERS),
    }
    page = doctest.DocTestParser().get_doctest(
        PAGE.read_text(encoding="utf-8"), given, PAGE.name, str(PAGE), 0
    )
    told: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(page, out=told.append)
    assert result.failed == 0, "".join(told)
    assert result.attempted > 20


@pytest.mark.parametrize("name", kpledger.__all__)
def test_every_name_of_the_face_can_be_imported(name: str) -> None:
    assert getattr(kpledger, name) is not None
    assert name in dir(kpledger)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = kpledger.Nothing


def test_types_see_the_names_that_are_there() -> None:
    source = (ROOT / "kpledger/face.py").read_text(encoding="utf-8")
    seen = re.findall(r"(\w+) as \1\b", source)
    assert sorted(seen) == sorted(kpledger.__all__)


def test_importing_it_loads_nothing_yet() -> None:
    """Whoever asks a command for its help does not wait for the rules."""
    asked = "import sys, kpledger; print('msgspec' in sys.modules, 'nacl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
