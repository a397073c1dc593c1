"""A typing error: corrected without sending the parcel back.

Importers asked for it, and India lets its office endorse a correction on the word of the issuing
authority. Here: until the goods arrive the issuer corrects it alone; from then on the destination
has to sign as well; and once the import is confirmed nothing is corrected any more. Goods, origin
and destination are no typing errors.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        # It must say what stands there now.
        ("amendment_endorsed", "LS00000001", "E5", "body.old"),
        # The destination alone does not correct it.
        ("amendment_endorsed", "LS00000001", "E2", "author"),
        # A weight is no typing error: there is no such event.
        ("amendment_endorsed", "LS00000001", "", "body.field"),
        # After the arrival the issuer alone does not correct it either.
        ("amendment_endorsed", "LS00000001", "E1", "signatures"),
        # After the confirmation nobody does.
        ("amendment_endorsed", "LS00000001", "E6", "type"),
    ]


@pytest.mark.usefixtures("refused")
def test_the_certificate_says_what_it_should(town: Town) -> None:
    certificate = town.certificate("LS00000001")
    importer = certificate["importer"]
    assert isinstance(importer, dict)
    assert (importer["address"], certificate["parcels"]) == ("Mumbai", 3)
    assert town.state("LS00000001") == "CONFIRMED amended"


@pytest.mark.usefixtures("refused")
def test_who_signed_what(town: Town) -> None:
    amended = [one for one in town.events("LS00000001") if one["type"] == "amendment_endorsed"]
    found = [(_field(one), _signers(one)) for one in amended]
    assert found == [("importer.address", 1), ("parcels", 2)]


def _field(event: dict[str, object]) -> object:
    body = event["body"]
    assert isinstance(body, dict)
    return body["field"]


def _signers(event: dict[str, object]) -> int:
    signers = event["signers"]
    assert isinstance(signers, list)
    return len(signers)
