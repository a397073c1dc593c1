"""What answers in a node's place says in words what it wants."""

import ssl

import pytest

from kpledger.api.strangers import explain_handshake, explain_status

ASKED = "http://h/kp/v1/status?timeout_ms=9"


def explain(status: int, sends_to: str | None = None) -> str:
    return explain_status(status, ASKED, sends_to)


def refused(why: str) -> str:
    return f"it refuses the TLS handshake: {why}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("sends_to", "told"),
    [
        ("https://h/kp/v1/status?timeout_ms=9", "https://h/kp: use that"),
        ("https://h:8443/v1/status", "https://h:8443: use that"),
        ("//other/kp/v1/status", "http://other/kp: use that"),
        ("/nodes/v1/status#x", "http://h/nodes: use that"),
        ("/login", "http://h/login: no node is asked there"),
        ("https://p/login?to=http://h/kp/v1/status", "https://p/login: no node is asked there"),
        ("https://p/\x1b[2J", "https://p/\N{REPLACEMENT CHARACTER}[2J: no node is asked there"),
        ("http://[", "what is no URL"),
    ],
)
def test_where_something_sends_on_to_is_told(status: int, sends_to: str, told: str) -> None:
    assert explain(status, sends_to) == f"; it sends on to {told}"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (401, "asks for a name and a password"),
        (413, "limit on what is sent is too small"),
        (502, "gets no answer from it"),
        (504, "gets no answer from it"),
    ],
)
def test_what_is_to_be_done_is_told(status: int, word: str) -> None:
    assert word in explain(status)


@pytest.mark.parametrize("status", [200, 204, 301, 403, 404, 503, 599, 999])
def test_of_what_tells_nothing_nothing_is_told(status: int) -> None:
    assert explain(status) == ""


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "it speaks no TLS 1.3, which is asked for"),
        ("UNSUPPORTED_PROTOCOL", "it speaks no TLS 1.3, which is asked for"),
        ("TLSV1_UNRECOGNIZED_NAME", refused("unrecognized name")),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", refused("handshake failure")),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", refused("certificate required")),
        ("WRONG_VERSION_NUMBER", "it does not speak TLS there; is it http://?"),
        (None, "it does not speak TLS there; is it http://?"),
    ],
)
def test_a_handshake_that_failed_is_explained(reason: str | None, told: str) -> None:
    error = ssl.SSLError()
    if reason is not None:
        error.reason = reason
    assert explain_handshake(error) == told
