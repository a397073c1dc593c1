"""Every story can fail: known bugs are planted in the core, and the story of each notices.

The bugs are those of the simulator. What it plants outside the core and its disk, in the machine or
in the driver, no story can see.
"""

from pathlib import Path

import pytest
from lab.planted import PLANTED
from lab.stories.script import ScriptError, run_script

HERE = Path(__file__).parent

CAUGHT_BY = {
    "ack-before-save": "b02",
    "ack-beyond-verified": "b32",
    "ack-of-older-term": "b35",
    "change-active-at-commit": "b27",
    "change-before-term-opens": "b51",
    "change-not-rolled-back": "b57",
    "commit-at-start": "b42",
    "commit-from-nack": "b34",
    "commit-of-older-term": "b30",
    "follower-commits-unverified": "b33",
    "heartbeat-commits-all": "b36",
    "leader-counts-unsaved": "b02",
    "lost-window": "b38",
    "match-of-older-term": "b35",
    "nack-moves-match": "b34",
    "no-check-quorum": "b22",
    "no-joint-quorum": "b53",
    "no-log-match": "b30",
    "no-stickiness": "b25",
    "persisted-without-term": "b40",
    "pre-vote-raises-term": "b19",
    "pre-vote-resets-timer": "b19",
    "read-before-term-opens": "b42",
    "read-round-reused": "b43_read_needs_a_round",
    "read-without-round": "b28",
    "removed-leader-leaves-early": "b55",
    "second-change-pending": "b52",
    "transfer-never-ends": "b62",
    "transfer-to-laggard": "b63",
    "truncation-without-conflict": "b31",
    "union-quorum": "b23",
    "vote-for-any-log": "b18",
    "vote-forgotten-at-restart": "b01",
    "vote-forgotten-on-step-down": "b15",
    "vote-not-saved": "b01",
    "votes-counted-twice": "b16",
}


@pytest.mark.parametrize("bug", CAUGHT_BY)
def test_story_notices(bug: str) -> None:
    (story,) = HERE.glob(f"{CAUGHT_BY[bug]}*.txt")
    with pytest.raises(ScriptError):
        run_script(story.read_text(encoding="utf-8"), story.name, bug=PLANTED[bug])
