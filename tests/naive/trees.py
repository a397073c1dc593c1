"""Merkle trees and receipts by their papers alone: RFC 9162, C2SP tlog-proof and tlog-policy.

Nothing of kpledger is imported, and nothing is done cleverly: roots and paths are the recursive
definitions, a receipt is taken apart line by line, a policy is asked from its quorum downwards.
"""

import base64
import hashlib
from collections.abc import Sequence

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from naive.proofs import ask


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def half(count: int) -> int:
    """Give the largest power of two below a number."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH, section 2.1.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = half(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), root(leaves[k:])]
    return [*path(m - k, leaves[k:]), root(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF, section 2.1.4.1."""
    return subproof(m, leaves, is_whole=True)


def subproof(m: int, leaves: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if is_whole else [root(leaves)]
    k = half(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], is_whole=is_whole), root(leaves[k:])]
    return [*subproof(m - k, leaves[k:], is_whole=False), root(leaves[:k])]


def root_by_path(entry: bytes, index: int, size: int, hashes: list[bytes]) -> bytes:
    """Climb as the path was made, from the root downwards."""
    ask(0 <= index < size, "no such leaf")
    if size == 1:
        ask(not hashes, "a hash too many")
        return leaf(entry)
    ask(len(hashes) > 0, "a hash too few")
    k = half(size)
    *below, last = hashes
    if index < k:
        return node(root_by_path(entry, index, k, below), last)
    return node(last, root_by_path(entry, index - k, size - k, below))


def plain(text: str) -> bytes:
    """Decode base64 that has one spelling."""
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except ValueError:
        ask(holds=False, why="no base64")
    ask(base64.b64encode(data).decode() == text, "another spelling")
    return data


def number(text: str) -> int:
    ask(text.isascii() and text.isdigit() and str(int(text)) == text, "no plain number")
    return int(text)


def is_signed(vkey: str, text: str, lines: Sequence[str]) -> bool:
    """Tell whether a key has signed, and refuse the note if a line of the key does not hold."""
    name, key_id, encoded = vkey.split("+", 2)
    typed = plain(encoded)
    ask(hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8] == key_id, "another id")
    found = False
    for line in lines:
        parts = line.split(" ")
        ask(len(parts) == 3 and parts[0] == "\u2014", "no signature line")
        signer, data = parts[1], plain(parts[2])
        ask(len(data) > 4, "no signature")
        if signer == name and data[:4].hex() == key_id:
            ask(not found, "signed twice")
            found, message, signature = True, text, data[4:]
            if typed[0] == 4:
                time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
                message = f"cosignature/v1\ntime {time}\n{text}"
            try:
                VerifyKey(typed[1:]).verify(message.encode(), signature)
            except (BadSignatureError, ValueError):
                ask(holds=False, why="a bad signature")
    return found


def judge(policy: str, text: str, lines: Sequence[str]) -> None:
    """Ask the quorum, which asks its members."""
    words = [line.split() for line in policy.split("\n") if line.strip()]
    origin = text.split("\n", maxsplit=1)[0]
    logs = [vkey for kind, vkey, *_ in words if kind == "log" and vkey.split("+")[0] == origin]
    signed = [is_signed(vkey, text, lines) for vkey in logs]
    ask(any(signed), "no log has signed")
    witnesses = {word[1]: is_signed(word[2], text, lines) for word in words if word[0] == "witness"}
    groups = {word[1]: (word[2], word[3:]) for word in words if word[0] == "group"}

    def has(name: str) -> bool:
        if name in witnesses:
            return witnesses[name]
        threshold, members = groups[name]
        return sum(map(has, members)) >= int(threshold)

    [quorum] = [word[1] for word in words if word[0] == "quorum"]
    ask(quorum == "none" or has(quorum), "too few cosigners")


def verify(receipt: bytes, policy: str) -> None:
    """Verify a receipt whose extra is the entry."""
    try:
        content = receipt.decode()
    except UnicodeDecodeError:
        ask(holds=False, why="no UTF-8")
    head, _, note = content.partition("\n\n")
    text, _, signatures = note.rpartition("\n\n")
    ask(content.isprintable() or not any(one < " " and one != "\n" for one in content), "a control")
    ask(head.count("\n") >= 2, "a line is missing")
    first, extra, index, *hashes = head.split("\n")
    ask(first == "c2sp.org/tlog-proof@v1" and signatures.endswith("\n"), "no receipt")
    ask(extra.startswith("extra ") and index.startswith("index "), "no entry or no index")
    lines = text.split("\n")
    ask(len(lines) == 3, "no checkpoint")
    judge(policy, text + "\n", signatures[:-1].split("\n"))
    entry, size = plain(extra[6:]), number(lines[1])
    found = root_by_path(entry, number(index[6:]), size, [plain(one) for one in hashes])
    ask(found == plain(lines[2]), "another root")
