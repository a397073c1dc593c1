"""Commands, routes and files that the documents name are there, spelt like that."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from office import walk
from typer.main import get_command

from kpclient.cli import app as client
from kpledger.api.routes import ROUTES
from kpnode.main import app as node

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = {
    " ".join(words): command
    for program, app in (("kpledger", client), ("kpnode", node))
    for words, command in walk((program,), get_command(app))
}
BY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
# In a block of code, where a backslash goes on; or between backticks, in a line.
BLOCK = re.compile(r"^(?:\$ )?(?:sudo -u \w+ )?((?:kpledger|kpnode) (?:\\\n|.)*)", re.MULTILINE)
INLINE = re.compile(r"`((?:kpledger|kpnode) [^`]*)`")


def lines_of(text: str) -> Iterator[str]:
    for part in re.split(r"^ *```", text, flags=re.MULTILINE)[1::2]:
        yield from BLOCK.findall(part)
    yield from INLINE.findall(text)


def words_of(line: str) -> list[str]:
    """Split a line as a shell does; what is substituted is one word, what is piped is left out."""
    line = re.sub(r"\$\([^)]*\)", "VALUE", line.replace("\\\n", " "))
    return shlex.split(re.split(r" [|>#&] ?|;", line)[0], comments=True)


def find_wrong(words: list[str]) -> str:
    """Say what of a line no command takes; a line that only speaks of a group is right."""
    for length in range(len(words), 0, -1):
        if command := COMMANDS.get(" ".join(words[:length])):
            known = {"--help"}.union(*(one.opts for one in getattr(command, "params", ())))
            given = [word.partition("=")[0] for word in words[length:]]
            return ", ".join(one for one in given if re.match("--?[a-z]", one) and one not in known)
    group = [one for one in words if not one.startswith("-") and one != "COMMAND"]
    is_group = any(name.split()[: len(group)] == group for name in COMMANDS)
    return "" if is_group else f"{' '.join(group)} is no command"


@BY_PAGE
def test_every_command_line_of_a_page_is_one(page: Path) -> None:
    found = [(line, find_wrong(words_of(line))) for line in lines_of(page.read_text("utf-8"))]
    assert [(line, wrong) for line, wrong in found if wrong] == []


@pytest.mark.parametrize(
    "line", ["kpledger lisst", "kpledger list --stat A", "kpnode run --conf x", "kpledger keys mak"]
)
def test_a_line_that_is_none_is_found(line: str) -> None:
    assert find_wrong(words_of(line))


@BY_PAGE
def test_every_route_of_a_page_is_served(page: Path) -> None:
    paths = [
        re.sub(r"{\w+}", "[^/]+", re.escape(one.path).replace(r"\{", "{").replace(r"\}", "}"))
        for one in ROUTES
    ]
    named = re.findall(
        r"`(?:GET |POST )?(/(?:v1|health)/[a-z{][\w/{}-]*)[`?]", page.read_text("utf-8")
    )
    assert [one for one in named if not any(re.fullmatch(path, one) for path in paths)] == []


@BY_PAGE
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([\w./-]+?)(?:#[\w-]*)?\)", page.read_text("utf-8"))
    assert [one for one in links if not (page.parent / one).exists()] == []
