"""The TLS contexts of a node, in handshakes without a socket."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpledger.base.errors import MalformedError
from kpnode.raft import NodeId
from kpnode.transport.tls import (
    UnknownPeerError,
    client_context,
    peer_of,
    public_server_context,
    server_context,
    trust,
)

BW, NA, EVE = NodeId("bw-1"), NodeId("na-1"), NodeId("eve-1")
KEYS = {
    node: Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    for seed, node in enumerate((BW, NA, EVE))
}
ALL_PINS = {node: key.public_key().public_bytes_raw() for node, key in KEYS.items()}
PINS = {node: ALL_PINS[node] for node in (BW, NA)}


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a finished handshake."""

    server: ssl.SSLObject
    client: ssl.SSLObject


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> Ends:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = Ends(
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server),
    )
    for end in (ends.client, ends.server, ends.client, ends.server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ends


def test_each_side_learns_who_the_other_is() -> None:
    ends = shake_hands(server_context(KEYS[BW], BW, PINS), client_context(KEYS[NA], NA, PINS))
    assert (peer_of(ends.server, PINS), peer_of(ends.client, PINS)) == (NA, BW)
    assert (ends.server.version(), ends.client.version()) == ("TLSv1.3", "TLSv1.3")


def test_the_name_in_a_tls_certificate_means_nothing() -> None:
    """A pinned node that calls itself otherwise is still known by its key."""
    ends = shake_hands(server_context(KEYS[BW], BW, PINS), client_context(KEYS[NA], BW, PINS))
    assert peer_of(ends.server, PINS) == NA


def test_a_client_with_a_key_of_its_own_is_refused() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server_context(KEYS[BW], BW, PINS), client_context(KEYS[EVE], NA, PINS))


def test_a_server_with_a_key_of_its_own_is_refused() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server_context(KEYS[EVE], BW, ALL_PINS), client_context(KEYS[NA], NA, PINS))


def make_anonymous_client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_a_client_without_a_key_is_refused() -> None:
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake_hands(server_context(KEYS[BW], BW, PINS), make_anonymous_client())


def test_a_client_without_a_key_is_welcome_at_the_public_door() -> None:
    client = make_anonymous_client()
    client.verify_mode = ssl.CERT_REQUIRED
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trust(client, {BW: PINS[BW]})
    ends = shake_hands(public_server_context(KEYS[BW], BW), client)
    assert peer_of(ends.client, PINS) == BW
    with pytest.raises(UnknownPeerError, match="none shown"):
        peer_of(ends.server, PINS)


def test_a_client_of_an_older_tls_is_refused() -> None:
    client = client_context(KEYS[NA], NA, PINS)
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        shake_hands(server_context(KEYS[BW], BW, PINS), client)


def test_a_server_of_an_older_tls_is_refused() -> None:
    server = server_context(KEYS[BW], BW, PINS)
    server.minimum_version = server.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        shake_hands(server, client_context(KEYS[NA], NA, PINS))


def test_a_node_whose_pin_was_withdrawn_is_nobody() -> None:
    """The context goes on trusting the key; the comparison does not."""
    ends = shake_hands(server_context(KEYS[BW], BW, PINS), client_context(KEYS[NA], NA, PINS))
    with pytest.raises(UnknownPeerError) as caught:
        peer_of(ends.server, {BW: PINS[BW]})
    assert caught.value.key == PINS[NA]


def test_a_context_can_learn_to_trust_another_key() -> None:
    server = server_context(KEYS[BW], BW, {})
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client_context(KEYS[NA], NA, PINS))
    trust(server, PINS)
    trust(server, PINS)
    ends = shake_hands(server, client_context(KEYS[NA], NA, PINS))
    assert peer_of(ends.server, PINS) == NA


def test_a_connection_without_tls_is_nobody() -> None:
    with pytest.raises(UnknownPeerError) as caught:
        peer_of(None, PINS)
    assert caught.value.key == b""


def test_a_pin_that_is_no_key_is_refused() -> None:
    with pytest.raises(MalformedError, match="TLS key"):
        server_context(KEYS[BW], BW, {NA: b"too short"})


def test_sessions_are_never_resumed() -> None:
    ends = shake_hands(server_context(KEYS[BW], BW, PINS), client_context(KEYS[NA], NA, PINS))
    with pytest.raises(ssl.SSLWantReadError):
        ends.client.read(1)
    session = ends.client.session
    assert session is None or not session.has_ticket


def test_loading_a_key_leaves_no_open_file() -> None:
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    client_context(KEYS[NA], NA, PINS)
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before
