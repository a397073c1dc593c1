"""The bench: one ledger and one model, told the same, and compared after every step."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from random import Random

from founding import CHAIR, MemoryLedger, make_genesis, signing_key
from naive.judge import judge, take_in
from naive.world import Key, Member, Said, Since, World

from kpledger.log.block import BlockKind
from kpledger.log.chain import BlockExecutor
from kpledger.log.genesis import GenesisPolicy
from kpledger.scheme.envelope import decode_envelope, sign_event
from kpledger.scheme.event import Author, Body, compute_event_id, encode_event
from kpledger.scheme.outcome import Refusal
from kpledger.scheme.rulebook import Rulebook
from kpledger.scheme.v1.catalogue import CATALOGUE, Row
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.execution import execute
from kpledger.scheme.v1.version import V1
from walk.chance import Act, Chance
from walk.comparing import Archive, compare_all, compare_subject, equate

Catalogue = Mapping[type[Body], Row]


def rules_of(catalogue: Catalogue) -> Rulebook:
    """Give a rulebook of one catalogue that knows versions to come, so that each can be tried."""
    version = replace(V1, execute=partial(execute, catalogue=catalogue))
    return Rulebook(dict.fromkeys(range(1, 100), version))


EVERY_VERSION = rules_of(CATALOGUE)

OTHER_CHAIN = bytes(31) + b"\1"


class Disagreement(AssertionError):  # noqa: N818
    """The ledger and the model say different things."""


def found_world(ledger: MemoryLedger) -> World:
    """Give the model of a ledger that has only its genesis."""
    world = World(now=ledger.now_ms)
    file = ledger.genesis.file
    for one in file.participants:
        world.members[one.code] = Member(one.kind, [Since(0, "ACTIVE", None, None)])
        world.keys[bytes.fromhex(one.root_key)] = Key((one.code, "root"), 0)
        world.keys[bytes.fromhex(one.recovery_key)] = Key((one.code, "recovery"), 0)
    for office in ("chair", "secretariat"):
        world.keys[signing_key(f"KPCS/{office}").public_key] = Key(("KPCS", office), 0)
    policy = file.policy
    world.policies[None] = [
        (
            0,
            PolicyValues(
                max_validity_days=policy.max_validity_days,
                carat_tolerance_ppm=policy.carat_tolerance_ppm,
                carat_tolerance_thousandths=policy.carat_tolerance_thousandths,
                value_tolerance_ppm=policy.value_tolerance_ppm,
                value_tolerance_usd_cents=policy.value_tolerance_usd_cents,
                clock_skew_ms=policy.clock_skew_ms,
                signed_supports=policy.signed_supports,
                trade_quota=policy.trade_quota,
                statistics_quota=policy.statistics_quota,
                governance_quota=policy.governance_quota,
                notes_quota=policy.notes_quota,
                quota_offices=policy.quota_offices,
            ),
            0,
        )
    ]
    return world


class Bench:
    """Says acts to both; a block is sealed whenever time moves on."""

    def __init__(self, ledger: MemoryLedger, world: World, rules: Rulebook = EVERY_VERSION) -> None:
        self.ledger = ledger
        self.world = world
        self.rules = rules
        self.names: dict[bytes, str] = {}
        own = [f"{code}/{name}" for code in world.members for name in ("root", "recovery")]
        for name in (CHAIR, "KPCS/secretariat", *own):
            self.learn(name)
        self.nonce = 0
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.steps = 0
        self.archive = Archive()
        self.confirmed: Counter[str] = Counter()
        self._open_block()

    def learn(self, name: str) -> bytes:
        """Remember what a key is called, and give its public half."""
        key = signing_key(name).public_key
        self.names[key] = name
        return key

    def _open_block(self) -> None:
        ledger = self.ledger
        self.executor = BlockExecutor(
            ledger.genesis, ledger.tip, ledger.state, ledger.now_ms, self.rules
        )
        self.world.now, self.world.height = ledger.now_ms, ledger.tip.height + 1

    def advance(self, milliseconds: int) -> None:
        """Close the block and let time pass."""
        if self.executor.events:
            executed = self.executor.finish(self.ledger.tip.term, "bw-1", BlockKind.BLOCK)
            self.ledger.state.apply(executed.changes)
            self.ledger.tip = executed.tip
        compare_all(self.ledger.state, self.world)
        self.archive.check(self.ledger.state, self.world)
        self.ledger.now_ms += milliseconds
        self._open_block()

    def say(self, act: Act) -> str | None:
        """Say it to both, and give the rule that refuses it.

        Raises:
            Disagreement: they do not agree.
        """
        self.steps += 1
        self.nonce += 1
        payload = encode_event(
            chain=self.ledger.genesis.chain if act.here else OTHER_CHAIN,
            author=Author(participant=act.author[0], authority=act.author[1]),
            nonce=self.nonce.to_bytes(16, "big"),
            occurred_at=self.world.now if act.occurred_at is None else act.occurred_at,
            subject=act.subject,
            prev=act.prev,
            body=act.body,
        )
        keys = {name: signing_key(name) for name in act.signers}
        encoded = sign_event(payload, list(keys.values()))
        said = self._hear(act, compute_event_id(payload), len(encoded))
        expected = judge(self.world, said)
        refusal = self.executor.add(decode_envelope(encoded))
        found = refusal.rule.code if refusal else None
        if found != expected:
            raise Disagreement(self._explain(act, refusal, expected))
        self._note(said, found)
        return found

    def _hear(self, act: Act, event: bytes, size: int) -> Said:
        return Said(
            event=event,
            type=act.body.TYPE,
            author=act.author,
            signers=tuple(signing_key(name).public_key for name in act.signers),
            subject=act.subject,
            prev=act.prev,
            occurred_at=self.world.now if act.occurred_at is None else act.occurred_at,
            size=size,
            body=act.body,
            here=act.here,
        )

    def _note(self, said: Said, rule: str | None) -> None:
        if rule is None:
            self.accepted[said.type] += 1
            if said.type.startswith("import_confirmed"):
                equate(f"confirmations before of {said.subject}", self.confirmed[said.subject], 0)
                self.confirmed[said.subject] += 1
            take_in(self.world, said)
            compare_subject(self.executor.changes, self.world, said.subject)
        else:
            self.refused[rule] += 1

    def _explain(self, act: Act, refusal: Refusal | None, expected: str | None) -> str:
        return (
            f"step {self.steps} at {self.world.now}:"
            f" {act.body.TYPE} of {'/'.join(act.author)} on {act.subject}"
            f"\n  ledger: {refusal}\n  model: {expected}\n  act: {act}"
            f"\n  thing: {self._thing(act.subject)}{self._case_behind(act)}"
        )

    def _thing(self, subject: str) -> object:
        return self.world.papers.get(subject) or self.world.cases.get(subject)

    def _case_behind(self, act: Act) -> str:
        case = getattr(getattr(act.body, "certificate", None), "case", "")
        found = f"\n  case: {self._thing(case)}" if case else ""
        down = {code: self.world.standing(code) for code in self.world.members}
        bans = [ban for bans in self.world.bans.values() for ban in bans]
        return f"{found}\n  standings: {down}\n  bans: {bans}"

    def chance(self, seed: int) -> Chance:
        return Chance(Random(seed), self.world, self.names)


def open_bench(rules: Rulebook = EVERY_VERSION) -> Bench:
    ledger = MemoryLedger(make_genesis(GenesisPolicy(notes_quota=20)))
    ledger.open_term(1)
    return Bench(ledger, found_world(ledger), rules)
