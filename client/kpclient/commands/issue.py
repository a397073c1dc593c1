"""``kpledger issue`` and ``replace``: certificates that an exporting authority draws up."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kpclient.clock import now_ms
from kpclient.errors import UsageError
from kpclient.input.drafts import load_draft, read_certificate_draft
from kpclient.input.options import StatementOptions, command
from kpclient.statements.statement import state
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    ReplacementReason,
)

app = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A certificate with one line, in options; or a file with any."""

    draft: Annotated[
        Path | None,
        typer.Option("--draft", metavar="FILE", help="A draft in JSON or TOML, instead of options"),
    ] = None
    number: Annotated[str, typer.Option("--number", metavar="NUMBER", help="As BW00001234")] = ""
    destination: Annotated[
        str, typer.Option("--destination", metavar="CODE", help="Participant, as IN")
    ] = ""
    hs: Annotated[str, typer.Option("--hs", metavar="HS", help="710210, 710221 or 710231")] = ""
    carats: Annotated[str, typer.Option("--carats", metavar="CARATS", help="Weight, as 12.345")] = (
        ""
    )
    value: Annotated[
        str, typer.Option("--value", metavar="USD", help="Value in US$, as 1234.50")
    ] = ""
    parcels: Annotated[int, typer.Option("--parcels", help="Number of parcels")] = 1
    origin: Annotated[
        list[str] | None,
        typer.Option("--origin", metavar="CODE", help="Country, as BW; several or none: mixed"),
    ] = None
    exporter_name: Annotated[str, typer.Option("--exporter-name", help="Who sends it")] = ""
    exporter_address: Annotated[str, typer.Option("--exporter-address", help="Its address")] = ""
    exporter_licence: Annotated[str, typer.Option("--exporter-licence", help="Number, if any")] = ""
    importer_name: Annotated[str, typer.Option("--importer-name", help="Who receives it")] = ""
    importer_address: Annotated[str, typer.Option("--importer-address", help="Its address")] = ""
    importer_licence: Annotated[str, typer.Option("--importer-licence", help="Number, if any")] = ""
    issued_on: Annotated[
        str, typer.Option("--issued-on", metavar="YYYY-MM-DD", help="[default: today, UTC]")
    ] = ""
    expires_on: Annotated[
        str, typer.Option("--expires-on", metavar="YYYY-MM-DD", help="[default: 60 days later]")
    ] = ""
    seal: Annotated[list[str] | None, typer.Option("--seal", help="Number; repeated")] = None
    remarks: Annotated[str, typer.Option("--remarks", help="In words")] = ""
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NUMBER=CARATS",
            help="What it re-exports, as IN00000007=12.345; repeated.",
        ),
    ] = None
    technical: Annotated[
        str, typer.Option("--technical", metavar="NUMBER|CASE", help="It moves the goods of this.")
    ] = ""
    unvalidated: Annotated[
        bool, typer.Option("--unvalidated", help="It is validated later (`validate`).")
    ] = False

    def read(self) -> Certificate:
        """Give the certificate that is meant.

        Raises:
            UsageError: both a file and options.
            MalformedError: it cannot be understood; names the field.
        """
        if self.draft is not None and self.number:
            raise UsageError("--number", "there is a --draft too", "a file, or options")
        mapping = self._mapping() if self.draft is None else load_draft(self.draft)
        return read_certificate_draft(mapping, now_ms=now_ms())

    def _mapping(self) -> Mapping[str, object]:
        found: dict[str, object] = {
            "number": self.number,
            "destination": self.destination,
            "parcels": self.parcels,
            "origin": self.origin or [],
            "lines": [{"hs": self.hs, "carats": self.carats, "value_usd": self.value}],
            "exporter": {
                "name": self.exporter_name,
                "address": self.exporter_address,
                "licence": self.exporter_licence,
            },
            "importer": {
                "name": self.importer_name,
                "address": self.importer_address,
                "licence": self.importer_licence,
            },
            "seals": self.seal or [],
            "remarks": self.remarks,
            "sources": [_read_source(one) for one in self.source or ()],
        }
        if self.technical:
            found |= {"kind": CertificateKind.TECHNICAL.value, "case": self.technical}
        if self.unvalidated:
            found["validated_at"] = None
        days = {"issued_on": self.issued_on, "expires_on": self.expires_on}
        return found | {name: day for name, day in days.items() if day}


@command(
    app,
    "issue",
    example="kpledger issue --key gaborone --draft parcel.toml",
)
def issue(draft: Draft, by: StatementOptions) -> None:
    """Issue and validate a certificate."""
    certificate = draft.read()
    state(by, CertificateIssued(certificate=certificate), subject=certificate.number)


@command(
    app,
    "replace",
    example="kpledger replace BW00000042 --reason ERROR --draft better.toml --key gaborone",
)
def replace(
    *,
    old: Annotated[str, typer.Argument(metavar="NUMBER", help="The certificate to replace.")],
    reason: Annotated[ReplacementReason, typer.Option("--reason", help="Why.")],
    draft: Draft,
    by: StatementOptions,
) -> None:
    """Put a new certificate in the place of one."""
    state(by, CertificateReplaced(reason=reason, certificate=draft.read()), subject=old)


def _read_source(text: str) -> dict[str, str]:
    number, _, carats = text.partition("=")
    return {"number": number, "carats": carats}
