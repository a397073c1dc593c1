"""Answers of nodes that no ledger can give: they are refused where they are read."""

import msgspec
import pytest
from scripted_node import STATUS

from kpclient.net.node_client import NodeUnreachableError, read_from
from kpledger.api.answers import StatusAnswer
from kpledger.api.decoding import read_answer
from kpledger.books.certificates import HistoryAnswer
from kpledger.books.subject import SubjectAnswer

SUBJECT: dict[str, object] = {
    "subject": "BW000001",
    "kind": "certificate",
    "state": "ISSUED",
    "head": "00" * 32,
    "record": None,
    "events": [],
}
ENTRY: dict[str, object] = {
    "id": "00" * 32,
    "type": "certificate_issued",
    "occurred_at": 0,
    "height": 1,
    "index": 0,
    "block_time_ms": 0,
    "suspect": False,
}


def read(answer: dict[str, object], kind: type[msgspec.Struct]) -> msgspec.Struct:
    content = msgspec.json.encode(answer)
    return read_from("the node", content, lambda text: read_answer(text, kind))


@pytest.mark.parametrize(
    "change",
    [
        {"head": "zz"},
        {"head": "00"},
        {"tree_root": "00" * 31 + " 0"},
        {"height": -1},
        {"tree_size": 2**60},
        {"block_time_ms": 2**60},
    ],
)
def test_a_status_that_no_ledger_can_have_is_not_believed(change: dict[str, object]) -> None:
    assert read(STATUS, StatusAnswer) == msgspec.convert(STATUS, StatusAnswer)
    with pytest.raises(NodeUnreachableError, match="cannot be understood"):
        read(STATUS | change, StatusAnswer)


@pytest.mark.parametrize("change", [{"head": "zz"}, {"events": ["zz"]}])
def test_the_id_of_an_event_is_a_digest(change: dict[str, object]) -> None:
    read(SUBJECT, SubjectAnswer)
    with pytest.raises(NodeUnreachableError, match="cannot be understood"):
        read(SUBJECT | change, SubjectAnswer)


def test_so_it_is_in_a_history() -> None:
    author = {"participant": "BW", "authority": "gaborone"}
    read({"events": [ENTRY | {"author": author}], "reports": []}, HistoryAnswer)
    with pytest.raises(NodeUnreachableError, match="cannot be understood"):
        read({"events": [ENTRY | {"author": author, "id": "zz"}], "reports": []}, HistoryAnswer)
