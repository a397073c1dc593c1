"""Addresses of nodes as people write them: one way of reading, for every command."""

import pytest

from kpledger.api.addresses import parse_addresses
from kpledger.base.errors import MalformedError


@pytest.mark.parametrize(
    ("typed", "urls"),
    [
        ("http://h", "http://h"),
        ("http://h:7600/", "http://h:7600"),
        ("http://h/kp", "http://h/kp"),
        ("http://h/kp/a//", "http://h/kp/a"),
        ("http://h:/kp%20a", "http://h/kp%20a"),
        ("HTTPS://Ledger.Example:8443/KP", "https://ledger.example:8443/KP"),
        ("http://[::1]:7600/kp", "http://[::1]:7600/kp"),
        ("http://[2001:DB8::1]", "http://[2001:db8::1]"),
        ("http://user:secret@h/kp", "http://h/kp"),
        ("http://a,http://b", "http://a http://b"),
        (" http://a , http://b/kp ,", "http://a http://b/kp"),
        (",,http://a\n\thttp://b http://a/", "http://a http://b"),
        ("", ""),
        (" , ", ""),
    ],
)
def test_addresses_are_read_in_one_way(typed: str, urls: str) -> None:
    assert " ".join(one.url for one in parse_addresses([typed])) == urls


def test_an_option_that_is_repeated_adds_to_the_list() -> None:
    found = parse_addresses(["http://a,http://b", "http://c", "http://b"])
    assert [one.url for one in found] == ["http://a", "http://b", "http://c"]


@pytest.mark.parametrize(
    ("typed", "login"),
    [
        ("http://h", ""),
        # The example of RFC 7617, section 2.
        ("http://Aladdin:open%20sesame@h", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("http://user@h", "Basic dXNlcjo="),
        ("http://us%40er:p%3Aw%2Fd@h", "Basic dXNAZXI6cDp3L2Q="),
    ],
)
def test_a_password_is_kept_apart_and_shown_to_nobody(typed: str, login: str) -> None:
    (found,) = parse_addresses([typed])
    assert (found.url, found.login) == ("http://h", login)
    assert repr(found) == "NodeAddress(url='http://h')"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("ftp://h", "does not begin with http:// or https://"),
        ("unix:///run/node", "does not begin with"),
        ("h", "does not begin with"),
        ("h:7600", "does not begin with"),
        ("127.0.0.1:7600", "its port is no number|does not begin with"),
        ("http:h", "does not begin with"),
        ("//h", "does not begin with"),
        ("http://", "names no host"),
        ("http:///kp", "names no host"),
        ("http://:7600", "names no host"),
        ("http://h:0", "there is no port 0"),
        ("http://h:x", "its port is no number up to 65535"),
        ("http://h:65536", "its port is no number"),
        ("http://h:-1", "its port is no number"),
        ("http://::1:7600", "does not stand in .brackets"),
        ("http://[::1", "does not stand in .brackets"),
        ("http://h/kp?x=1", "ends with a query or a fragment"),
        ("http://h/kp#x", "ends with a query or a fragment"),
        ("http://h?", "ends with a query"),
        ("http://h;http://i", "names no host"),
        ("http://a|b", "names no host"),
    ],
)
def test_what_is_no_address_is_refused_with_its_reason(typed: str, why: str) -> None:
    with pytest.raises(MalformedError, match=why) as caught:
        parse_addresses(["http://good", typed])
    assert repr(typed) in caught.value.problem


@pytest.mark.parametrize(
    "typed",
    [
        "http://user:secret@",
        "http://user:secret@h:x",
        "http://user:sec@secret@h:0",
        "http://user:secret/@h:x",
        "ftp://user:secret@h",
        "user:secret@h",
        "http://user:secret@h?x",
        "http://user:secret@[::1",
    ],
)
def test_no_password_is_repeated(typed: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_addresses([typed])
    assert "secret" not in str(caught.value)
