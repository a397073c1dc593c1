"""The core's contract: its example runs, and it says where each rule stands."""

import re
from pathlib import Path

import kpnode.notary

DOCUMENT = Path(__file__).parents[4] / "docs" / "core.md"


def test_example_runs() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile(example, str(DOCUMENT), "exec"), {"__name__": "example"})  # noqa: S102 (our own)


def test_every_module_of_the_notary_has_its_rule() -> None:
    text = (
        DOCUMENT.read_text(encoding="utf-8")
        .partition("## Where a node may lie")[2]
        .partition("## ")[0]
    )
    modules = {path.stem for path in Path(kpnode.notary.__file__).parent.glob("*.py")}
    assert {one for one in modules - {"__init__"} if f"`{one}`" not in text} == set()
