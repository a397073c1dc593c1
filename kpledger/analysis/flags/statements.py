"""Statements: what is seen at an event whatever it is about, and written down as an observation."""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.flags.finding import Observation
from kpledger.analysis.flags.indexes.serials import find_range
from kpledger.analysis.flags.indexes.submissions import PRODUCTION, Figures, Reported
from kpledger.analysis.flags.observations import observe
from kpledger.analysis.flags.passages import read_passage
from kpledger.analysis.flags.periods import days_between
from kpledger.analysis.flags.words import REPORTS
from kpledger.analysis.index import IndexChanges
from kpledger.base.units import day_of, format_carats, format_usd
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateReplaced
from kpledger.scheme.v1.events.importing import SuspectReported

_BACK_DATED_FLOOR: Final = 2
_RESTATED_PPM_FLOOR: Final = 10_000


def watch_statement(applied: Applied, changes: IndexChanges) -> None:
    """See what one event shows."""
    _watch_dates(applied, changes)
    if isinstance(applied.event.body, SuspectReported):
        _watch_suspect(applied, changes, applied.event.body)


def watch_edition(
    applied: Applied,
    changes: IndexChanges,
    edition: tuple[str, str, Reported, Reported | None],
) -> None:
    """F14: a later edition changes a total."""
    series, period, reported, before = edition
    if before is None:
        return
    ppm = reported.total.change_ppm(before.total)
    if ppm >= _RESTATED_PPM_FLOOR:
        old, new = before.total, reported.total
        changed = ", ".join(_changes(series, old, new))
        words = (REPORTS[series], period, str(before.edition), str(reported.edition), changed)
        evidence = (before.event, reported.event)
        _note(applied, changes, "F14.restated", ppm, words, evidence=evidence)


def _changes(series: str, old: Figures, new: Figures) -> Iterator[str]:
    mined = series == PRODUCTION
    for what, before, after, show in (
        ("ct mined" if mined else "ct exported", old.out_carats, new.out_carats, format_carats),
        ("US$ mined" if mined else "US$ exported", old.out_value, new.out_value, format_usd),
        ("ct imported", old.in_carats, new.in_carats, format_carats),
        ("US$ imported", old.in_value, new.in_value, format_usd),
        ("certificates issued", old.issued, new.issued, str),
        ("certificates received", old.received, new.received, str),
    ):
        if before != after:
            yield f"{show(before)} became {show(after)} {what}"


def _watch_dates(applied: Applied, changes: IndexChanges) -> None:
    header, recorded = applied.event.header, day_of(applied.time_ms)
    stated = day_of(header.occurred_at)
    if isinstance(applied.event.body, CertificateIssued | CertificateReplaced):
        stated = min(stated, applied.event.body.certificate.issued_on)
    days = days_between(stated, recorded)
    if days >= _BACK_DATED_FLOOR:
        words = (header.type.replace("_", " "), stated, recorded, str(days))
        evidence = (applied.event.event_id,)
        _note(applied, changes, "F16.dated", days, words, evidence=evidence)


def _watch_suspect(applied: Applied, changes: IndexChanges, body: SuspectReported) -> None:
    number = "".join(one for one in body.claimed_number.upper() if one.isalnum() or one == "-")
    if not number:
        return
    before = read_passage(changes, number)
    reporter = applied.event.header.author.participant
    seen = Observation(
        kind="F7.never",
        subject=number,
        participant=body.claimed_issuer,
        partner=reporter,
        measure=1,
        extents=(),
        words=(reporter, number, body.claimed_issuer),
        evidence=(applied.event.event_id,),
    )
    if before is None:
        allotted = find_range(applied.state, body.claimed_issuer, number)
        run, day = allotted.range if allotted is not None else None, body.claimed_issue or ""
        if run is not None and day and not run.use_from <= day <= run.use_until:
            words = (reporter, number, day, run.use_from, run.use_until)
            seen = msgspec.structs.replace(seen, kind="F7.year", words=words)
        elif run is None:
            seen = msgspec.structs.replace(seen, kind="F7.outside")
    elif before.ended:
        seen = msgspec.structs.replace(
            seen,
            kind="F8.suspect",
            words=(reporter, before.ended.replace("_", " "), before.received_on),
            evidence=(before.issue, before.ending, *seen.evidence),
        )
    else:
        # The certificate is in force: whether the paper is the right one is for the verdict.
        return
    observe(changes, applied, day_of(applied.time_ms), seen)


def _note(
    applied: Applied,
    changes: IndexChanges,
    kind: str,
    measure: int,
    words: tuple[str, ...],
    *,
    evidence: tuple[bytes, ...],
) -> None:
    header = applied.event.header
    seen = Observation(
        kind=kind,
        subject=header.subject,
        participant=header.author.participant,
        partner="",
        measure=measure,
        extents=(),
        words=words,
        evidence=evidence,
    )
    observe(changes, applied, day_of(applied.time_ms), seen)
