"""What an issuer does with a certificate, from its issue to its end.

``kpledger issue``, ``replace``, ``validate``, ``notify``, ``amend``, ``void``, ``return-unused``;
and ``lost`` and ``found``, which the destination may say as well.
"""

from operator import attrgetter
from pathlib import Path
from typing import Annotated, Final

import typer

from kpclient.clock import now_ms
from kpclient.errors import UsageError
from kpclient.input.documents import load_document
from kpclient.input.field_options import ON, REMARKS, FieldOption
from kpclient.input.forms import read_struct
from kpclient.statements.statement import NUMBER, Draft, statement
from kpledger.scheme.v1.events.certificate import (
    AmendmentEndorsed,
    Certificate,
    CertificateFound,
    CertificateIssued,
    CertificateKind,
    CertificateLost,
    CertificateReplaced,
    CertificateReturnedUnused,
    CertificateValidated,
    CertificateVoided,
    ExportNotified,
)

app = typer.Typer()


def _given(name: str = "", words: str = "", note: str = "") -> FieldOption:
    # A draft in a file may take the place of every option.
    return FieldOption(name=name, help=words, note=note, optional=True)


_CERTIFICATE: Final = {
    "certificate.number": _given("--number", "The certificate's number, such as BW00001234."),
    "certificate.destination": _given(),
    "certificate.lines[0].hs": _given("--hs", "The HS code."),
    "certificate.lines[0].carat_thousandths": _given("--carats", "The weight, such as 12.345."),
    "certificate.lines[0].value_usd_cents": _given("--value", "The value, such as 1234.50."),
    "certificate.parcels": _given(note="[default: 1]"),
    "certificate.origin.countries": FieldOption(
        name="--origin",
        metavar="CODE",
        help="A country of origin, such as BW; several, or none: mixed.",
        written="certificate.origin",
    ),
    **{
        f"certificate.{party}.{field}": _given(f"--{party}-{field}", words)
        for party in ("exporter", "importer")
        for field, words in (
            ("name", f"The {party}'s name."),
            ("address", f"The {party}'s address."),
            ("licence", f"The {party}'s licence number, if any."),
        )
    },
    "certificate.issued_on": _given(note="[default: today, UTC]"),
    "certificate.expires_on": _given(note="[default: 60 days later]"),
    "certificate.seals": FieldOption(name="--seal", help="The number of a seal; repeated."),
    "certificate.remarks": _given(words="Remarks in words."),
}
"""The options of a certificate with one line."""

_DraftFile = Annotated[
    Path | None,
    typer.Option("--draft", metavar="FILE", help="A draft in JSON or TOML instead of options."),
]
_Source = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="NUMBER=CARATS",
        help="What it re-exports, such as IN00000007=12.345; repeated.",
    ),
]
_Technical = Annotated[
    str,
    typer.Option(
        "--technical", metavar="NUMBER|CASE", help="The certificate or case whose goods it moves."
    ),
]
_Unvalidated = Annotated[
    bool, typer.Option("--unvalidated", help="It will be validated later (`validate`).")
]


@statement(
    app,
    "issue",
    CertificateIssued,
    example="kpledger issue --key gaborone --draft parcel.toml",
    options=_CERTIFICATE,
)
def issue(
    draft: Draft,
    *,
    file: _DraftFile = None,
    source: _Source = None,
    technical: _Technical = "",
    unvalidated: _Unvalidated = False,
) -> None:
    """Issue and validate a certificate."""
    draft.names["subject"] = "--number"
    draft.subject = _draw_up(draft, file, source or [], technical, validated=not unvalidated)


@statement(
    app,
    "replace",
    CertificateReplaced,
    about=("NUMBER", "The certificate to replace."),
    example="kpledger replace BW00000042 --reason ERROR --draft better.toml --key gaborone",
    options={"reason": FieldOption()} | _CERTIFICATE,
)
def replace(
    draft: Draft,
    *,
    file: _DraftFile = None,
    source: _Source = None,
    technical: _Technical = "",
    unvalidated: _Unvalidated = False,
) -> None:
    """Put a new certificate in the place of one."""
    _draw_up(draft, file, source or [], technical, validated=not unvalidated)


def _draw_up(
    draft: Draft, file: Path | None, sources: list[str], technical: str, *, validated: bool
) -> str:
    """Complete the certificate by what is no field of it, or take it from a file; give its number.

    Raises:
        UsageError: both a file and options.
        MalformedError: it cannot be understood; names the field.
    """
    said = draft.fields.get("certificate", {})
    plain = dict(said) if isinstance(said, dict) else {}
    if file is not None:
        if "number" in plain:
            raise UsageError("--number", "there is a --draft too", "a file, or options")
        draft.names = {name: one for name, one in draft.names.items() if "certificate" not in name}
        plain = load_document(file)
    else:
        draft.names |= {"certificate.carat_thousandths": "--carats"}
        draft.names |= {"certificate.value_usd_cents": "--value"}
        if sources:
            pairs = [one.partition("=") for one in sources]
            plain["sources"] = [{"number": one, "carats": carats} for one, _, carats in pairs]
            draft.names["certificate.sources"] = "--source"
        if technical:
            plain |= {"kind": CertificateKind.TECHNICAL.value, "case": technical}
            draft.names["certificate.case"] = "--technical"
        if not validated:
            plain["validated_at"] = None
    place = "" if file is not None else "certificate"
    certificate = read_struct(Certificate, plain, within=place)
    draft.fields["certificate"] = certificate
    return certificate.number


@statement(
    app,
    "validate",
    CertificateValidated,
    about=NUMBER,
    example="kpledger validate BW00000042 --seal A-17 --key gaborone",
    options={
        "validated_at": None,
        "seals": FieldOption(name="--seal", help="The number of a seal; repeated."),
    },
)
def validate(draft: Draft) -> None:
    """Validate a certificate that was issued without it."""
    draft.fields["validated_at"] = now_ms()


@statement(
    app,
    "notify",
    ExportNotified,
    about=NUMBER,
    example='kpledger notify BW00000042 --carrier "Air Cargo" --waybill 083-1234 --key gaborone',
    options={
        "transport_document": FieldOption(name="--waybill"),
        "exported_on": ON,
        "transit": FieldOption(name="--transit", metavar="CODE", help="It passes; repeated."),
    },
)
def notify(_: Draft) -> None:
    """Announce to the destination that a shipment leaves."""


@statement(
    app,
    "amend",
    AmendmentEndorsed,
    about=NUMBER,
    example="kpledger amend BW00000042 --field importer.name --new Bijoux"
    ' --reason "typing error" --key gaborone --cosign antwerp',
    options={
        "field": FieldOption(help="What is misspelt."),
        "old": None,
        "reason": FieldOption(help="Why, and who asked for it."),
    },
)
def amend(draft: Draft) -> None:
    """Correct a typing error; once the goods have arrived, the destination signs too."""
    record = draft.find_certificate()
    draft.fields["old"] = str(attrgetter(str(draft.fields["field"]))(record))


@statement(
    app,
    "void",
    CertificateVoided,
    about=NUMBER,
    example="kpledger void BW00000042 --reason NOT_EXPORTED --key gaborone",
    options={"remarks": REMARKS},
)
def void(_: Draft) -> None:
    """Take a certificate back."""


@statement(
    app,
    "return-unused",
    CertificateReturnedUnused,
    about=NUMBER,
    example="kpledger return-unused BW00000042 --key gaborone",
    options={"returned_on": ON},
)
def return_unused(_: Draft) -> None:
    """Record that a certificate came back that was never used."""


@statement(
    app,
    "lost",
    CertificateLost,
    about=NUMBER,
    example='kpledger lost BW00000042 --circumstances "robbed" --key gaborone',
)
def lost(_: Draft) -> None:
    """Report a certificate as lost; its issuer or its destination does."""


@statement(
    app,
    "found",
    CertificateFound,
    about=NUMBER,
    example='kpledger found BW00000042 --circumstances "mail" --key gaborone',
)
def found(_: Draft) -> None:
    """Report that a lost certificate was found."""
