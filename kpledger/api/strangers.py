"""What answers in a node's place, or at a URL of the wrong kind: what it wants, in words."""

from typing import Final
from urllib.parse import urljoin, urlsplit

from kpledger.base.text import clean, shorten

_NO_WAY: Final = "; it stands before a node, and gets no answer from it"
_MEANINGS: Final = {
    401: "; it asks for a name and a password that it knows, as in https://NAME:PASSWORD@HOST",
    413: "; its limit on what is sent is too small: whoever runs it has to raise it",
    502: _NO_WAY,
    504: _NO_WAY,
}


def explain_status(status: int, asked: str, sends_to: str | None) -> str:
    """Give what a status of HTTP tells that no node has given, to stand behind it; often nothing.

    ``asked`` is the URL that was asked, ``sends_to`` the header ``Location`` of the answer.
    """
    if not sends_to:
        return _MEANINGS.get(status, "")
    try:
        target = urlsplit(urljoin(asked, sends_to))
    except ValueError:
        return "; it sends on to what is no URL"
    path, is_api, _ = target.path.partition("/v1/")
    place = shorten(clean(target._replace(path=path, query="", fragment="").geturl()))
    return f"; it sends on to {place}: {'use that' if is_api else 'no node is asked there'}"


def explain_handshake(error: OSError) -> str:
    """Say why there is no TLS: an alert, as OpenSSL names it, comes from who speaks it."""
    reason = str(getattr(error, "reason", "")).lower().replace("_", " ")
    source, _, words = reason.partition(" ")
    if "protocol version" in words or reason == "unsupported protocol":
        return "it speaks no TLS 1.3, which is asked for"
    if source.startswith(("ssl", "tls")):
        return f"it refuses the TLS handshake: {words.removeprefix('alert ')}"
    return "it does not speak TLS there; is it http://?"
