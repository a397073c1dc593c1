"""Chance: choices from what the model knows, by one seeded source of randomness."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from founding import signing_key
from naive.authors import signs
from naive.dates import day_at, days_later
from naive.tables import AUTHORS
from naive.world import Case, Office, Paper, World

from kpledger.scheme.event import Body

T = TypeVar("T")

STRANGERS = ("XX", "ZZ")
PERCENT = 100
BLIND = (
    "certificate_issued", "shipment_approved", "shipment_declined", "note_filed",
    "correction_made", "event_countersigned",
)  # fmt: skip
"""Types that name no event before them, whatever they are about."""


@dataclass(frozen=True)
class Act:
    """What somebody says; the names of keys that sign it."""

    author: Office
    body: Body
    subject: str
    prev: bytes | None = None
    signers: tuple[str, ...] = ()
    occurred_at: int | None = None
    here: bool = True


class Chance:
    """Draws from the world."""

    def __init__(self, random: Random, world: World, names: dict[bytes, str]) -> None:
        self.random = random
        self.world = world
        self.names = names
        """Public key: what it is called."""

    def learn(self, name: str) -> bytes:
        """Remember what a key is called, and give its public half."""
        key = signing_key(name).public_key
        self.names[key] = name
        return key

    def likely(self, percent: int) -> bool:
        return self.random.randrange(PERCENT) < percent

    def pick(self, items: Sequence[T]) -> T:
        return self.random.choice(items)

    def weighed(self, choices: dict[T, int]) -> T:
        return self.random.choices(list(choices), list(choices.values()))[0]

    def maybe(self, items: Sequence[T]) -> T | None:
        return self.random.choice(items) if items else None

    def member(self) -> str:
        return self.pick(list(self.world.members))

    def code(self) -> str:
        """Give a member, and rarely somebody who is none."""
        return self.pick(STRANGERS) if self.likely(2) else self.member()

    def day(self, before: int = 3, after: int = 0) -> str:
        """Give a day around today."""
        return days_later(day_at(self.world.now), self.random.randint(-before, after))

    def any_office(self) -> Office:
        return self.pick([*self.world.houses, *((code, "root") for code in self.world.members)])

    def office_of(self, code: str, *roles: str, kind: str = "") -> Office:
        """Give an office of a participant that may say this, if it has one."""
        allowed = set(roles) or AUTHORS[kind]
        found = [
            office
            for office, house in self.world.houses.items()
            if office[0] == code and not house.closed and house.roles & allowed
        ]
        return self.maybe(found) or (code, "root")

    def signers_for(self, *offices: Office) -> tuple[str, ...]:
        """Give the names of keys in force, as many of each office as have to sign."""
        names: list[str] = []
        for office in offices:
            keys = [key for key in self.world.keys if signs(self.world, key) == office]
            count = self.asked(office)
            names += [self.names[key] for key in self.random.sample(keys, min(count, len(keys)))]
        return tuple(names) or ("nobody",)

    def asked(self, office: Office) -> int:
        if office[0] == "KPCS" or office[1] in ("root", "recovery"):
            return 1
        return self.world.number(office[0], "officers")

    def head(self, subject: str) -> bytes | None:
        """Give the newest event on what has one."""
        for things in (self.world.papers, self.world.cases, self.world.affairs):
            thing = things.get(subject)
            if thing is not None:
                head: bytes = thing.head
                return head
        return None

    def act(self, author: Office, body: Body, subject: str, *others: Office) -> Act:
        """Give a statement as it should be made; others sign it too."""
        return Act(
            author=author,
            body=body,
            subject=subject,
            prev=None if body.TYPE in BLIND else self.head(subject),
            signers=self.signers_for(author, *others),
        )

    def also_by(self, act: Act, *names: str) -> Act:
        """Give the same statement with further signatures."""
        signers = (*act.signers, *names)
        return Act(act.author, act.body, act.subject, act.prev, signers, act.occurred_at, act.here)

    def spoil(self, act: Act) -> Act:
        """Break one thing about a statement that is not in its body."""
        flaws: tuple[Callable[[Act], Act], ...] = (
            self._misdirect,
            self._overlook,
            self._impersonate,
            self._sign_otherwise,
            self._run_ahead,
            lambda one: replace(one, here=False),
        )
        return self.pick(flaws)(act)

    def _misdirect(self, act: Act) -> Act:
        return replace(act, subject=self.pick([*self.world.papers, "other", "BW/other"]))

    def _overlook(self, act: Act) -> Act:
        return replace(act, prev=self.pick([None, bytes(32), *list(self.world.events)[-5:]]))

    def _impersonate(self, act: Act) -> Act:
        office = self.any_office()
        return replace(act, author=office, signers=self.signers_for(office))

    def _sign_otherwise(self, act: Act) -> Act:
        """Sign by anybody's key, by one more, by the first only or by the others."""
        key = self.pick(list(self.names.values()))
        more = () if key in act.signers else (key,)
        others = act.signers[1:] or ("nobody",)
        signers = self.pick(((key,), (*act.signers, *more), act.signers[:1], others))
        return replace(act, signers=signers)

    def _run_ahead(self, act: Act) -> Act:
        return replace(act, occurred_at=self.world.now + self.pick((9_999, 10_001, 10**9)))

    def paper(self, states: Sequence[str] = ()) -> tuple[str, Paper] | None:
        """Give a certificate, in one of these states if there is any."""
        papers = self.world.papers
        recent = list(papers)[-60:]
        number = self.maybe([one for one in recent if papers[one].state in states] or recent)
        return None if number is None else (number, papers[number])

    def case(self) -> tuple[str, Case] | None:
        name = self.maybe(list(self.world.cases)[-30:])
        return None if name is None else (name, self.world.cases[name])
