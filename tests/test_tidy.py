"""The house rules that no linter checks, after TigerBeetle's tidy.zig.

Each is a function from a source to its findings, tried on a bad sample and then on the whole tree.
"""

import ast
import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import pytest

import kpledger

ROOT = Path(__file__).parents[1]
SHIPPED = ("kpledger", "node/kpnode", "client/kpclient")
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 450
SHIPPED_LINES_MAX = 61_900
OVERRIDES = frozenset({"format_commands", "format_options"})  # typer calls them
# People and pipes read these two; everything else returns values or logs.
PRINTERS = ("client/kpclient/output/console.py", "tests/lab/simulator/__main__.py")

Finding = str
Rule = Callable[[str], Iterator[Finding]]


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def calls_of(source: str, *names: str) -> Iterator[Finding]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield f"line {node.lineno}: call of {node.func.id}()"


def long_functions(source: str) -> Iterator[Finding]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {lines} lines"


def long_file(source: str) -> Iterator[Finding]:
    lines = len(source.splitlines())
    if lines > FILE_LINES_MAX:
        yield f"{lines} lines"


def unexplained_todos(source: str) -> Iterator[Finding]:
    """A thing left to do names the decision it waits for: TODO(ADR 0007)."""
    for number, line in enumerate(source.splitlines(), start=1):
        if re.search(r"#.*\bTODO\b(?!\(ADR \d{4}\))", line):
            yield f"line {number}: {line.strip()}"


def missing_docstring(source: str) -> Iterator[Finding]:
    if ast.get_docstring(ast.parse(source)) is None:
        yield "no module docstring"


def float_literals(source: str) -> Iterator[Finding]:
    """Rules, hashes and proofs count in integers, or two machines may disagree."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"line {node.lineno}: {node.value}"


def unordered_values(source: str) -> Iterator[Finding]:
    """What differs between two runs of one seed may not reach the consensus core."""
    yield from calls_of(source, "set", "hash", "id")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.SetComp):
            yield f"line {node.lineno}: set comprehension"


def prints(source: str) -> Iterator[Finding]:
    yield from calls_of(source, "print")


def refusals_nobody_hears(source: str) -> Iterator[Finding]:
    """A check yields its refusals: called as a statement of its own it checks nothing."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = ast.unparse(node.value.func)
            if re.search(r"(^|\.)_?check_", name) and name != "check_public_key":  # which raises
                yield f"line {node.lineno}: {name} is called, and its refusals are dropped"


def public_names(source: str) -> Iterator[str]:
    """Name what a module defines for others; what a decorator registers is nobody's to import."""
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not node.decorator_list:
                    yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def names_defined_twice(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Find public names with two meanings; type variables and the roots of programs have none."""
    homes: dict[str, list[str]] = {}
    for path, source in sources.items():
        for name in public_names(source):
            if not name.startswith("_") and len(name) > 1 and name not in {"app", "main"}:
                homes.setdefault(name, []).append(path)
    return {name: paths for name, paths in homes.items() if len(paths) > 1}


def names_without_a_caller(sources: Mapping[str, str], face: Collection[str]) -> set[str]:
    """Find public functions, methods and classes that nothing in the product speaks of."""
    defined: set[str] = set()
    spoken_of = set(face)
    for source in sources.values():
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if not node.decorator_list:
                        defined.add(name)
                case ast.ClassDef(name=name):
                    defined.add(name)
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    spoken_of.add(name)
                case ast.Constant(value=str(name)):
                    spoken_of.add(name)
    return {name for name in defined - spoken_of if not name.startswith("_")}


@functools.cache
def shipped_sources() -> dict[str, str]:
    files = python_files(*SHIPPED)
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}


def unused_vectors(vectors: list[Path], sources: list[str]) -> list[Path]:
    """A vector is used when a test names it, or names its folder and reads all of it."""

    def is_used(vector: Path) -> bool:
        folder = f'"{vector.parent.name}"'
        return any(
            vector.name in source or (folder in source and "glob(" in source) for source in sources
        )

    return [vector for vector in vectors if not is_used(vector)]


BAD_SAMPLES: list[tuple[Rule, str]] = [
    (long_functions, "def f():\n" + "    pass\n" * FUNCTION_LINES_MAX),
    (long_functions, "async def f():\n" + "    pass\n" * FUNCTION_LINES_MAX),
    (long_file, "pass\n" * (FILE_LINES_MAX + 1)),
    (unexplained_todos, "pass  # TODO: later"),
    (unexplained_todos, "pass  # TODO(ADR soon)"),
    (missing_docstring, "x = 1"),
    (float_literals, "x = 0.5"),
    (float_literals, "x = 1e3"),
    (unordered_values, "x = set()"),
    (unordered_values, "x = {y for y in z}"),
    (unordered_values, "x = hash(y)"),
    (unordered_values, "x = id(y)"),
    (prints, "print(1)"),
    (refusals_nobody_hears, "def f():\n    yield from check_a()\n    check_b()"),
]

GOOD_SAMPLE = '''"""A module."""
x = 1  # TODO(ADR 0001): a decision that is named
def f() -> int:
    return x // 2
'''

SCOPES: list[tuple[Rule, tuple[str, ...]]] = [
    (long_functions, (*SHIPPED, "tests", "scripts")),
    (long_file, (*SHIPPED, "tests", "scripts")),
    (unexplained_todos, (*SHIPPED, "tests", "scripts")),
    (missing_docstring, (*SHIPPED, "scripts")),
    (float_literals, ("kpledger",)),
    (unordered_values, ("node/kpnode/raft",)),
    (prints, SHIPPED),
    (refusals_nobody_hears, ("kpledger/scheme/v1",)),
]


@pytest.mark.parametrize(("rule", "source"), BAD_SAMPLES)
def test_rule_finds_the_one_fault_of_a_bad_sample(rule: Rule, source: str) -> None:
    assert len(list(rule(source))) == 1


@pytest.mark.parametrize("rule", [rule for rule, _ in SCOPES], ids=lambda rule: rule.__name__)
def test_rule_accepts_a_good_sample(rule: Rule) -> None:
    assert list(rule(GOOD_SAMPLE)) == []


@pytest.mark.parametrize(
    ("rule", "folders"), SCOPES, ids=[f"no_{rule.__name__}" for rule, _ in SCOPES]
)
def test_tree_has(rule: Rule, folders: tuple[str, ...]) -> None:
    exempt = {ROOT / path for path in PRINTERS} if rule is prints else set()
    # The bad samples of this very file would be findings.
    files = [path for path in python_files(*folders) if path not in {*exempt, Path(__file__)}]
    assert files
    found = {
        str(path.relative_to(ROOT)): findings
        for path in files
        if (findings := list(rule(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_name_with_two_homes_is_found() -> None:
    sources = {
        "a.py": "class Line: ...\nclass _Own: ...\nLIMIT: int = 1\n@app.command\ndef show(): ...",
        "b.py": "class _Own: ...\nT = 1\nLIMIT = 2\ndef show(): ...",
        "c.py": "class Line: ...",
    }
    assert names_defined_twice(sources) == {"Line": ["a.py", "c.py"], "LIMIT": ["a.py", "b.py"]}


def test_no_public_name_is_defined_twice() -> None:
    sources = shipped_sources()
    found = names_defined_twice(sources)
    assert found == {}


def test_what_nobody_calls_is_found() -> None:
    sources = {
        "a.py": "def called(): ...\ndef left(): ...\nclass Made:\n def go(): ...\n def on(): ...",
        "b.py": "from a import Made, left\ncalled()\nMade().go\n@app.command\ndef show(): ...",
    }
    assert names_without_a_caller(sources, face=()) == {"left", "on"}
    assert names_without_a_caller(sources, face=("left",)) == {"on"}


def test_every_public_function_has_a_caller_or_is_of_the_face() -> None:
    found = names_without_a_caller(shipped_sources(), kpledger.__all__)
    assert found - OVERRIDES == set()


def test_product_is_no_larger_than_it_may_be() -> None:
    lines = sum(len(source.splitlines()) for source in shipped_sources().values())
    assert lines <= SHIPPED_LINES_MAX


def test_vector_that_no_test_reads_is_found() -> None:
    named, globbed, forgotten = Path("a/named.json"), Path("b/any.json"), Path("c/any-other.json")
    sources = ['load("named.json")', '(VECTORS / "b").glob("*.json")', '"c"']
    assert unused_vectors([named, globbed, forgotten], sources) == [forgotten]


def test_every_vector_is_read_by_a_test() -> None:
    vectors = sorted(path for path in (ROOT / "tests/vectors").rglob("*") if path.is_file())
    sources = [path.read_text(encoding="utf-8") for path in python_files("tests")]
    assert unused_vectors(vectors, sources) == []


def test_every_trouble_names_what_shows_it_with_its_path() -> None:
    text = (ROOT / "docs" / "troubles.md").read_text(encoding="utf-8")
    shown = [line[:-2].rpartition(" | ")[2] for line in text.splitlines() if line[:2] == "| "]
    for cell in shown:
        for one in cell.split(", ") if cell != "shown by" else ():
            link = re.fullmatch(r"\[(test_\w+\.py)(?:::(\w+))?\]\(\.\./(tests/[\w/]+/\1)\)", one)
            assert link is not None, one
            assert f"def {link[2] or 'test_'}" in (ROOT / link[3]).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["threat-model.md", "troubles.md"])
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(test_\w+\.py)\b", text))
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert named - there == set()


def test_changelog_is_about_this_version() -> None:
    """Unreleased stands on top; the newest numbered entry, once there is one, is __version__."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[?(Unreleased|\d+\.\d+\.\d+)\b", text, flags=re.MULTILINE)
    assert headings[:1] in (["Unreleased"], [kpledger.__version__])
    numbered = [heading for heading in headings if heading != "Unreleased"]
    assert numbered[:1] in ([], [kpledger.__version__])


def _releases(text: str) -> dict[str, str]:
    """Give the version of each package, by its normal name (PEP 503)."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, flags=re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_what_is_installed_is_what_is_pinned_and_every_file_of_it_has_a_hash() -> None:
    """`scripts/lock` writes the one from the other."""
    lock = (ROOT / "requirements.lock").read_text(encoding="ascii")
    assert _releases(lock) == _releases((ROOT / "constraints.txt").read_text(encoding="ascii"))
    blocks = re.split(r"^(?=[A-Za-z])", lock, flags=re.MULTILINE)[1:]
    assert [block.split("\n")[0] for block in blocks if "--hash=sha256:" not in block] == []
