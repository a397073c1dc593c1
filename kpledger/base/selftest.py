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


_KEYS: Final = files("kpledger.base").joinpath("known_keys.json")
"""The vectors of tests/vectors/ed25519."""

_GOOD: Final = (
    "85a5636f756e7407a464617461c40200ffa5696e6e65729181a474657874a2c3a9a5"
    "6b6e6f776ec3a56d61796265a27a7a"
)
_SAMPLE: Final = _Sample(
    count=7, data=b"\x00\xff", inner=(_Inner(text="\u00e9"),), known=True, maybe="zz"
)
_COUNTS: Final = {
    0: "00",
    127: "7f",
    128: "cc80",
    256: "cd0100",
    2**16: "ce00010000",
    2**32: "cf0000000100000000",
    2**53 - 1: "cf001fffffffffffff",
    -1: "ff",
    -33: "d0df",
    -129: "d1ff7f",
}
"""Integers in their shortest forms."""
_BAD: Final = {
    "an integer in a longer form": ("636f756e7407", "636f756e74cc07"),
    "an integer beyond its limit": ("636f756e7407", "636f756e74cf0020000000000000"),
    "a number with a fraction": ("636f756e7407", "636f756e74cb401e000000000000"),
    "a whole number as a float": ("636f756e7407", "636f756e74cb401c000000000000"),
    "bytes with a longer length": ("c40200ff", "c5000200ff"),
    "text for bytes": ("c40200ff", "a24142"),
    "text that is not UTF-8": ("a2c3a9", "a2c328"),
    "text with a surrogate": ("a2c3a9", "a3eda080"),
    "text in a longer form": ("a2c3a9", "d902c3a9"),
    "a value outside of its pattern": ("a27a7a", "a27a0a"),
    "an extension": ("c3a56d", "d40100a56d"),
    "a field it does not have": ("a56d61796265", "a56d61796266"),
    "a field twice": ("a56b6e6f776ec3", "a464617461c40200ff"),
    "fields out of order": (_GOOD[2:16] + _GOOD[16:34], _GOOD[16:34] + _GOOD[2:16]),
    "more than one value": (_GOOD[-6:], _GOOD[-6:] + "c0"),
    "a value that is cut": (_GOOD[-2:], ""),
    "a number for true": ("6e6f776ec3", "6e6f776e01"),
}
"""What is replaced in the good encoding, by what is then wrong with it."""

_TEXTS: Final = {
    "e\u0301": "\u00e9",
    "\u1112\u1161\u11ab": "\ud55c",
    "\u212b": "\u00c5",
    "q\u0323\u0307": "q\u0323\u0307",
    "\u0958": "\u0915\u093c",
    "\ufb01": "\ufb01",
    "\U0001d15e": "\U0001d157\U0001d165",
}
"""Texts and their normal form C: composed, Hangul, singleton, order of marks, exclusion, none."""
_TOO_NEW: Final = ("\u0cf3", "\U0001fae8", "\U00010efd", "\u1c89", "\U00011241")
"""Characters that came with Unicode 15 and 16."""


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
    if encode(_SAMPLE).hex() != _GOOD or not _decodes(_GOOD):
        yield "does not write MessagePack in its canonical form"
    for count, expected in _COUNTS.items():
        sample = msgspec.structs.replace(_SAMPLE, count=count)
        encoded = _GOOD.replace("636f756e7407", f"636f756e74{expected}", 1)
        if encode(sample).hex() != encoded or not _decodes(encoded):
            yield f"does not write {count} in its shortest form"
    for what, (found, instead) in _BAD.items():
        head, _, tail = _GOOD.rpartition(found)
        if _decodes(head + instead + tail):
            yield f"takes {what}"


def _decodes(encoded: str) -> bool:
    return _passes(lambda: decode(bytes.fromhex(encoded), _Sample, what="it", max_bytes=1024))


def _check_texts() -> Iterator[str]:
    for text, normal in _TEXTS.items():
        if unicodedata.normalize("NFC", text) != normal:
            yield f"has another normal form of {text!a} than Unicode 14"
        if find_denormal_text(normal) is not None or (find_denormal_text(text) is None) != (
            text == normal
        ):
            yield f"judges otherwise than Unicode 14 whether {text!a} is in normal form C"
    for text in _TOO_NEW:
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
