"""Pinned TLS keys: the bytes alone, then what OpenSSL makes of them (handshakes in memory)."""

import dataclasses
import datetime as dt
import ssl
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID
from hypothesis import given, settings, strategies as st

from kpledger.base.errors import LedgerError, MalformedError, OversizedError
from kpledger.base.pinning import build_anchor, build_tls_certificate, public_key_of

NO_CHECK_TIME = ssl.VerifyFlags(0x200000)

ANNA, BELA, EVE = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3))


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def to_der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@given(st.binary(min_size=32, max_size=32), st.from_regex(r"[a-z0-9.-]{1,64}", fullmatch=True))
def test_the_key_of_a_tls_certificate_can_be_read_back(seed: bytes, node: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert public_key_of(to_der(build_tls_certificate(key, node))) == raw(key)
    assert public_key_of(build_anchor(raw(key))) == raw(key)


def test_the_same_key_always_gives_the_same_bytes() -> None:
    assert build_tls_certificate(ANNA, "anna") == build_tls_certificate(ANNA, "anna")
    assert build_anchor(raw(ANNA)) == build_anchor(raw(ANNA))


@pytest.mark.parametrize("node", ["", "a" * 65, "näme", "line\nbreak"])
def test_a_name_that_x509_cannot_carry_is_refused(node: str) -> None:
    with pytest.raises(MalformedError, match="node name") as caught:
        build_tls_certificate(ANNA, node)
    assert repr(node) in caught.value.problem


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_anchor_for_a_key_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedError, match="is not Ed25519") as caught:
        build_anchor(bytes(length))
    assert bytes(length).hex() in caught.value.problem


def test_a_key_of_another_kind_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anna")])
    stranger = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
        .sign(key, SHA256())
    )
    with pytest.raises(MalformedError, match="its key is not Ed25519"):
        public_key_of(stranger.public_bytes(Encoding.DER))


def test_garbage_is_not_a_tls_certificate() -> None:
    whole = to_der(build_tls_certificate(ANNA, "anna"))
    for garbage in (b"", whole[:-1], whole + b"\0", build_tls_certificate(ANNA, "anna")):
        with pytest.raises(MalformedError, match="TLS certificate is malformed"):
            public_key_of(garbage)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        pytest.param("a003020102", "a003020103", id="a version that X.509 does not have"),
        pytest.param("300506032b65700321", "300506032b65770321", id="a key of no known kind"),
        pytest.param("300506032b65700321", "300506032b65700320", id="a key that is too short"),
    ],
)
def test_a_certificate_that_no_library_reads_is_malformed(written: str, instead: str) -> None:
    whole = to_der(build_tls_certificate(ANNA, "anna")).hex()
    assert whole.count(written) == 1
    with pytest.raises(MalformedError, match="TLS certificate is malformed"):
        public_key_of(bytes.fromhex(whole.replace(written, instead)))


@settings(max_examples=300)
@given(st.data())
def test_whatever_a_peer_shows_is_read_or_refused(data: st.DataObject) -> None:
    shown = bytearray(to_der(build_tls_certificate(ANNA, "anna")))
    for _ in range(data.draw(st.integers(1, 3))):
        shown[data.draw(st.integers(0, len(shown) - 1))] = data.draw(st.integers(0, 255))
    with suppress(LedgerError), warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        assert len(public_key_of(bytes(shown))) == 32


def test_a_tls_certificate_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(OversizedError) as caught:
        public_key_of(bytes(4097))
    assert (caught.value.size, caught.value.limit) == (4097, 4096)


# --- what OpenSSL makes of it ---


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """One end of a handshake: what it presents and whom it trusts."""

    tls_certificate: bytes
    private_key: Ed25519PrivateKey
    pins: tuple[bytes, ...]


def make_context(side: Side, protocol: int, path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME
    pem = side.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(side.tls_certificate + pem)
    context.load_cert_chain(path)
    context.load_verify_locations(cadata=b"".join(build_anchor(pin) for pin in side.pins))
    return context


def key_seen_by(end: ssl.SSLObject) -> bytes:
    tls_certificate = end.getpeercert(binary_form=True)
    assert tls_certificate is not None
    return public_key_of(tls_certificate)


def shake_hands(server: Side, client: Side, path: Path) -> tuple[bytes, bytes]:
    """Run one handshake in memory; return the keys which server and client saw."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        make_context(server, ssl.PROTOCOL_TLS_SERVER, path).wrap_bio(
            to_server, to_client, server_side=True
        ),
        make_context(client, ssl.PROTOCOL_TLS_CLIENT, path).wrap_bio(to_client, to_server),
    )
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return key_seen_by(ends[0]), key_seen_by(ends[1])


def honest(key: Ed25519PrivateKey, *pins: Ed25519PrivateKey) -> Side:
    return Side(build_tls_certificate(key, "some-node"), key, tuple(raw(pin) for pin in pins))


def test_two_nodes_that_pinned_each_other_meet(tmp_path: Path) -> None:
    seen = shake_hands(honest(ANNA, ANNA, BELA), honest(BELA, ANNA, BELA), tmp_path / "pem")
    assert seen == (raw(BELA), raw(ANNA))


def test_a_client_whose_key_is_not_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(honest(ANNA, BELA), honest(EVE, ANNA), tmp_path / "pem")


def test_a_server_whose_key_is_not_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(honest(EVE, BELA), honest(BELA, ANNA), tmp_path / "pem")


def forge(
    issuer: Ed25519PrivateKey, signer: Ed25519PrivateKey, subject: Ed25519PrivateKey
) -> bytes:
    """Build a TLS certificate for `subject` under the issuer name of another key."""
    genuine = x509.load_pem_x509_certificate(build_tls_certificate(issuer, "some-node"))
    forged = (
        x509.CertificateBuilder()
        .subject_name(genuine.subject)
        .issuer_name(genuine.issuer)
        .public_key(subject.public_key())
        .serial_number(genuine.serial_number)
        .not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
        .sign(signer, None)
    )
    return forged.public_bytes(Encoding.PEM)


def test_a_forged_issuer_name_does_not_help(tmp_path: Path) -> None:
    eve = Side(forge(issuer=BELA, signer=EVE, subject=EVE), EVE, (raw(ANNA),))
    with pytest.raises(ssl.SSLCertVerificationError, match="signature failure"):
        shake_hands(honest(ANNA, BELA), eve, tmp_path / "pem")


def test_a_key_vouched_for_by_a_pinned_one_shows_up_as_itself(tmp_path: Path) -> None:
    """OpenSSL lets it pass; comparing the key after the handshake is what stops it."""
    eve = Side(forge(issuer=BELA, signer=BELA, subject=EVE), EVE, (raw(ANNA),))
    seen = shake_hands(honest(ANNA, BELA), eve, tmp_path / "pem")
    assert seen == (raw(EVE), raw(ANNA))


def test_an_expired_tls_certificate_locks_nobody_out(tmp_path: Path) -> None:
    bela = Side(forge(issuer=BELA, signer=BELA, subject=BELA), BELA, (raw(ANNA),))
    seen = shake_hands(honest(ANNA, BELA), bela, tmp_path / "pem")
    assert seen == (raw(BELA), raw(ANNA))
