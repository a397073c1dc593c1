"""``kpledger propose``: what the scheme decides, restricts, lets pass and leaves open."""

from typing import Annotated, Final

import msgspec
import typer

from kpclient.clock import now_ms
from kpclient.commands.propose import CODE
from kpclient.errors import UsageError
from kpclient.input.field_options import DOCUMENT, FROM, ON, PHOTOS, FieldOption
from kpclient.statements.lookup import NotFoundError, find_certificate
from kpclient.statements.statement import Draft, statement
from kpledger.base.ids import KPCS
from kpledger.scheme.v1.events.decisions import DecisionRecorded, PolicySet
from kpledger.scheme.v1.events.restrictions import (
    RestrictionLifted,
    RestrictionSet,
    ShipmentApproved,
    ShipmentDeclined,
)

app = typer.Typer()

_SOON_MS: Final = 60_000
"""How much later than now policy holds that is to hold at once: never before it is recorded."""

_NAME: Final = FieldOption(name="NAME", help="What the restriction is called.")
_NUMBER: Final = FieldOption(name="NUMBER", help="The certificate, such as BW00001234.")
_UNNAMED: Final[dict[str, FieldOption | None]] = {"restriction": None, "participant": None}
_Under = Annotated[
    str, typer.Option("--under", metavar="CODE/NAME", help="The restriction, such as CF/zones.")
]


@statement(
    app,
    "decision",
    DecisionRecorded,
    example='kpledger propose decision AD-2026-1 --title "Zones" --document ad.pdf'
    " --procedure PLENARY --support BW --support ZA --key chair",
    options={
        "decision": FieldOption(name="ID", help="What it is called, such as AD-2026-1."),
        "document": DOCUMENT,
        "decided_on": ON,
        "supports": FieldOption(metavar="CODE", help="Who supported it; repeated.", ordered=True),
        "objections": None,
        "ratifies": FieldOption(
            name="--ratify",
            metavar="EVENT-ID",
            help="An interim measure that it makes lasting; repeated.",
            ordered=True,
        ),
    },
)
def decision(draft: Draft) -> None:
    """Record a decision of the scheme to which nobody objected."""
    draft.fields["objections"] = []


@statement(
    app,
    "restriction",
    RestrictionSet,
    example="kpledger propose restriction CF zones --scope ORIGIN --mode PRE --zone CF/berberati"
    " --approver KPCS/car-team --decision AD-2026-1 --key chair",
    options={
        "participant": CODE,
        "restriction": _NAME,
        "zones": FieldOption(
            metavar="CODE/NAME",
            help="An allowed zone, such as CF/berberati; repeated.",
            ordered=True,
        ),
        "approver": FieldOption(help="Who approves, with PRE and POST; such as KPCS/car-team."),
        "effective_from": FROM,
        "effective_until": FieldOption(
            name="--until", help="The first day on which it no longer holds. [default: none]"
        ),
    },
)
def restriction(_: Draft) -> None:
    """Restrict a participant's trade."""


@statement(
    app,
    "lift",
    RestrictionLifted,
    example="kpledger propose lift CF zones --decision AD-2026-2 --key chair",
    options={"participant": CODE, "restriction": _NAME, "effective_from": FROM},
)
def lift(_: Draft) -> None:
    """End a restriction."""


@statement(
    app,
    "approve",
    ShipmentApproved,
    example="kpledger propose approve CF00000042 --under CF/zones --carats 12.345"
    " --reference 2026-17 --key car-team",
    options=_UNNAMED
    | {
        "number": _NUMBER,
        "carat_thousandths": FieldOption(note="[default: as issued]", optional=True),
        "photos": PHOTOS,
    },
)
def approve(draft: Draft, *, under: _Under) -> None:
    """Let a shipment pass under a restriction, before or after its issue."""
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


@statement(
    app,
    "decline",
    ShipmentDeclined,
    example='kpledger propose decline CF00000042 --under CF/zones --reason "zone" --key car-team',
    options=_UNNAMED | {"number": _NUMBER},
)
def decline(draft: Draft, *, under: _Under) -> None:
    """Do not let a shipment pass under a restriction."""
    _name_restriction(draft, under)


@statement(
    app,
    "policy",
    PolicySet,
    example="kpledger propose policy BW --set max_validity_months=2 --set officers=2 --key bw-root",
    options={
        "participant": FieldOption(name="CODE|KPCS", help="For whom."),
        "effective_from": FieldOption(
            name="--from",
            note="[default: a minute from now]",
            fill=lambda: now_ms() + _SOON_MS,
        ),
        "decision": FieldOption(help="The recorded decision, with KPCS only."),
    },
)
def policy(
    draft: Draft,
    *,
    settle: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A value; see `kpledger make policy_set --fields`."
        ),
    ],
) -> None:
    """Settle what the scheme leaves open, for it or for a participant."""
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
