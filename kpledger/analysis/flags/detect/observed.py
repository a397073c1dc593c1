"""Flags that are raised at one event: the observations that pass the thresholds, in words."""

from collections.abc import Callable, Iterator
from typing import Final

from kpledger.analysis.flags.finding import Finding, Observation, hexadecimal
from kpledger.analysis.flags.look import Detector, Look
from kpledger.analysis.flags.observations import read_observations
from kpledger.analysis.flags.passages import is_withdrawn
from kpledger.analysis.flags.settings import FlagSettings
from kpledger.analysis.flags.words import Word

Passes = Callable[[FlagSettings, Observation], bool]

_PPM: Final = 10_000
"""Millionths of a percent."""

PASSES: Final[dict[str, Passes]] = {
    "F2.weight": lambda to, seen: seen.measure > to.f2.ppm and seen.extents[0] > to.f2.thousandths,
    "F2.value": lambda to, seen: seen.measure > to.f2.value_ppm,
    "F2.discrepant": lambda to, seen: seen.measure > to.f2.discrepant_percent * _PPM,
    "F2.revalued": lambda to, seen: seen.measure > to.f2.revalued_percent * _PPM,
    "F4.jump": lambda to, seen: (
        seen.measure > to.f4.percent * _PPM
        and seen.extents[0] <= to.f4.days
        and seen.extents[1] >= to.f4.share_percent
    ),
    "F7.order": lambda to, seen: seen.measure > to.f7.order_days,
    "F8.seal": lambda to, _: to.f8.seals,
    "F8.photo": lambda to, _: to.f8.seals,
    "F9.expired": lambda to, seen: seen.measure > to.f9.expiry_days,
    "F9.late": lambda to, seen: seen.measure > to.f9.grace_days,
    "F11.sanctions": lambda to, _: to.f11.sanctions,
    "F14.restated": lambda to, seen: seen.measure > to.f14.restated_percent * _PPM,
    "F15.return": lambda to, seen: seen.measure <= to.f15.days,
    "F16.dated": lambda to, seen: seen.measure > to.f16.days,
    "F18.neighbour": lambda to, _: to.f18.neighbours,
}
"""Kinds with a threshold; the others are always shown."""

UNITS: Final = dict.fromkeys(("F2.discrepant", "F2.revalued", "F4.jump", "F14.restated"), _PPM)
"""Kinds that are observed in millionths and have a threshold in percent."""

TEXTS: Final = {
    "F2.weight": (
        "Declared {0} ct, confirmed {1} ct: {6} ct or {4} apart, though within the tolerance."
        " Scales differ a little; the same small loss again and again is something else."
    ),
    "F2.value": (
        "Declared US$ {2}, confirmed US$ {3}: {5} apart, though within the tolerance."
        " Valuers differ; so do prices of transport that one side includes."
    ),
    "F2.discrepant": (
        "Declared {0} ct worth US$ {2}, found {1} ct worth US$ {3}: {4} apart in weight. Parcels"
        " get mixed up and figures mistyped; contents may also have been changed on the way."
    ),
    "F2.revalued": (
        "Declared at US$ {0} a carat, found to be worth US$ {1} a carat: {2} apart. Valuers differ"
        " and figures get mistyped; goods that are priced too low on their way out show here, too."
    ),
    "F2.seals": (
        "The containers did not come closed. Customs of a country on the way may have opened"
        " them, or somebody else did."
    ),
    "F4.jump": (
        "Came in at US$ {0} a carat and left {3:day} later at US$ {1} a carat ({2}); {4} percent"
        " of the imported weight. Sorting out the better stones explains a part; otherwise the"
        " goods were priced too low on the way in, or are not the same goods."
    ),
    "F7.order": (
        "Number {0} of the same range was issued on {1}, {3:day} before this lower number on"
        " {2}. Several officers with a pad each do this; so does a number kept back for later."
    ),
    "F7.never": (
        "{0} was shown a paper with the number {1}, which {2} never issued. It may be a forgery,"
        " or the number was copied wrongly."
    ),
    "F7.outside": (
        "{0} was shown a paper with the number {1}, which lies in no range of {2}. It may be a"
        " forgery, or the number was copied wrongly."
    ),
    "F7.year": (
        "{0} was shown a paper with the number {1} dated {2}, but that range is for use from {3}"
        " to {4}, and the number was never issued. Forgers often miss the range of the year."
    ),
    "F8.again": (
        "Presented in {0} although its shipment was received on {2} already. A second shipment"
        " may travel under a used paper; or an officer typed the wrong number."
    ),
    "F8.dead": (
        "Presented in {0} although its life had ended ({1}). The paper may have been used once"
        " more; or it was taken back after the goods had left."
    ),
    "F8.suspect": (
        "{0} reported a suspect paper with this number, whose life had ended ({1})."
        " A copy of the paper may be about."
    ),
    "F8.seal": (
        "Seal {0} was on certificate {1} of {2} already. Seals are used once; a typing error, or"
        " a seal number written on a new bag."
    ),
    "F8.photo": (
        "The photograph {0} was filed with certificate {1} of {2} already. The wrong file may"
        " have been attached, or the goods were shown only once."
    ),
    "F9.expired": (
        "Valid until {0}, but moved on {1}, {2:day} later. Transport is late at times;"
        " an old paper also lends itself to a second use."
    ),
    "F9.late": (
        "There on {0}, confirmed on {1}, {2:working day} later, where the limit is {3}. Holidays"
        " are not taken off; a long silence leaves the issuer without an answer."
    ),
    "F9.notice": (
        "Arrived on {0}, and nobody had announced it, though the issuer is expected to. Notices"
        " still go by e-mail in places."
    ),
    "F10.presented": (
        "Presented while {0} was {1}; issued on {2}. Goods that were on their way when the"
        " standing changed are a harmless reason."
    ),
    "F11.unlisted": (
        "A mixed parcel for the EU that names no country of origin; the EU has asked for all of"
        " them since 1 March 2025. Goods verified before are exempt. For information."
    ),
    "F11.sanctions": (
        "Names Russia as an origin and goes to {0}, which has barred it since {1}. National"
        " sanctions are no rule of the scheme; industrial stones and older stock may be exempt."
    ),
    "F14.restated": (
        "The {0} of {1} were restated: from edition {2} to edition {3}, {4}. Late confirmations"
        " and corrected errors are the usual reasons."
    ),
    "F15.return": (
        "{1} ct came the other way under {0} {2:day} before, and go back now. Goods on approval"
        " that were not sold do this; so does trade that only makes papers."
    ),
    "F16.dated": (
        "The event '{0}' states {1} but was recorded on {2}, {3:day} later. An office without a"
        " line, or papers entered afterwards, do this."
    ),
    "F18.origin": (
        "Origin {0} is one that the Chair asks to look at closely. That alone says nothing about"
        " this shipment."
    ),
    "F18.neighbour": (
        "Origin {0} lies beside one that the Chair asks to look at closely. That alone says"
        " nothing about this shipment."
    ),
}
"""What each kind says; the numbers are the words of the observation."""


_OF_SHIPMENTS: Final = frozenset(
    ("F4.jump", "F11.sanctions", "F11.unlisted", "F15.return", "F18.neighbour", "F18.origin")
)
"""Kinds about goods that leave; the subject is their certificate."""


def _is_taken_back(look: Look, seen: Observation) -> bool:
    """Tell whether what was seen at an issue is about a shipment that never took place."""
    return seen.kind in _OF_SHIPMENTS and is_withdrawn(look.book.index, seen.subject)


def detect_observed(flag: str) -> Detector:
    """Give the detector of what was observed for a flag."""

    def detect(look: Look) -> Iterator[Finding]:
        found = read_observations(
            look.book.index,
            flag,
            from_day=look.from_day,
            until_day=look.until_day,
            participant=look.participant,
        )
        for day, seen in found:
            passes = PASSES.get(seen.kind)
            raised = passes is None or passes(look.settings, seen)
            if raised and not _is_taken_back(look, seen):
                yield Finding(
                    flag=flag,
                    subject=seen.subject,
                    participant=seen.participant,
                    partner=seen.partner,
                    day=day,
                    measure=seen.measure // UNITS.get(seen.kind, 1),
                    explanation=TEXTS[seen.kind].format(*map(Word, seen.words)),
                    evidence=hexadecimal(*seen.evidence),
                )

    return detect
