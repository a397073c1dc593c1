"""What is said of the ledger, in the words of those who type commands."""

import pytest
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.input.wording import COMMANDS, tell_commands
from kpledger.scheme.v1.events import BODIES


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (
            "BW000001 is CONFIRMED, and no opening_withdrawn can follow",
            "BW000001 is CONFIRMED, and no `kpledger withdraw` can follow",
        ),
        ("arrival_recorded, shipment_detained", "`kpledger arrive`, `kpledger detain`"),
        ("import_confirmed, import_confirmed_discrepant", "`kpledger confirm`"),
        ("key_added", "`kpledger propose key`"),
        ("review_consented", "`kpledger make review_consented`"),
        ("no_such_event of BW/policy", "no_such_event of BW/policy"),
    ],
)
def test_a_refusal_names_commands_and_not_types_of_events(refused: str, told: str) -> None:
    assert tell_commands(refused) == told


def test_every_type_is_named_by_a_command_that_there_is() -> None:
    for name, _ in BODIES:
        command = tell_commands(name).strip("`").split()[1:]
        assert command == ["make", name] or " ".join(command) == COMMANDS[name]


@pytest.mark.parametrize("kind", ["arrival_recorded", "review_requested", "certificate_issued"])
def test_an_event_without_its_body_says_what_explains_it(kind: str) -> None:
    result = CliRunner().invoke(app, ["make", kind])
    assert result.exit_code == 2
    assert f"--body: {kind} says " in result.stderr
    assert f"`kpledger make {kind} --fields` explains them" in result.stderr
