"""``kpledger trace`` against a real network: as a tree, as JSON, as a graph."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from office import Ledger, new_number

SVG = "{http://www.w3.org/2000/svg}"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chain(ledger: Ledger) -> tuple[str, str]:
    """Give an import of India, and a certificate that names it."""
    first = ledger.issue()
    ledger.ask("confirm", first, "--key", "mumbai")
    return first, ledger.issue("--source", f"{first}=2.5", number=new_number())


def test_goods_are_traced_both_ways(ledger: Ledger, chain: tuple[str, str]) -> None:
    first, second = chain
    link = {"earlier": first, "later": second, "link": "SOURCE", "carat_thousandths": 2500}
    found = ledger.ask("trace", first)
    assert (found["back"], found["forward"], found["complete"]) == ([], [link], True)
    assert ledger.ask("trace", second)["back"] == [link]
    tree = ledger.run("trace", second).stdout
    assert f"2.500 ct: {first}, CONFIRMED, BW to IN" in tree
    assert ledger.run("trace", "BW99999999").exit_code == 2


def test_a_source_that_went_elsewhere_is_told(ledger: Ledger, chain: tuple[str, str]) -> None:
    first, second = chain
    findings = ledger.ask("flags", "--flag", "F19", "--participant", "BW")["findings"]
    assert isinstance(findings, list)
    told = {one["subject"]: one["explanation"] for one in findings}
    assert (
        f"{first} as the source of 2.500 ct, but its destination is IN and not BW" in told[second]
    )
    shown = ledger.run("show", second).stdout
    assert f"2.500 ct of {first}" in shown
    assert f"WRONG SOURCE {first}: see flag F19" in shown
    assert "2.500 of 12.345 ct are claimed, 9.845 ct left" in ledger.run("show", first).stdout


def test_a_graph_is_printed_and_drawn(
    ledger: Ledger, chain: tuple[str, str], tmp_path: Path
) -> None:
    first, second = chain
    assert f'"{first}" -> "{second}"' in ledger.run("trace", first, "--dot").stdout
    file = tmp_path / "lineage.svg"
    result = ledger.run("trace", first, "--svg", file)
    assert (result.exit_code, result.stderr) == (0, "")
    texts = [one.text for one in ET.parse(file).iter(f"{SVG}text")]  # noqa: S314 (ours)
    assert {first, second, "2.500 ct"} <= set(texts)
