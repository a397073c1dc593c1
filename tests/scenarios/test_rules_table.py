"""The table of rules is whole, and everything it names is there."""

import re
from pathlib import Path

import pytest
from lab.planted import PLANTED

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/testing.md"
RULES = [f"B{number}" for number in range(1, 71)]


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each row that begins with a rule, by rule."""
    lines = [line.strip().strip("|").split("|") for line in text.splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {row[0]: row[1:] for row in cells if re.fullmatch(r"B\d+", row[0])}


def missing(text: str) -> list[str]:
    """What a text names in backticks as a test, a story or a planted bug and is not there."""
    found = []
    for name in re.findall(r"`([^`]+)`", text):
        if name.startswith("--planted "):
            exists = name.removeprefix("--planted ") in PLANTED
        elif (path := name.partition("::")[0]).endswith((".py", ".txt")):
            exists = is_test(ROOT / "tests" / path, name.partition("::")[2])
        else:
            continue
        if not exists:
            found.append(name)
    return found


def is_test(path: Path, test: str) -> bool:
    if not path.is_file():
        return False
    return not test or f"def {test}(" in path.read_text(encoding="utf-8")


def test_table_has_every_rule_once_and_in_order() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert re.findall(r"^\| (B\d+) \|", text, flags=re.MULTILINE) == RULES


def test_row_says_what_where_and_how() -> None:
    table = rows(TABLE.read_text(encoding="utf-8"))
    assert {rule: len(cells) for rule, cells in table.items()} == dict.fromkeys(RULES, 3)
    assert [rule for rule, cells in table.items() if not all(cells)] == []


def test_row_names_a_test_or_a_reason() -> None:
    table = rows(TABLE.read_text(encoding="utf-8"))
    reasons = ("Cannot occur: ", "Decided otherwise: ")
    bare = [
        rule
        for rule, cells in table.items()
        if not (re.search(r"`[^`]+\.(py::\w+|txt)`", cells[-1]) or cells[-1].startswith(reasons))
    ]
    assert bare == []


def test_everything_that_is_named_exists() -> None:
    table = rows(TABLE.read_text(encoding="utf-8"))
    assert {rule: missing(cells[-1]) for rule, cells in table.items() if missing(cells[-1])} == {}


def test_every_test_that_is_named_on_the_page_exists() -> None:
    named = missing(TABLE.read_text(encoding="utf-8"))
    assert [name for name in named if "::" in name] == []


@pytest.mark.parametrize(
    "name",
    [
        "scenarios/b99_nothing.txt",
        "scenarios/test_rules_table.py::test_nothing",
        "unit/test_nowhere.py::test_nothing",
        "--planted nothing",
    ],
)
def test_name_of_nothing_is_found(name: str) -> None:
    assert missing(f"as shown by `{name}`") == [name]


def test_every_story_is_in_the_row_of_its_rule() -> None:
    table = rows(TABLE.read_text(encoding="utf-8"))
    for story in (ROOT / "tests/scenarios").glob("*.txt"):
        rule = f"B{int(story.stem[1:3])}"
        assert f"`scenarios/{story.name}`" in table[rule][-1]
