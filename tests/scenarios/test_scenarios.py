"""Every file beside this one is the story of a bug that some system had, and this one has not."""

from pathlib import Path

import pytest
from lab.stories.script import run_script

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story(story: Path) -> None:
    assert run_script(story.read_text(encoding="utf-8"), story.name) > 0


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story_begins_with_what_happened(story: Path) -> None:
    assert story.read_text(encoding="utf-8").startswith(f"# B{int(story.stem[1:3])}: ")
