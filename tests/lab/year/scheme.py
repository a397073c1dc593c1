"""The scheme's own business: offices, numbers, decisions, the Chair, restrictions, meetings."""

import hashlib
from functools import partial
from random import Random
from typing import Final

from lab.year.days import FOUNDED_ON, HOUR_MS, YEAR, at
from lab.year.office import REMARK, SERIAL_DIGITS, first_serial
from lab.year.participants import (
    LATE_COMERS,
    MONITOR,
    RESTRICTION,
    STATISTICS,
    WORKING_GROUP,
    ZONES,
    Office,
    Participants,
)
from lab.year.signer import Signer
from lab.year.timeline import Timeline

from kpledger.base.ids import KPCS
from kpledger.base.units import add_days, day_of
from kpledger.scheme.event import Author
from kpledger.scheme.v1.events.decisions import (
    ChairRotated,
    DecisionRecorded,
    ExpiryMeaning,
    Mode,
    PolicySet,
    PolicyValues,
    Procedure,
    RestrictionSet,
    Scope,
)
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    CertificateFormatNotified,
    KeyAdded,
    NumberRange,
    NumberRangeAllocated,
    NumberRangeRetired,
    ParticipantAdmitted,
)
from kpledger.scheme.v1.events.life import (
    BodyComposed,
    BodyKind,
    MeetingAnnounced,
    MeetingHeld,
    MeetingKind,
    ObserverKind,
    ObserverRegistered,
)
from kpledger.scheme.v1.ids import CHAIR
from kpledger.scheme.v1.subjects import Subject, subject_under

_OLD_LAST: Final = 99_999


def document(name: str) -> bytes:
    """Give the hash of a paper that does not exist."""
    return hashlib.sha256(f"SYNTHETIC {name}".encode()).digest()


class Scheme:
    """Makes the appointments of everything that is not trade."""

    def __init__(
        self,
        participants: Participants,
        signer: Signer,
        timeline: Timeline,
        chance: Random,
        last_day: str = f"{YEAR + 1}-01-31",
    ) -> None:
        """Act for all participants; their numbers may be used until the last day.

        What is sent back in January still has a number of the year it came in.
        """
        self._participants = participants
        self._signer = signer
        self._timeline = timeline
        self._chance = chance
        self._last_day = last_day

    def schedule(self, *, repeats: bool) -> None:
        """Make every appointment."""
        at_ = self._timeline.at
        at_(at(FOUNDED_ON, 10), self._open_scheme)
        for hour, code in enumerate(self._participants.founders):
            at_(at(FOUNDED_ON, 11) + hour * HOUR_MS, partial(self.open_house, code))
        at_(at(f"{YEAR - 1}-11-12"), self._admit)
        at_(at(f"{YEAR - 1}-11-15"), lambda: self._hand_over(YEAR, "BW", "ZW"))
        at_(at(f"{YEAR - 1}-12-01"), self._settle_policies)
        at_(at(f"{YEAR - 1}-12-06"), self._restrict)
        at_(at(f"{YEAR - 1}-12-20"), self._retire)
        for number, (kind, begin, end, place) in enumerate(
            (
                (MeetingKind.INTERSESSIONAL, f"{YEAR}-06-20", f"{YEAR}-06-24", "Kasane"),
                (MeetingKind.PLENARY, f"{YEAR}-11-01", f"{YEAR}-11-04", "Gaborone"),
            ),
            start=1,
        ):
            self._schedule_meeting(f"{YEAR}-{number}", kind, begin, end, place)
        if not repeats:
            at_(at(f"{YEAR}-12-28"), lambda: self._hand_over(YEAR + 1, "ZW", "AE"))

    # Decisions.

    def decide(self, decision: str, title: str) -> str:
        """Record a decision that everybody supports, and give its name."""
        body = DecisionRecorded(
            decision=decision,
            title=title,
            document=document(decision),
            procedure=Procedure.WRITTEN,
            decided_on=day_of(self._timeline.now_ms),
            supports=self._participants.voters,
            objections=(),
            ratifies=(),
        )
        self._signer.chair(subject_under(KPCS, Subject.DECISION, decision), body)
        return decision

    # Houses.

    def open_house(self, code: str) -> None:
        """Register a participant's offices, their keys and their numbers."""
        offices = self._participants.offices[code]
        first = True
        for office in offices:
            self._register(code, office.authority, office.roles, office.territory, first=first)
            first = False
            self._allot(office, YEAR - 1, 1, _OLD_LAST)
            begin = first_serial(office)
            self._allot(office, YEAR, begin + 1, begin + 9_999_999)
        self._register(code, STATISTICS, (AuthorityRole.STATISTICS,), None, first=False)
        masks = tuple(sorted({f"{office.prefix}{'#' * SERIAL_DIGITS}" for office in offices}))
        notified = CertificateFormatNotified(
            masks=masks, specimen=document(f"specimen {code}"), features=REMARK, valid_from=0
        )
        self._signer.root(code, code, notified)

    def _register(
        self,
        code: str,
        authority: str,
        roles: tuple[AuthorityRole, ...],
        territory: str | None,
        *,
        first: bool,
    ) -> None:
        registered = AuthorityRegistered(
            authority=authority,
            title=f"Synthetic office {authority} of {self._participants.name(code)}",
            place=f"Synthetic place in {self._participants.name(code)}",
            roles=roles,
            contact="",
            territory=territory,
        )
        subject = f"{code}/{authority}"
        # The Chair signs a participant's first office, and those of a territory of its own.
        cosigners = (self._signer.chair_key,) if first or territory else ()
        self._signer.root(code, subject, registered, cosigners=cosigners)
        for number in range(1, self._participants.officers(code) + 1):
            key = self._participants.key(f"{subject}/{number}").public_key
            officer = f"officer-{number}"
            added = KeyAdded(authority=authority, key=key, valid_from=0, officer=officer)
            self._signer.root(code, key.hex(), added)

    def _allot(self, office: Office, year: int, first: int, last: int) -> None:
        numbers = NumberRange(
            prefix=office.prefix,
            width=SERIAL_DIGITS,
            first=_old_first(office) if year < YEAR else first,
            last=_old_first(office) + last - 1 if year < YEAR else last,
            use_from=f"{year}-01-01",
            use_until=f"{year}-12-31" if year < YEAR else self._last_day,
        )
        body = NumberRangeAllocated(authority=office.authority, range=numbers)
        self._signer.root(office.participant, office.subject, body)

    def _retire(self) -> None:
        """Withdraw last year's numbers; none of them was issued on this ledger."""
        for code in self._participants.codes:
            for office in self._participants.offices[code]:
                body = NumberRangeRetired(
                    authority=office.authority,
                    prefix=office.prefix,
                    width=SERIAL_DIGITS,
                    first=_old_first(office),
                    reason=REMARK,
                )
                self._signer.root(code, office.subject, body)

    # The scheme.

    def _open_scheme(self) -> None:
        for authority, role in (
            (WORKING_GROUP, AuthorityRole.STATISTICS),
            (MONITOR, AuthorityRole.MONITORING),
        ):
            registered = AuthorityRegistered(
                authority=authority,
                title=f"Synthetic {authority} of the scheme",
                place="Synthetic place",
                roles=(role,),
                contact="",
            )
            self._signer.chair(f"{KPCS}/{authority}", registered)
            key = self._participants.key(f"{KPCS}/{authority}/1").public_key
            added = KeyAdded(authority=authority, key=key, valid_from=0, officer="officer-1")
            self._signer.chair(key.hex(), added)
        for observer, kind in (("csc", ObserverKind.CIVIL_SOCIETY), ("wdc", ObserverKind.INDUSTRY)):
            body = ObserverRegistered(
                observer=observer,
                title=f"Synthetic observer {observer}",
                kind=kind,
                key=self._participants.key(f"{KPCS}/{observer}/1").public_key,
                contact="",
            )
            self._signer.chair(f"{KPCS}/{observer}", body)
        composed = BodyComposed(
            name=WORKING_GROUP,
            title="Synthetic working group on statistics",
            kind=BodyKind.WORKING_GROUP,
            chair="US",
            members=("AE", "BW", "CA", "EU", "IN", "US", "ZA"),
            observers=("csc", "wdc"),
            dissolved=False,
        )
        self._signer.chair(subject_under(KPCS, Subject.BODY, WORKING_GROUP), composed)

    def _admit(self) -> None:
        """Admit those who joined at the plenary before the year, and open their houses."""
        for number, code in enumerate(LATE_COMERS, start=1):
            decision = self.decide(f"AD-{YEAR - 1}-{number}", f"Admission of {code}")
            body = ParticipantAdmitted(
                code=code,
                name=self._participants.name(code),
                kind=self._participants.kind(code),
                effective_from=self._timeline.now_ms + 2 * HOUR_MS,
                root_key=self._participants.key(f"{code}/root").public_key,
                recovery_key=self._participants.key(f"{code}/recovery").public_key,
                decision=decision,
            )
            self._signer.chair(code, body)
            self._timeline.after(24 * HOUR_MS, partial(self.open_house, code))

    def _hand_over(self, year: int, chair: str, vice_chair: str) -> None:
        decision = self.decide(f"AD-{year - 1}-CHAIR", f"Chair of {year}")
        key = self._participants.key(f"{KPCS}/{CHAIR}/{year}")
        body = ChairRotated(
            year=year,
            chair=chair,
            key=key.public_key,
            vice_chair=vice_chair,
            decision=decision,
        )
        self._signer.chair(f"{KPCS}/{CHAIR}", body, cosigners=(key,))
        self._signer.chair_year = year

    def _settle_policies(self) -> None:
        own = {
            "EU": PolicyValues(max_validity_months=2, expiry=ExpiryMeaning.EXPORT_BY),
            "ZA": PolicyValues(expiry=ExpiryMeaning.JOURNEY),
        }
        for code in self._participants.codes:
            officers = self._participants.officers(code)
            values = own.get(code)
            if officers > 1:
                values = PolicyValues(officers=officers)
            if values is None:
                continue
            body = PolicySet(
                participant=code,
                values=values,
                effective_from=self._timeline.now_ms + 2 * HOUR_MS,
                decision=None,
            )
            self._signer.root(code, subject_under(code, Subject.POLICY), body)

    def _restrict(self) -> None:
        decision = self.decide(f"AD-{YEAR - 1}-CF", "Zones of the Central African Republic")
        body = RestrictionSet(
            restriction=RESTRICTION,
            participant="CF",
            scope=Scope.EXPORT,
            mode=Mode.PRE,
            zones=ZONES,
            approver=Author(participant=KPCS, authority=MONITOR),
            effective_from=self._timeline.now_ms + 2 * HOUR_MS,
            effective_until=None,
            decision=decision,
        )
        self._signer.chair(subject_under("CF", Subject.RESTRICTION, RESTRICTION), body)

    def _schedule_meeting(
        self, name: str, kind: MeetingKind, begin: str, end: str, place: str
    ) -> None:
        subject = subject_under(KPCS, Subject.MEETING, name)
        announced = MeetingAnnounced(kind=kind, from_day=begin, until_day=end, place=place)
        held = MeetingHeld(document=document(name), present=self._participants.voters)
        self._timeline.at(
            at(add_days(begin, -60)), partial(self._signer.chair_follows, subject, announced)
        )
        self._timeline.at(at(add_days(end, 1)), partial(self._signer.chair_follows, subject, held))


def _old_first(office: Office) -> int:
    """Give where last year's numbers of an office began: below this year's."""
    return first_serial(office) // 100 + 1
