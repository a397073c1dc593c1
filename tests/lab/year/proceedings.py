"""The year's other proceedings: reviews, concerns, questions about statistics, notes, a new key."""

from functools import partial
from random import Random
from typing import Final

from lab.year.days import YEAR, at
from lab.year.office import REMARK
from lab.year.participants import STATISTICS, WORKING_GROUP
from lab.year.scheme import document
from lab.year.signer import Signer
from lab.year.timeline import Timeline

from kpledger.base.units import DAY_MS, day_of
from kpledger.scheme.v1.events.governance import KeyRotated
from kpledger.scheme.v1.events.importing import SuspectJudged, Verdict
from kpledger.scheme.v1.events.life import (
    ConcernAnswered,
    ConcernClosed,
    ConcernRaised,
    FollowUpStatus,
    NoteFiled,
    Recommendation,
    RecommendationFollowedUp,
    ReviewCarriedOut,
    ReviewConsented,
    ReviewKind,
    ReviewReported,
    ReviewRequested,
)
from kpledger.scheme.v1.events.statistics import AnomalyAnswered, AnomalyQuestioned, Series
from kpledger.scheme.v1.subjects import Subject, subject_under

_QUESTIONED: Final = ("AO", "CD", "SL", "ZW")
_REVIEWED: Final = {"BW": f"{YEAR}-04-04", "ZW": f"{YEAR}-08-01"}
_VERDICT_DAYS: Final = (5, 30)


def judge(
    timeline: Timeline, signer: Signer, chance: Random, subject: str, issuer: str | None
) -> None:
    """Let the claimed issuer call a paper a fake some days later; the Chair, for a stranger's."""
    body = SuspectJudged(verdict=Verdict.FAKE, remarks=REMARK)
    later = chance.randint(*_VERDICT_DAYS) * DAY_MS
    if issuer is None:
        timeline.after(later, partial(signer.chair_follows, subject, body))
    else:
        timeline.after(later, partial(signer.root_follows, issuer, subject, body))


class Proceedings:
    """Makes the appointments of what the scheme does in several steps."""

    def __init__(self, signer: Signer, timeline: Timeline) -> None:
        """Act with the signer of all."""
        self._signer = signer
        self._timeline = timeline

    def schedule(self, *, repeats: bool) -> None:
        """Make every appointment."""
        for code, day in _REVIEWED.items():
            self._review(code, at(day))
        self._raise_concern()
        for number, code in enumerate(_QUESTIONED, start=1):
            self._question(code, at(f"{YEAR}-09-05") + number * DAY_MS)
        self._timeline.at(at(f"{YEAR}-05-03"), self._file_note)
        if not repeats:
            self._timeline.at(at(f"{YEAR}-07-04"), self._rotate_key)

    def _review(self, code: str, begin_ms: int) -> None:
        subject = subject_under(code, Subject.REVIEW, f"{YEAR}-1")
        signer, at_ = self._signer, self._timeline.at
        requested = ReviewRequested(participant=code, kind=ReviewKind.VISIT, reason=REMARK)
        at_(begin_ms, partial(signer.root_follows, code, subject, requested))
        consented = ReviewConsented(consented=True, remarks=REMARK)
        at_(begin_ms + DAY_MS, partial(signer.root_follows, code, subject, consented))
        carried_out = ReviewCarriedOut(
            from_day=day_of(begin_ms + 20 * DAY_MS),
            until_day=day_of(begin_ms + 25 * DAY_MS),
            team=("EU", "US", "ZA"),
        )
        at_(begin_ms + 26 * DAY_MS, partial(signer.chair_follows, subject, carried_out))
        reported = ReviewReported(
            document=document(f"review {code}"),
            recommendations=(
                Recommendation(
                    name="registers", text=REMARK, due_on=day_of(begin_ms + 90 * DAY_MS)
                ),
            ),
        )
        at_(begin_ms + 44 * DAY_MS, partial(signer.chair_follows, subject, reported))
        followed = RecommendationFollowedUp(
            name="registers", status=FollowUpStatus.DONE, text=REMARK, document=None
        )
        at_(begin_ms + 80 * DAY_MS, partial(signer.root_follows, code, subject, followed))

    def _raise_concern(self) -> None:
        subject = subject_under("CF", Subject.CONCERN, f"{YEAR}-1")
        signer, at_ = self._signer, self._timeline.at
        raised = ConcernRaised(
            participant="CF", text=REMARK, document=None, answer_due_on=f"{YEAR}-04-29"
        )
        at_(at(f"{YEAR}-03-15"), partial(signer.root_follows, "EU", subject, raised))
        answered = ConcernAnswered(text=REMARK, document=None)
        at_(at(f"{YEAR}-04-20"), partial(signer.root_follows, "CF", subject, answered))
        closed = ConcernClosed(text=REMARK)
        at_(at(f"{YEAR}-06-01"), partial(signer.chair_follows, subject, closed))

    def _question(self, code: str, begin_ms: int) -> None:
        """Ask about a half-year, as the working group on statistics does."""
        subject = subject_under(code, Subject.ANOMALY, f"{YEAR}-1")
        questioned = AnomalyQuestioned(
            participant=code,
            series=Series.PRODUCTION,
            period=f"{YEAR}H1",
            question=REMARK,
            answer_due_on=day_of(begin_ms + 30 * DAY_MS),
        )
        signer = self._signer
        self._timeline.at(
            begin_ms, partial(signer.scheme_follows, WORKING_GROUP, subject, questioned)
        )
        answered = AnomalyAnswered(answer=REMARK, document=None)
        self._timeline.at(
            begin_ms + 18 * DAY_MS,
            partial(signer.member_follows, code, STATISTICS, subject, answered),
        )

    def _file_note(self) -> None:
        body = NoteFiled(text=REMARK, references=(), document=document("note"))
        self._signer.scheme("csc", "CF", body)

    def _rotate_key(self) -> None:
        """Put a new key in the place of an office's old one."""
        label = "TH/diamond-office/1"
        old = self._signer.key_of(label).public_key
        new = self._signer.rotate(label).public_key
        body = KeyRotated(old=old, new=new, valid_from=0)
        self._signer.root("TH", old.hex(), body)
