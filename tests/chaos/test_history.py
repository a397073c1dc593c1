"""A history in a file is the history that was kept."""

from pathlib import Path

from lab.chaos.history import (
    History,
    Note,
    Outcome,
    Place,
    Read,
    Record,
    Submission,
    load_history,
    reads,
    submissions,
)

RECORDS: list[Record] = [
    Note(at_s=1.5, what="kill_leader", detail="bw-1"),
    Submission(
        client="one",
        node="bw-1",
        event="a",
        invoked_s=2.0,
        returned_s=2.5,
        outcome=Outcome.OK,
        place=Place(7, 3),
    ),
    Read(
        client="one",
        node="bw-1",
        event="a",
        linearizable=True,
        invoked_s=3.0,
        returned_s=3.5,
        outcome=Outcome.UNKNOWN,
        detail="503",
    ),
]


def test_file_gives_back_what_was_kept(tmp_path: Path) -> None:
    heard: list[Record] = []
    file = tmp_path / "history.jsonl"
    with file.open("wb") as stream:
        history = History(stream)
        history.listeners.append(heard.append)
        for record in RECORDS:
            history.add(record)
    assert load_history(file) == history.records == heard == RECORDS


def test_reads_without_an_answer_are_left_out() -> None:
    assert submissions(RECORDS) == [RECORDS[1]]
    assert reads(RECORDS) == []
