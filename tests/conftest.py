"""What tests share: how examples are drawn, what is built once, where the laboratory is found."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from typer.main import get_command

# A verdict may not depend on how busy the machine is. Under CI=1 hypothesis's default profile is
# already derandomized, so that a failure there repeats everywhere.
settings.register_profile(
    "kpledger",
    parent=settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("kpledger")


@pytest.fixture(scope="session", autouse=True)
def _commands_built_once() -> Iterator[None]:
    """Keep the commands that typer builds: for each run anew takes longer than what they do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(get_command))
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has verified is not remembered in another one, nor at the developer's."""
    monkeypatch.setenv("KPLEDGER_HOME", str(tmp_path / ".kpledger"))


# Programs that tests start import the laboratory as the tests do.
os.environ["PYTHONPATH"] = str(Path(__file__).parent)
