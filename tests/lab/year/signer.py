"""Writes and signs events at their own time, each following the newest on its subject."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from lab.year.days import YEAR
from lab.year.participants import Office, Participants

from kpledger.base.ids import KPCS
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, Body, compute_event_id, encode_event
from kpledger.scheme.v1.ids import CHAIR, ROOT
from kpledger.scheme.v1.lifecycles import NOTES


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """A signed event and the time at which it reaches the ledger."""

    time_ms: int
    envelope: bytes
    event_id: bytes
    subject: str
    type: str


class Signer:
    """Writes for everybody.

    Attributes:
        now_ms: the time of whatever is written next.
        entries: what was written and not yet taken away.
    """

    def __init__(
        self, chain: bytes, participants: Participants, begin_ms: int, stated_ms: int | None = None
    ) -> None:
        """Write for a ledger; every event states its own time, or all of them ``stated_ms``."""
        self.participants = participants
        self.now_ms = begin_ms
        self._chain = chain
        self._stated_ms = stated_ms
        self.entries: list[TimedEvent] = []
        self.chair_year = YEAR - 1
        self._count = 0
        self._heads: dict[str, bytes] = {}
        self._rotated: dict[str, str] = {}

    @property
    def is_behind(self) -> bool:
        """Whether it is written long after the year, when certificates have expired."""
        return self._stated_ms is not None

    def head(self, subject: str) -> bytes | None:
        """Give the newest event on a subject that events follow each other on."""
        return self._heads.get(subject)

    def forget(self, subject: str) -> None:
        """Take the next event on a subject for its first."""
        self._heads.pop(subject, None)

    def set_head(self, subject: str, event_id: bytes) -> None:
        """Take note of an event on a subject that does not name it."""
        self._heads[subject] = event_id

    def office(
        self,
        office: Office,
        subject: str,
        body: Body,
        *,
        cosigners: Sequence[SigningKey] = (),
        occurred_ms: int | None = None,
    ) -> bytes:
        """Write on a certificate, case or proceeding, as an office with all its officers."""
        keys = self.officers(office.participant, office.authority)
        author = (office.participant, office.authority)
        return self._follow(author, subject, body, [*keys, *cosigners], occurred_ms)

    def opening(self, office: Office, subject: str, body: Body, case: str) -> bytes:
        """Write on a closed certificate what opens a case; the certificate stays as it is."""
        before = self._heads[subject]
        event_id = self.office(office, subject, body)
        self._heads[subject] = before
        self._heads[case] = event_id
        return event_id

    def officers(self, participant: str, authority: str) -> list[SigningKey]:
        """Give the keys that an office signs with."""
        count = 1 if participant == KPCS else self.participants.officers(participant)
        return [self.key_of(f"{participant}/{authority}/{n}") for n in range(1, count + 1)]

    def key_of(self, label: str) -> SigningKey:
        """Give the key that is in force under a label."""
        return self.participants.key(self._rotated.get(label, label))

    def rotate(self, label: str) -> SigningKey:
        """Put another key under a label, and give it."""
        self._rotated[label] = f"{label}/rotated"
        return self.key_of(label)

    def root(
        self, code: str, subject: str, body: Body, *, cosigners: Sequence[SigningKey] = ()
    ) -> bytes:
        """Write as a participant's root, about something that nothing needs to follow."""
        keys = [self.participants.key(f"{code}/{ROOT}"), *cosigners]
        return self.write((code, ROOT), subject, body, keys)

    def root_follows(self, code: str, subject: str, body: Body) -> bytes:
        """Write as a participant's root on a proceeding."""
        return self._follow(
            (code, ROOT), subject, body, [self.participants.key(f"{code}/{ROOT}")], None
        )

    def member_follows(self, code: str, authority: str, subject: str, body: Body) -> bytes:
        """Write as any office of a participant on a proceeding."""
        keys = self.officers(code, authority)
        return self._follow((code, authority), subject, body, keys, None)

    @property
    def chair_key(self) -> SigningKey:
        """The Chair's key of now."""
        return self.participants.key(f"{KPCS}/{CHAIR}/{self.chair_year}")

    def chair(self, subject: str, body: Body, *, cosigners: Sequence[SigningKey] = ()) -> bytes:
        """Write as the Chair."""
        return self.write((KPCS, CHAIR), subject, body, [self.chair_key, *cosigners])

    def chair_follows(self, subject: str, body: Body) -> bytes:
        """Write as the Chair on a proceeding."""
        return self._follow((KPCS, CHAIR), subject, body, [self.chair_key], None)

    def scheme(self, authority: str, subject: str, body: Body) -> bytes:
        """Write as an office of the scheme."""
        return self.write((KPCS, authority), subject, body, self.officers(KPCS, authority))

    def scheme_follows(self, authority: str, subject: str, body: Body) -> bytes:
        """Write as an office of the scheme on a proceeding."""
        keys = self.officers(KPCS, authority)
        return self._follow((KPCS, authority), subject, body, keys, None)

    def _follow(
        self,
        author: tuple[str, str],
        subject: str,
        body: Body,
        keys: Sequence[SigningKey],
        occurred_ms: int | None,
    ) -> bytes:
        prev = self._heads.get(subject)
        event_id = self.write(author, subject, body, keys, prev=prev, occurred_ms=occurred_ms)
        if body.TYPE not in NOTES:
            self._heads[subject] = event_id
        return event_id

    def write(
        self,
        author: tuple[str, str],
        subject: str,
        body: Body,
        keys: Sequence[SigningKey],
        *,
        prev: bytes | None = None,
        occurred_ms: int | None = None,
    ) -> bytes:
        """Write one event and give its id."""
        self._count += 1
        stated_ms = self._stated_ms if occurred_ms is None else occurred_ms
        payload = encode_event(
            chain=self._chain,
            author=Author(participant=author[0], authority=author[1]),
            nonce=hashlib.sha256(b"%d" % self._count).digest()[:16],
            occurred_at=self.now_ms if stated_ms is None else stated_ms,
            subject=subject,
            prev=prev,
            body=body,
        )
        event_id = compute_event_id(payload)
        envelope = sign_event(payload, keys)
        self.entries.append(TimedEvent(self.now_ms, envelope, event_id, subject, body.TYPE))
        return event_id
