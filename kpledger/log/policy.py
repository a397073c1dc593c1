"""Policies: which logs and which cosigners are enough for a checkpoint (C2SP tlog-policy).

A policy is a text file, given to whoever verifies receipts. It lists the keys of logs, the keys of
witnesses (to a policy every cosigner is one), groups of them and how many of each group are enough;
last, the group or the witness that must have cosigned, the *quorum*::

    log ledger.example+1f3a...
    witness bw-1 ledger.example/bw-1+9c04...
    group voters 5 bw-1 eu-1 ...
    quorum voters

The policy of a ledger follows from its genesis file (:func:`policy_of`). A verifier may want more
than that, such as witnesses that take no part in the ledger, and then brings a policy of its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final

from kpledger.base.errors import LedgerError, MalformedError, OversizedError
from kpledger.log.checkpoint import (
    OriginMismatchError,
    SignedCheckpoint,
    open_checkpoint,
    parse_checkpoint,
)
from kpledger.log.genesis import Genesis
from kpledger.log.note import KeyType, NoteKey, NoteSigner, format_vkey, parse_note, parse_vkey

MAX_POLICY_BYTES: Final = 64 * 1024
"""Room for all lines that a policy may have."""

MAX_POLICY_LINES: Final = 256
"""The specification recommends at least 32 of each kind."""

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BLANKS: Final = re.compile(r"[ \t]+")
_THRESHOLD: Final = re.compile(r"[1-9][0-9]{0,2}")
_NONE: Final = "none"
_VOTERS: Final = "voters"


class PolicyError(LedgerError):
    """Too few of those whom a policy asks for have cosigned a checkpoint.

    Attributes:
        group: the group that is the quorum, or its one witness.
        have: how many of its members have cosigned.
        need: how many are needed.
        missing: the members that have not cosigned.
    """

    def __init__(
        self, group: str, *, have: int, need: int, members: int, missing: tuple[str, ...]
    ) -> None:
        are = "is" if need == 1 else "are"
        super().__init__(
            f"the checkpoint is cosigned by {have} of the {members} in {group}, {need} {are}"
            f" needed; missing: {', '.join(missing)}"
        )
        self.group = group
        self.have = have
        self.need = need
        self.missing = missing


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    """Witnesses and other groups, of which some number is enough."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint that a policy accepts."""

    signed: SignedCheckpoint
    cosigners: Mapping[str, NoteSigner]
    """The policy's witnesses that cosigned, by their names in it."""

    @property
    def time_s(self) -> int | None:
        """When it was cosigned, POSIX time; None if the policy asks for no cosigner.

        The lower median of what the cosigners say: as long as fewer than half of them lie, it lies
        between the times of two that do not.
        """
        times = [each.time_s for each in self.cosigners.values() if each.time_s is not None]
        return median_low(times) if times else None


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """A policy as it was read."""

    logs: tuple[NoteKey, ...]
    """The keys of which one must have signed; a log's name is its origin."""
    witnesses: Mapping[str, NoteKey] = field(default_factory=dict)
    groups: Mapping[str, WitnessGroup] = field(default_factory=dict)
    """Each names only witnesses, and groups that stand before it."""
    quorum: str | None = None
    """Who must have cosigned; None if nobody must."""

    def judge(self, data: bytes) -> Sealed:
        """Verify a signed checkpoint, and that enough have cosigned it.

        Raises:
            OriginMismatchError: the checkpoint is of none of the logs.
            PolicyError: too few have cosigned.
            LedgerError: all that ``open_checkpoint`` raises.
        """
        origin = parse_checkpoint(parse_note(data).text).origin
        logs = tuple(key for key in self.logs if key.name == origin)
        if not logs:
            known = ", ".join(sorted({key.name for key in self.logs}))
            raise OriginMismatchError(f"the checkpoint is of {origin}, the policy knows {known}")
        signed = open_checkpoint(data, origin=origin, keys=(*logs, *self.witnesses.values()))
        by_key = {each.key: each for each in signed.cosigners}
        cosigners = {name: by_key[key] for name, key in self.witnesses.items() if key in by_key}
        self._check_quorum(cosigners)
        return Sealed(signed, cosigners)

    def is_met(self, names: Iterable[str]) -> bool:
        """Tell whether these witnesses together are enough."""
        return self.quorum is None or self.quorum in self._met(names)

    def _met(self, names: Iterable[str]) -> set[str]:
        """Give these witnesses, and the groups that they are enough for."""
        met = set(names)
        for name, group in self.groups.items():
            if len(met.intersection(group.members)) >= group.threshold:
                met.add(name)
        return met

    def _check_quorum(self, names: Iterable[str]) -> None:
        met = self._met(names)
        if self.quorum is None or self.quorum in met:
            return
        group = self.groups.get(self.quorum, WitnessGroup(1, (self.quorum,)))
        missing = tuple(name for name in group.members if name not in met)
        raise PolicyError(
            self.quorum,
            have=len(group.members) - len(missing),
            need=group.threshold,
            members=len(group.members),
            missing=missing,
        )


def policy_of(genesis: Genesis) -> TrustPolicy:
    """Give the policy that follows from a genesis file: more than two thirds of its voters.

    With as many, two checkpoints that contradict each other need more than a third of the voters
    to lie; and all others can go on while fewer than a third of them are away.
    """
    voters = genesis.file.voters
    cosigners = {
        name: key for key, name in genesis.note_keys.items() if key.key_type is KeyType.COSIGNATURE
    }
    return TrustPolicy(
        logs=tuple(key for key in genesis.note_keys if key.key_type is KeyType.NOTE),
        witnesses={name: cosigners[name] for name in voters},
        groups={_VOTERS: WitnessGroup(len(voters) * 2 // 3 + 1, voters)},
        quorum=_VOTERS,
    )


def parse_policy(data: bytes) -> TrustPolicy:
    """Read a policy. Addresses are let pass and dropped: verifying needs none.

    Raises:
        OversizedError: longer than ``MAX_POLICY_BYTES``.
        MalformedError: an octet or a line that may not be, or more lines than ``MAX_POLICY_LINES``;
            keys of other types than Ed25519 are among it. Says which line and why.
    """
    if len(data) > MAX_POLICY_BYTES:
        raise OversizedError("policy", size=len(data), limit=MAX_POLICY_BYTES)
    if _CONTROL.search(data):
        raise MalformedError("policy", "it contains a control character")
    # Octets are what the specification calls them: equal text is equal octets, and nothing else.
    *lines, unfinished = data.decode(errors="surrogateescape").split("\n")
    if unfinished or len(lines) > MAX_POLICY_LINES:
        raise MalformedError("policy", f"it is not 1 to {MAX_POLICY_LINES} complete lines")
    reading = _Reading()
    for number, line in enumerate(lines, start=1):
        items = _BLANKS.sub(" ", line).strip(" ").split(" ")
        if items[0] and not items[0].startswith("#"):
            try:
                reading.take(items[0], items[1:])
            except LedgerError as error:
                raise MalformedError("policy", str(error), field=f"line {number}") from None
    return reading.finish()


def format_policy(policy: TrustPolicy) -> bytes:
    """Write a policy.

    Raises:
        MalformedError, OversizedError: it would not read back as itself.
    """
    lines = [f"log {format_vkey(key)}" for key in policy.logs]
    lines += [f"witness {name} {format_vkey(key)}" for name, key in policy.witnesses.items()]
    for name, group in policy.groups.items():
        lines.append(f"group {name} {group.threshold} {' '.join(group.members)}")
    lines.append(f"quorum {policy.quorum or _NONE}")
    data = "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
    if parse_policy(data) != policy:
        raise MalformedError("policy", "it would not read back as itself")
    return data


class _LineError(LedgerError):
    """A line that cannot stand where it does."""


class _Reading:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self.logs: list[NoteKey] = []
        self.witnesses: dict[str, NoteKey] = {}
        self.groups: dict[str, WitnessGroup] = {}
        self.quorums: list[str | None] = []
        self.keys: set[bytes] = set()
        self.members: set[str] = set()

    def take(self, kind: str, items: Sequence[str]) -> None:
        match kind, items:
            case "log", [vkey] | [vkey, _]:
                self.logs.append(self._key(vkey, KeyType.NOTE))
            case "witness", [name, vkey] | [name, vkey, _]:
                self._check_new(name)
                self.witnesses[name] = self._key(vkey, KeyType.COSIGNATURE)
            case "group", [name, threshold, *members] if members:
                self._check_new(name)
                self.groups[name] = self._group(threshold, members)
            case "quorum", [name] if not self.quorums:
                self.quorums.append(None if name == _NONE else self._defined(name))
            case _:
                raise _LineError(f"{kind[:80]!r} with {len(items)} items may not stand here")

    def finish(self) -> TrustPolicy:
        if not self.quorums:
            raise MalformedError("policy", "it has no line for the quorum")
        return TrustPolicy(tuple(self.logs), self.witnesses, self.groups, self.quorums[0])

    def _key(self, vkey: str, key_type: KeyType) -> NoteKey:
        key = parse_vkey(vkey)
        if key.key_type is not key_type:
            raise _LineError(f"a key of type {key.key_type:#04x} where {key_type:#04x} is needed")
        if key.public_key in self.keys:
            raise _LineError(f"the key of {key.name} stands in it twice")
        self.keys.add(key.public_key)
        return key

    def _group(self, threshold: str, members: Sequence[str]) -> WitnessGroup:
        for name in members:
            self._defined(name)
            if name in self.members:
                raise _LineError(f"{name[:80]!r} is a member twice")
            self.members.add(name)
        counts = {"any": 1, "all": len(members)}
        if _THRESHOLD.fullmatch(threshold):
            counts[threshold] = int(threshold)
        if not 1 <= counts.get(threshold, 0) <= len(members):
            raise _LineError(f"{threshold[:80]!r} is not all, any or a number up to {len(members)}")
        return WitnessGroup(counts[threshold], tuple(members))

    def _check_new(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise _LineError(f"{name[:80]!r} is already defined")

    def _defined(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise _LineError(f"{name[:80]!r} is not defined above")
        return name
