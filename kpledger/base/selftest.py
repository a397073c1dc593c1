"""Known answers of the libraries that have a say in what the ledger is, asked at every start.

Nodes and auditors have different versions of them. What a version judges otherwise than those of
the others would part it from them at one event that somebody made for that purpose; so a program
whose libraries do not give these answers does not start. docs/protocol.md lists what of which
library reaches the state. It takes some milliseconds.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from platform import python_version
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import decode, encode, find_denormal_text
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Domain, hash_with_domain, sha256
from kpledger.base.keys import SigningKey, check_public_key, verify_signature
from kpledger.base.multiset import MultisetHash


class LibraryError(LedgerError):
    """A library does not answer as the ledger needs it; nothing may be decided with it.

    Attributes:
        library: which, and its version.
    """

    def __init__(self, library: str, problem: str) -> None:
        super().__init__(
            f"{library} {problem}. With it this program could disagree with the others about what"
            " is on the ledger, so it does not start; install the versions in requirements.lock"
        )
        self.library = library


class _KeyAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    key: str
    message: str
    signature: str
    valid: bool
    registrable: bool


class _Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: Annotated[str, Meta(max_length=16)]


class _Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of each kind that events, records and headers have."""

    count: Annotated[int, Meta(ge=-(2**53), le=2**53 - 1)]
    data: bytes
    inner: tuple[_Inner, ...]
    known: bool
    maybe: Annotated[str, Meta(pattern=r"^[a-z]{1,8}\Z")] | None = None


class _Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sample: str
    """How ``_SAMPLE`` is encoded; hexadecimal, as all bytes here."""
    counts: dict[int, str]
    """Integers in their shortest forms."""
    spoiled: dict[str, tuple[str, str]]
    """What is replaced in the encoded sample, and by what, by what is then wrong with it."""
    texts: dict[str, str]
    """Texts and their normal form C: composed, Hangul, singleton, order of marks, exclusion,
    none."""
    unknown: tuple[str, ...]
    """Characters that came with Unicode 15 and 16."""


_KEYS: Final = files("kpledger.base").joinpath("known_keys.json")
"""The vectors of tests/vectors/ed25519."""
_ANSWERS: Final = files("kpledger.base").joinpath("known_answers.json")

_SAMPLE: Final = _Sample(
    count=7, data=b"\x00\xff", inner=(_Inner(text="\u00e9"),), known=True, maybe="zz"
)


@functools.cache
def _known() -> _Answers:
    return msgspec.json.decode(_ANSWERS.read_bytes(), type=_Answers)


@functools.cache
def check_libraries() -> None:
    """Ask all of them, once in a process.

    Raises:
        LibraryError: one does not give the known answer; names it, its version and the answer.
    """
    for library, find_problems in _CHECKS:
        try:
            problem = next(find_problems(), None)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is not the known answer)
            problem = f"fails at a known answer: {type(error).__name__}: {error}"
        if problem is not None:
            raise LibraryError(_name(library), problem)


def name_libraries() -> tuple[str, ...]:
    """Name those that were asked, with their versions, as in ``msgspec 0.20.0``."""
    return tuple(dict.fromkeys(_name(library) for library, _ in _CHECKS))


def _name(library: str) -> str:
    if library == "Python":
        return f"Python {python_version()}"
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return library


def _check_keys() -> Iterator[str]:
    for one in msgspec.json.decode(_KEYS.read_bytes(), type=tuple[_KeyAnswer, ...]):
        key, message = bytes.fromhex(one.key), bytes.fromhex(one.message)
        if _passes(check_public_key, key) is not one.registrable:
            yield f"{_verb(good=not one.registrable)} {one.key} as a public key ({one.name})"
        signature = bytes.fromhex(one.signature)
        if _passes(_verify, key, message, signature) is not one.valid:
            yield f"{_verb(good=not one.valid)} a signature by {one.key} ({one.name})"
        if one.name == "good-rfc8032-test-1":
            seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            if SigningKey.from_seed(seed).sign(message) != signature:
                yield "does not sign as RFC 8032 says"


def _verify(key: bytes, message: bytes, signature: bytes) -> None:
    verify_signature(key, message, signature, what="a known answer")


def _check_codec() -> Iterator[str]:
    good = _known().sample
    if encode(_SAMPLE).hex() != good or not _decodes(good):
        yield "does not write MessagePack in its canonical form"
    for count, expected in _known().counts.items():
        sample = msgspec.structs.replace(_SAMPLE, count=count)
        encoded = good.replace("636f756e7407", f"636f756e74{expected}", 1)
        if encode(sample).hex() != encoded or not _decodes(encoded):
            yield f"does not write {count} in its shortest form"
    for what, (found, instead) in _known().spoiled.items():
        head, _, tail = good.rpartition(found)
        if _decodes(head + instead + tail):
            yield f"takes {what}"


def _decodes(encoded: str) -> bool:
    return _passes(lambda: decode(bytes.fromhex(encoded), _Sample, what="it", max_bytes=1024))


def _check_texts() -> Iterator[str]:
    for text, normal in _known().texts.items():
        if unicodedata.normalize("NFC", text) != normal:
            yield f"has another normal form of {text!a} than Unicode 14"
        if find_denormal_text(normal) is not None or (find_denormal_text(text) is None) != (
            text == normal
        ):
            yield f"judges otherwise than Unicode 14 whether {text!a} is in normal form C"
    for text in _known().unknown:
        if find_denormal_text(text) is None:
            yield f"takes {text!a}, which Unicode 14 does not know"


def _check_hashes() -> Iterator[str]:
    if sha256(b"abc").hex() != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad":
        yield "has another SHA-256 than FIPS 180-4"
    if hash_with_domain(Domain.HEAD, b"a", b"b") != sha256(b"kpledger/head/v1\x00ab"):
        yield "hashes pieces otherwise than the whole"
    digest = MultisetHash().exchange(removed=(), added=((b"key", b"value"),)).digest
    if digest.hex() != "db97cf08bf383a7d0933b7b83cf0d9839abe814e33ce954f27386e27b02ba4af":
        yield "has another SHAKE128 than FIPS 202"


def _verb(*, good: bool) -> str:
    return "takes" if good else "refuses"


def _passes(check: Callable[..., object], *arguments: bytes) -> bool:
    try:
        check(*arguments)
    except LedgerError:
        return False
    return True


_CHECKS: Final = (
    ("PyNaCl", _check_keys),
    ("msgspec", _check_codec),
    ("Python", _check_texts),
    ("Python", _check_hashes),
)
"""Whose answers these are."""
