"""Bodies of events as people write them."""

import pytest

from kpclient.input.bodies import read_body_draft
from kpledger.base.errors import MalformedError
from kpledger.scheme.v1.events.life import ConcernRaised

CONCERN = {"participant": "ZA", "text": "Seals."}


def test_a_field_that_may_be_null_may_be_left_out() -> None:
    """TOML has no null."""
    said = read_body_draft("concern_raised", CONCERN | {"document": None, "answer_due_on": None})
    assert isinstance(said, ConcernRaised)
    assert read_body_draft("concern_raised", CONCERN) == said


def test_a_field_that_is_needed_is_missed() -> None:
    with pytest.raises(MalformedError, match=r"body\.text: nothing stands there"):
        read_body_draft("concern_raised", {**CONCERN, "text": None})
