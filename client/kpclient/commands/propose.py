"""What ``kpledger propose`` works out: the rest is in ``statements.toml``."""

from typing import Annotated

import msgspec
import typer

from kpclient.errors import UsageError
from kpclient.statements.lookup import NotFoundError, find_certificate
from kpclient.statements.statement import Draft, prepares
from kpledger.base.ids import KPCS

_Under = Annotated[
    str, typer.Option("--under", metavar="CODE/NAME", help="The restriction, such as CF/zones.")
]


@prepares("decision")
def object_nobody(draft: Draft) -> None:
    """Decide by consensus: nobody objected."""
    draft.fields["objections"] = []


@prepares("approve")
def weigh_approval(draft: Draft, *, under: _Under) -> None:
    """Name the restriction, and approve the weight that was issued where none is given."""
    _name_restriction(draft, under)
    if "carats" in draft.fields:
        return
    number = str(draft.fields["number"])
    try:
        record = find_certificate(draft.session, number)
    except NotFoundError:
        problem = f"{number} is not issued yet, so its weight is not known"
        raise UsageError("--carats", problem, "up to how much may be issued") from None
    draft.fields["carat_thousandths"] = record.carat_thousandths


@prepares("decline")
def name_restriction(draft: Draft, *, under: _Under) -> None:
    """Name the restriction."""
    _name_restriction(draft, under)


@prepares("policy")
def read_settings(
    draft: Draft,
    *,
    settle: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A value; see `kpledger make policy_set --fields`."
        ),
    ],
) -> None:
    """Read the values that are settled."""
    if draft.fields["participant"] == KPCS:
        draft.fields["participant"] = None
    given = dict(_read_value(one) for one in settle)
    draft.fields["values"] = given
    draft.names |= {f"values.{name}": f"--set {name}" for name in given}


def _read_value(text: str) -> tuple[str, object]:
    """Read ``officers=2``, ``strict_lineage=true``, ``expiry=JOURNEY`` or ``vigilance=CF,VE``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("--set", f"{text!r} has no value", "NAME=VALUE, such as officers=2")
    if name == "vigilance":
        return name, sorted(filter(None, value.split(",")))
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _name_restriction(draft: Draft, text: str) -> None:
    participant, slash, name = text.partition("/")
    if not slash:
        raise UsageError("--under", f"{text!r} names no restriction", "CODE/NAME, such as CF/zones")
    draft.fields |= {"participant": participant, "restriction": name}
    draft.names |= {"participant": "--under", "restriction": "--under"}
