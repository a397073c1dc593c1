"""What voters sign, judged by docs/protocol.md alone: sections 11 to 13, and E2 of section 21.

Nothing of kpledger is imported, so that the paper is enough for whoever writes a verifier.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgpack
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

Value = None | int | str | bytes | list["Value"] | dict[str, "Value"]
Fields = Mapping[str, Value]

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
INTEGERS = {"generation": (1, 2**32 - 1), "index": (0, 2**53 - 1), "term": (0, 2**53 - 1)}


class Refused(Exception):  # noqa: N818 (a verdict, no error)
    """It does not hold."""


def ask(holds: bool, why: str) -> None:  # noqa: FBT001
    if not holds:
        raise Refused(why)


def pack(value: Value) -> bytes:
    """Encode in the one spelling of section 1."""
    return bytes(msgpack.packb(in_order(value)))


def in_order(value: Value) -> Value:
    match value:
        case dict():
            return {key: in_order(value[key]) for key in sorted(value, key=str.encode)}
        case list():
            return [in_order(one) for one in value]
        case _:
            return value


def unpack(encoded: bytes) -> Fields:
    """Decode a map that is spelt so."""
    try:
        value: Value = msgpack.unpackb(encoded)
    except (ValueError, msgpack.UnpackException) as error:
        raise Refused(str(error)) from None
    ask(pack(value) == encoded, "another spelling")
    return mapped(value)


def mapped(value: Value) -> Fields:
    if not isinstance(value, dict):
        raise Refused("it is no map")
    return value


def text(value: Value) -> str:
    if not (isinstance(value, str) and len(value) <= 32 and NAME.match(value)):
        raise Refused("it is no name")
    return value


def octets(value: Value, length: int | None = None) -> bytes:
    if not (isinstance(value, bytes) and length in (None, len(value))):
        raise Refused(f"it is not {length} bytes")
    return value


def integer(fields: Fields, name: str, width: int = 8) -> bytes:
    value, (least, most) = fields[name], INTEGERS[name]
    if not (isinstance(value, int) and least <= value <= most):
        raise Refused(f"{name} is no such integer")
    return value.to_bytes(width)


def listed(value: Value) -> Sequence[Value]:
    if not isinstance(value, list):
        raise Refused("it is no array")
    return value


def domain_hash(tag: bytes, octets_: bytes) -> bytes:
    return hashlib.sha256(b"kpledger/" + tag + b"/v1\0" + octets_).digest()


def place(said: Fields) -> bytes:
    """Give what two statements on blocks are ordered by."""
    return integer(said, "index") + octets(said["head"], 32)


def end(value: Value) -> bytes:
    fields = mapped(value)
    ask(fields.keys() == {"head", "index", "term"}, "it is no end of a log")
    return integer(fields, "term") + place(fields)


@dataclass(frozen=True)
class Verifier:
    """Judges for one ledger."""

    chain: bytes
    config_hash: bytes
    keys: Mapping[str, bytes]
    """The consensus keys of its voters, by name."""

    @staticmethod
    def of_genesis(file: bytes) -> "Verifier":
        """Trust a genesis file (section 4)."""
        genesis = json.loads(file)
        by_name = {node["name"]: bytes.fromhex(node["consensus_key"]) for node in genesis["nodes"]}
        keys = {name: by_name[name] for name in genesis["voters"]}
        voters: list[Value] = [{"consensus_key": key, "name": name} for name, key in keys.items()]
        return Verifier(
            domain_hash(b"genesis", file), domain_hash(b"config", pack({"voters": voters})), keys
        )

    def verify(self, tag: bytes, said: Fields, what: bytes) -> None:
        """Verify a signature of section 11 over what follows the term."""
        voter = text(said["voter"])
        ask(voter in self.keys, f"{voter} is no voter")
        preimage = b"kpledger/" + tag + b"/v1\0" + self.chain + bytes(4) + self.config_hash
        preimage += integer(said, "term") + what + integer(said, "generation", 4)
        try:
            VerifyKey(self.keys[voter]).verify(preimage, octets(said["signature"], 64))
        except BadSignatureError:
            raise Refused("the signature does not verify") from None

    def acknowledgement(self, said: Fields) -> None:
        names = {"generation", "head", "index", "signature", "term", "voter"}
        ask(said.keys() == names, "other fields")
        self.verify(b"acknowledgement", said, place(said))

    def vote(self, said: Fields) -> None:
        names = {"candidate", "candidate_end", "generation", "signature", "term", "voter"}
        ask(said.keys() == names | {"voter_end"}, "other fields")
        candidate = text(said["candidate"])
        ask(candidate in self.keys, f"{candidate} is no voter")
        ends = end(said["candidate_end"]) + end(said["voter_end"])
        self.verify(b"vote", said, self.keys[candidate] + ends)

    def majority(self, statements: Sequence[Fields]) -> None:
        """See that enough voters speak, each once, in ascending order."""
        voters = [text(one["voter"]) for one in statements]
        ask(len(voters) > len(self.keys) // 2, "too few")
        ask(voters == sorted(set(voters)), "not ascending")

    def leader_certificate(self, encoded: bytes) -> None:
        """Judge by section 12."""
        ask(encoded[:1] == b"\x01", "another version")
        votes, rest = list[Fields](), encoded[2:]
        for _ in range(encoded[1] if len(encoded) > 1 else 0):
            length, rest = int.from_bytes(rest[:4]), rest[4:]
            ask(len(rest) >= length, "it is cut")
            votes.append(unpack(rest[:length]))
            rest = rest[length:]
        ask(not rest, "something follows")
        for vote in votes:
            self.vote(vote)
        self.majority(votes)
        shared = ("term", "candidate", "candidate_end")
        ask(all(one[name] == votes[0][name] for one in votes for name in shared), "they differ")

    def commit_certificate(self, encoded: bytes) -> None:
        """Judge by section 13."""
        certificate = unpack(encoded)
        ask(certificate.keys() == {"by", "head", "index", "term"}, "other fields")
        shared = {name: certificate[name] for name in ("head", "index", "term")}
        by = [mapped(one) for one in listed(certificate["by"])]
        for one in by:
            ask(one.keys() == {"generation", "signature", "voter"}, "other fields")
            self.acknowledgement({**one, **shared})
        self.majority(by)

    def double_acknowledgement(self, evidence: Fields) -> tuple[str, str]:
        """Judge E2 by section 21; gives whom it convicts, and of what.

        What headers of the path hold besides their height and predecessor is not looked at.
        """
        ask(evidence.keys() == {"kind", "first", "second", "path"}, "other fields")
        first, second = mapped(evidence["first"]), mapped(evidence["second"])
        for said in (first, second):
            self.acknowledgement(said)
        ask(all(first[one] == second[one] for one in ("voter", "term")), "two voters or terms")
        ask(place(first) < place(second), "not in order")
        path = [octets(one) for one in listed(evidence["path"])]
        headers = [unpack(one) for one in path]
        low, high = (int.from_bytes(integer(one, "index")) for one in (first, second))
        ask(
            [one.get("height") for one in headers] == list(range(low + 1, high + 1)),
            "other heights",
        )
        above = [*(one.get("prev_head") for one in headers), second["head"]]
        ask([domain_hash(b"head", one) for one in path] == above[1:], "they do not chain")
        ask(above[0] != first["head"], "one branch")
        is_lie = first["generation"] == second["generation"]
        return text(first["voter"]), "lie" if is_lie else "fault"
