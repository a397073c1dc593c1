"""Watching: what is seen at one move of a certificate, and written down as an observation.

A measure below the least value of its setting (:mod:`settings`) is not written down: two offices'
scales hardly ever agree to the milligram.
"""

from typing import Final

from kpledger.analysis.applied import Applied
from kpledger.analysis.flags.finding import Observation
from kpledger.analysis.flags.indexes.likeness import Earlier, exchange_mark, note_on_lane, read_lane
from kpledger.analysis.flags.indexes.serials import Highest
from kpledger.analysis.flags.observations import observe
from kpledger.analysis.flags.passages import Move, Moved, Passage, is_withdrawn, read_passage
from kpledger.analysis.flags.periods import days_between, working_days
from kpledger.analysis.flags.sourcing import MILLION, read_sourced
from kpledger.analysis.index import IndexChanges
from kpledger.base.state import read_record
from kpledger.base.units import day_of, format_carats, format_usd
from kpledger.books.projections.neighbours import NEIGHBOURS
from kpledger.scheme.v1.events.certificate import Certificate, CertificateValidated
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.importing import ArrivalRecorded
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import (
    CertificateRecord,
    ParticipantRecord,
    PolicyRecord,
    certificate_key,
    participant_key,
    policy_key,
)

_PPM_FLOOR: Final = 100
_VALUE_PPM_FLOOR: Final = 5_000
_DISCREPANT_PPM_FLOOR: Final = 20_000
_JUMP_PPM_FLOOR: Final = 200_000
_LINKED_PPM: Final = 5_000
_LINK_DAYS: Final = 3_660
_LANE_DAYS: Final = 365

LISTED_FROM: Final = "2025-03-01"
"""From when the European Union asks for the countries of a mixed parcel."""
BARRED_DIRECT: Final = "2024-01-01"
BARRED_INDIRECT: Final = "2024-03-01"
G7: Final = frozenset(("CA", "EU", "GB", "JP", "US"))


def watch_move(moved: Moved, changes: IndexChanges) -> None:
    """See what one move shows."""
    match moved.move:
        case Move.ISSUED if moved.certificate is not None:
            certificate = moved.certificate
            _watch_marks(moved, changes, seals=certificate.seals, photos=certificate.photos)
            if not moved.passage.technical:
                _watch_value_jump(moved, moved.certificate, changes)
                _watch_return(moved, moved.certificate, changes)
                _watch_origins(moved, changes)
        case Move.VALIDATED:
            body = moved.applied.event.body
            if isinstance(body, CertificateValidated):
                _watch_marks(moved, changes, seals=body.seals)
        case Move.ARRIVED:
            _watch_arrival(moved, changes)
            _watch_presenting(moved, changes)
        case Move.CONFIRMED | Move.DISCREPANT:
            _watch_found(moved, changes)
            _watch_expiry(moved, changes, moved.passage.received_on)
            _watch_confirming(moved, changes)
            if not moved.passage.there_on:
                _watch_presenting(moved, changes)
        case Move.HELD if moved.passage.arrival == moved.event:
            _watch_presenting(moved, changes)
        case Move.AGAIN:
            _watch_again(moved, changes)
        case _:
            pass


def watch_order(moved: Moved, highest: Highest, changes: IndexChanges) -> None:
    """F7: a higher number of the range was used before."""
    days = days_between(highest.issued_on, moved.passage.issued_on)
    if days >= 1:
        words = (highest.number, highest.issued_on, moved.passage.issued_on, str(days))
        _note(changes, moved, "F7.order", days, words, evidence=(moved.event, highest.issue))


def _watch_found(moved: Moved, changes: IndexChanges) -> None:
    passage = moved.passage
    declared, found = passage.carat_thousandths, passage.found_carat_thousandths
    value, worth = passage.value_usd_cents, passage.found_value_usd_cents
    ppm = abs(found - declared) * MILLION // declared
    value_ppm = abs(worth - value) * MILLION // value
    amounts = (format_carats(declared), format_carats(found), format_usd(value), format_usd(worth))
    words = (*amounts, _percent(ppm), _percent(value_ppm), format_carats(abs(found - declared)))
    evidence = (passage.issue, moved.event)
    if moved.move is Move.DISCREPANT:
        if ppm >= _DISCREPANT_PPM_FLOOR:
            _note(changes, moved, "F2.discrepant", ppm, words, evidence=evidence)
        # By the carat, so that a part of the goods does not look like a price.
        price_ppm = abs(worth * declared - value * found) * MILLION // (value * found)
        if price_ppm >= _DISCREPANT_PPM_FLOOR:
            prices = (_price(value * MILLION // declared), _price(worth * MILLION // found))
            priced = (*prices, _percent(price_ppm))
            _note(changes, moved, "F2.revalued", price_ppm, priced, evidence=evidence)
        return
    if ppm >= _PPM_FLOOR:
        extent = abs(found - declared)
        _note(changes, moved, "F2.weight", ppm, words, evidence=evidence, extents=(extent,))
    if value_ppm >= _VALUE_PPM_FLOOR:
        _note(changes, moved, "F2.value", value_ppm, words, evidence=evidence)


def _watch_value_jump(moved: Moved, certificate: Certificate, changes: IndexChanges) -> None:
    # What is drawn is priced as its sources were; a part may be the better one by sorting, so
    # the share of the sources that is drawn is kept beside the measure.
    sourced = read_sourced(changes, certificate.sources)
    if sourced is None:
        return
    carats, value = certificate.carat_thousandths, certificate.value_usd_cents
    jump = sourced.change_ppm(carats, value)
    days = days_between(sourced.latest, certificate.issued_on)
    if abs(jump) >= _JUMP_PPM_FLOOR and 0 <= days <= _LINK_DAYS:
        # The shipment may hold less than was drawn for it, or goods without a source.
        share = min(sourced.drawn, carats) * 100 // sourced.imported
        change = f"{'+' if jump > 0 else '-'}{_percent(abs(jump))}"
        prices = (_price(sourced.price), _price(value * MILLION // carats))
        _note(
            changes,
            moved,
            "F4.jump",
            abs(jump),
            (*prices, change, str(days), str(share)),
            evidence=(moved.event, *sourced.issues),
            extents=(days, share),
        )


def _watch_return(moved: Moved, certificate: Certificate, changes: IndexChanges) -> None:
    passage = moved.passage
    mine = Earlier(number=passage.number, day=passage.issued_on, event=moved.event)
    weight = passage.carat_thousandths
    note_on_lane(
        changes,
        issuer=passage.issuer,
        destination=passage.destination,
        carat_thousandths=weight,
        mine=mine,
    )
    lane = read_lane(
        changes, issuer=passage.destination, destination=passage.issuer, carat_thousandths=weight
    )
    came = (one for one in lane if one.day <= mine.day and not is_withdrawn(changes, one.number))
    earlier = next(came, None)
    for source in certificate.sources:
        one = read_passage(changes, source.number)
        if one is not None and one.issuer == passage.destination:
            # All of what came, and nothing else: a part of it may weigh the same by chance.
            weights = (one.carat_thousandths, source.carat_thousandths, weight)
            if (max(weights) - min(weights)) * MILLION <= max(weights) * _LINKED_PPM:
                earlier = Earlier(number=one.number, day=one.issued_on, event=one.issue)
    if earlier is None:
        return
    days = days_between(earlier.day, passage.issued_on)
    if 0 <= days <= _LANE_DAYS:
        words = (earlier.number, format_carats(weight), str(days))
        _note(changes, moved, "F15.return", days, words, evidence=(earlier.event, moved.event))


def _watch_marks(
    moved: Moved,
    changes: IndexChanges,
    *,
    seals: tuple[str, ...],
    photos: tuple[bytes, ...] = (),
) -> None:
    # A technical certificate moves goods that had a certificate before, in the same bags.
    passage = moved.passage
    if passage.technical:
        return
    mine = Earlier(number=passage.number, day=passage.issued_on, event=moved.event)
    # Plain digits are counted anew by every maker: they are compared within an issuer only.
    marks = [
        ("seal", seal, f"s/{passage.issuer if seal.isdigit() else ''}/{seal}") for seal in seals
    ]
    marks += [("photo", photo.hex(), f"p/{photo.hex()}") for photo in photos]

    def is_free(number: str) -> bool:
        return number == passage.replaces or _was_taken_back(changes, number)

    noted = False
    for kind, shown, mark in marks:
        earlier = exchange_mark(changes, mark, mine, is_free=is_free)
        # One finding says it; the other marks are put on the certificate all the same.
        if earlier is not None and not noted:
            words = (shown[:40], earlier.number, earlier.day)
            _note(changes, moved, f"F8.{kind}", 1, words, evidence=(earlier.event, moved.event))
            noted = True


def _was_taken_back(changes: IndexChanges, number: str) -> bool:
    before = read_passage(changes, number)
    return before is not None and before.ended in {
        "certificate_voided",
        "certificate_returned_unused",
    }


def _watch_origins(moved: Moved, changes: IndexChanges) -> None:
    passage = moved.passage
    origins, day = set(passage.origins), passage.issued_on
    if passage.destination == "EU" and not origins and day >= LISTED_FROM:
        _note(changes, moved, "F11.unlisted", 1, (), evidence=(moved.event,))
    since = BARRED_DIRECT if passage.issuer == "RU" else BARRED_INDIRECT
    if passage.destination in G7 and "RU" in origins and day >= since:
        words = (passage.destination, since)
        _note(changes, moved, "F11.sanctions", 1, words, evidence=(moved.event,))
    listed = set(policy_of(moved.applied, None).vigilance)
    if not listed:
        return
    if watched := sorted(origins & listed):
        _note(changes, moved, "F18.origin", 1, (", ".join(watched),), evidence=(moved.event,))
    else:
        beside = {code for one in listed for code in NEIGHBOURS.get(one, ())}
        if near := sorted(origins & beside):
            _note(changes, moved, "F18.neighbour", 1, (", ".join(near),), evidence=(moved.event,))


def _watch_arrival(moved: Moved, changes: IndexChanges) -> None:
    passage, body = moved.passage, moved.applied.event.body
    record = _record_of(moved)
    if record is None or not isinstance(body, ArrivalRecorded):
        return
    if not body.seals_intact:
        _note(changes, moved, "F2.seals", 0, (), evidence=(moved.event, passage.issue))
    # Whether a certificate that is valid for export was late is not known before the confirmation
    # says when the shipment left.
    if record.expiry is ExpiryMeaning.JOURNEY or passage.exported_on:
        _watch_expiry(moved, changes, body.arrived_on)
    _watch_notice(moved, changes, body.arrived_on)


def _watch_expiry(moved: Moved, changes: IndexChanges, day: str) -> None:
    passage, record = moved.passage, _record_of(moved)
    if record is None:
        return
    decisive = day
    if record.expiry is ExpiryMeaning.EXPORT_BY and passage.exported_on:
        decisive = passage.exported_on
    if moved.move is not Move.ARRIVED:
        seen_on_arrival = record.expiry is ExpiryMeaning.JOURNEY and passage.arrived_on
        if seen_on_arrival and passage.arrived_on > passage.expires_on:
            return
    days = days_between(passage.expires_on, decisive)
    if days > 0:
        evidence = (passage.issue, passage.arrival, moved.event)
        words = (passage.expires_on, decisive, str(days))
        _note(changes, moved, "F9.expired", days, words, evidence=evidence)


def _watch_notice(moved: Moved, changes: IndexChanges, day: str) -> None:
    passage = moved.passage
    if not passage.notice and policy_of(moved.applied, passage.issuer).notice_expected:
        _note(changes, moved, "F9.notice", 1, (day,), evidence=(passage.issue, moved.event))


def _watch_confirming(moved: Moved, changes: IndexChanges) -> None:
    passage, recorded = moved.passage, day_of(moved.applied.time_ms)
    there = passage.arrived_on or passage.received_on
    limit = policy_of(moved.applied, passage.destination).confirm_within_days
    taken = working_days(there, recorded)
    if taken > limit:
        words = (there, recorded, str(taken), str(limit))
        evidence = (passage.issue, passage.arrival, moved.event)
        _note(changes, moved, "F9.late", taken - limit, words, evidence=evidence)
    if not passage.arrived_on:
        _watch_notice(moved, changes, passage.received_on)


def _watch_presenting(moved: Moved, changes: IndexChanges) -> None:
    passage = moved.passage
    key = participant_key(passage.issuer)
    issuer = read_record(moved.applied.state, key, ParticipantRecord)
    standing = issuer.standing_at(moved.applied.time_ms) if issuer is not None else None
    if standing is not None and standing is not Standing.ACTIVE:
        words = (passage.issuer, standing, passage.issued_on)
        _note(changes, moved, "F10.presented", 0, words, evidence=(passage.issue, moved.event))


def _watch_again(moved: Moved, changes: IndexChanges) -> None:
    passage = moved.passage
    kind = "again" if passage.received_on else "dead"
    where = moved.applied.event.header.author.participant
    words = (where, passage.ended.replace("_", " "), passage.received_on)
    evidence = (passage.issue, passage.ending, moved.event)
    _note(changes, moved, f"F8.{kind}", 1, words, evidence=evidence)


def policy_of(applied: Applied, code: str | None) -> Policy:
    """Give the policy in force when an event was recorded."""
    network = read_record(applied.state, policy_key(None), PolicyRecord)
    own = None if code is None else read_record(applied.state, policy_key(code), PolicyRecord)
    return Policy() if network is None else resolve_policy(network, own, applied.time_ms)


def _record_of(moved: Moved) -> CertificateRecord | None:
    key = certificate_key(moved.passage.number)
    return read_record(moved.applied.state, key, CertificateRecord)


def _note(
    changes: IndexChanges,
    moved: Moved,
    kind: str,
    measure: int,
    words: tuple[str, ...],
    *,
    evidence: tuple[bytes, ...],
    extents: tuple[int, ...] = (),
) -> None:
    passage: Passage = moved.passage
    issued = moved.move is Move.ISSUED
    day = passage.issued_on if issued else day_of(moved.applied.time_ms)
    seen = Observation(
        kind=kind,
        subject=passage.number,
        participant=passage.issuer,
        partner=passage.destination,
        measure=measure,
        extents=extents,
        words=words,
        evidence=evidence,
    )
    observe(changes, moved.applied, day, seen)


def _percent(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm % 10_000 // 100:02d} %"


def _price(milli_cents: int) -> str:
    return format_usd(milli_cents // 1_000)
