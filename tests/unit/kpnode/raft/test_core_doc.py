"""The example in the core's contract runs."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[4] / "docs" / "core.md"


def test_example_runs() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile(example, str(DOCUMENT), "exec"), {"__name__": "example"})  # noqa: S102 (our own)
