"""Tokens of the client: which node is shown which, and over what."""

from pathlib import Path

import pytest

from kpclient.errors import UsageError
from kpclient.files import TooOpenError, UnreadableError
from kpclient.net.access_tokens import NO_TOKENS, TOKEN_VARIABLE, AccessTokens, load_tokens
from kpledger.api.addresses import NodeAddress, parse_addresses

FILE = """
# Botswana
bw-1.example kpt_one     # all its ports
BW-1.example:8444 kpt_two
[2001:db8::1]:8443 kpt_three
"""


def addresses(*urls: str) -> tuple[NodeAddress, ...]:
    return parse_addresses(urls)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "tokens"
    made.touch(mode=0o600)
    return made


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("https://bw-1.example", "kpt_one"),
        ("https://BW-1.EXAMPLE:8443", "kpt_one"),
        ("https://bw-1.example:8444", "kpt_two"),
        ("https://[2001:db8::1]:8443", "kpt_three"),
        ("https://[2001:db8::1]:8444", None),
        ("https://za-1.example", None),
    ],
)
def test_each_node_is_shown_its_own(file: Path, url: str, token: str | None) -> None:
    file.write_text(FILE)
    tokens = load_tokens(file, in_clear=False)
    assert tokens.token_for(url) == token
    assert tokens.headers_for(NodeAddress(url)) == (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    assert "kpt" not in repr(tokens)


def test_one_token_is_for_one_host(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "kpt_one")
    tokens = load_tokens(None, in_clear=False)
    file.write_text("kpt_one\n")
    assert load_tokens(file, in_clear=False) == tokens
    tokens.check(addresses("https://bw-1.example:1", "https://bw-1.example:2"))
    with pytest.raises(UsageError, match="one token for 2 hosts"):
        tokens.check(addresses("https://bw-1.example", "https://za-1.example"))


@pytest.mark.parametrize(
    ("url", "is_private"),
    [
        ("https://bw-1.example", True),
        ("http://bw-1.example", False),
        ("http://10.1.2.3:7600", False),
        ("http://127.0.0.1:7600", True),
        ("http://[::1]:7600", True),
        ("http://localhost:7600", True),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_nobody_else_can_read_a_token(url: str, *, is_private: bool) -> None:
    NO_TOKENS.check(addresses(url))
    AccessTokens({"": "kpt_one"}, in_clear=True).check(addresses(url))
    tokens = AccessTokens({"": "kpt_one"})
    if is_private:
        tokens.check(addresses(url))
    else:
        with pytest.raises(UsageError, match="is not encrypted"):
            tokens.check(addresses(url))


def test_a_password_in_a_url_is_guarded_as_a_token_is() -> None:
    NO_TOKENS.check(addresses("https://user:secret@h", "http://user:secret@127.0.0.1"))
    AccessTokens(in_clear=True).check(addresses("http://user:secret@h"))
    with pytest.raises(UsageError, match=r"http://h is not encrypted.*the password"):
        NO_TOKENS.check(addresses("http://user:secret@h"))
    with pytest.raises(UsageError, match="a token and a password for https://h"):
        AccessTokens({"": "kpt_one"}).check(addresses("https://user:secret@h"))
    (address,) = addresses("https://user@h")
    assert NO_TOKENS.headers_for(address) == {"Authorization": "Basic dXNlcjo="}


def test_a_token_for_another_node_does_not_matter() -> None:
    AccessTokens({"bw-1.example": "kpt_one"}).check(addresses("http://za-1.example"))


@pytest.mark.parametrize(
    "content", ["", "# none", "a b c", "host kpt_\u00e4", "kpt_one;", "x" * 513]
)
def test_what_is_no_token_is_refused_by_its_line(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(UsageError) as caught:
        load_tokens(file, in_clear=False)
    assert str(file) in caught.value.field
    assert "kpt_" not in str(caught.value)


def test_a_file_that_others_may_read_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_text("kpt_one")
    file.chmod(0o644)
    with pytest.raises(TooOpenError, match="others may read it"):
        load_tokens(file, in_clear=False)
    with pytest.raises(UnreadableError):
        load_tokens(tmp_path / "nowhere", in_clear=False)
