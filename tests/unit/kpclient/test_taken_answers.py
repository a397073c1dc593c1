"""What is over a quota waits, with all that may rest on it; what is missing of a record is told."""

from typing import Final

import pytest
from founding import make_event, public_hex

from kpclient.statements.sending import take_answers
from kpledger.api.answers import (
    CommittedAnswer,
    Problem,
    RefusedAnswer,
    SubmitAnswer,
    UnavailableAnswer,
)
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.events.life import NoteFiled

NOTE: Final = NoteFiled(text="Seen.", references=(), document=None)
EVENTS: Final = tuple(
    decode_envelope(make_event("BW/root", NOTE, subject="BW", signers=signers, nonce=nonce))
    for nonce, signers in enumerate([("BW/root",), ("BW/root",), ("BW/root", "ZA/root")])
)


def _committed(place: int, *signers: str) -> CommittedAnswer:
    return CommittedAnswer(
        id=EVENTS[place].event_id.hex(),
        height=2,
        index=place,
        block_time_ms=1,
        duplicate=False,
        signers=tuple(sorted(map(public_hex, signers))),
    )


def _refused(place: int, rule: str) -> RefusedAnswer:
    problem = Problem(
        type="about:blank", title="", status=422, detail="no", rule=rule, accepted="2026 on"
    )
    return RefusedAnswer(id=EVENTS[place].event_id.hex(), problem=problem)


@pytest.mark.parametrize(
    ("answers", "open_places"),
    [
        ([_committed(0), _refused(1, "E6"), _refused(2, "E3")], []),
        ([_committed(0), _refused(1, "E15"), _committed(2, "BW/root", "ZA/root")], [1]),
        ([_refused(0, "E15"), _refused(1, "E6"), _refused(2, "E6")], [0, 1, 2]),
        ([_refused(0, "E6"), _refused(1, "E15"), _refused(2, "E6")], [1, 2]),
    ],
)
def test_what_is_over_a_quota_is_left_open_with_what_came_after_it(
    answers: list[SubmitAnswer], open_places: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    taken = take_answers(EVENTS, answers)
    found = [place for place, one in enumerate(taken) if isinstance(one, UnavailableAnswer)]
    assert found == open_places
    assert ("no; accepted: 2026 on" in capsys.readouterr().err) is bool(open_places)


def test_a_signature_that_is_not_recorded_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [_committed(0, "BW/root"), _committed(1), _committed(2, "BW/root")]
    take_answers(EVENTS, answers)
    (line,) = capsys.readouterr().err.splitlines()
    event_id = EVENTS[2].event_id.hex()
    assert line == (
        f"event {event_id} was recorded before, without the signature by key"
        f" {public_hex('ZA/root')}; to add it: kpledger countersign {event_id} --key NAME"
    )
