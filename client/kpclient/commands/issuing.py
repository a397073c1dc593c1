"""``kpledger issue``, ``void`` and ``replace``: what an exporting authority does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kpclient.commands.lookup import find_certificate
from kpclient.commands.options import Connection, Sending, Signer, command
from kpclient.commands.sending import send
from kpclient.commands.session import Session
from kpclient.commands.signing import now_ms, open_pen
from kpclient.drafts import load_draft, read_certificate_draft
from kpclient.errors import UsageError
from kpledger.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    CertificateVoided,
    ReplacementReason,
    VoidReason,
)

app = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A certificate with one line, in options; or a file with any."""

    draft: Annotated[
        Path | None,
        typer.Option("--draft", metavar="FILE", help="A draft in JSON or TOML, instead of options"),
    ] = None
    number: Annotated[str, typer.Option("--number", help="The certificate's number")] = ""
    destination: Annotated[str, typer.Option("--destination", help="Participant's code")] = ""
    hs: Annotated[str, typer.Option("--hs", help="710210, 710221 or 710231")] = "710210"
    carats: Annotated[str, typer.Option("--carats", help="Weight, as 12.345")] = ""
    value: Annotated[str, typer.Option("--value", help="Value in US$, as 1234.50")] = ""
    parcels: Annotated[int, typer.Option("--parcels", help="Number of parcels")] = 1
    origin: Annotated[
        list[str] | None, typer.Option("--origin", help="Country; several or none: mixed")
    ] = None
    exporter_name: Annotated[str, typer.Option("--exporter-name", help="Who sends it")] = ""
    exporter_address: Annotated[str, typer.Option("--exporter-address", help="Where")] = ""
    exporter_licence: Annotated[str, typer.Option("--exporter-licence", help="If any")] = ""
    importer_name: Annotated[str, typer.Option("--importer-name", help="Who receives it")] = ""
    importer_address: Annotated[str, typer.Option("--importer-address", help="Where")] = ""
    importer_licence: Annotated[str, typer.Option("--importer-licence", help="If any")] = ""
    issued_on: Annotated[str, typer.Option("--issued-on", help="[default: today, UTC]")] = ""
    expires_on: Annotated[str, typer.Option("--expires-on", help="[default: 60 days later]")] = ""
    seal: Annotated[list[str] | None, typer.Option("--seal", help="Number; repeated")] = None
    remarks: Annotated[str, typer.Option("--remarks", help="In words")] = ""

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
        }
        days = {"issued_on": self.issued_on, "expires_on": self.expires_on}
        return found | {name: day for name, day in days.items() if day}


@command(
    app,
    "issue",
    example="kpledger issue --key gaborone --draft parcel.toml",
)
def issue(draft: Draft, signer: Signer, sending: Sending, connection: Connection) -> None:
    """Issue and validate a certificate."""
    certificate = draft.read()
    session = Session(connection)
    pen = open_pen(session, signer)
    body = CertificateIssued(certificate=certificate)
    event = pen.write(body, subject=certificate.number, prev=None)
    send(session, event, connection=connection, sending=sending)


@command(app, "void", example="kpledger void BW00000042 --reason NOT_EXPORTED --key gaborone")
def void(
    *,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The certificate.")],
    reason: Annotated[VoidReason, typer.Option("--reason", help="Why.")],
    signer: Signer,
    sending: Sending,
    connection: Connection,
    remarks: Annotated[str, typer.Option("--remarks", help="In words.")] = "",
) -> None:
    """Take a certificate back."""
    session = Session(connection)
    pen = open_pen(session, signer)
    record = find_certificate(session, number)
    body = CertificateVoided(reason=reason, remarks=remarks)
    event = pen.write(body, subject=record.number, prev=record.head)
    send(session, event, connection=connection, sending=sending)


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
    signer: Signer,
    sending: Sending,
    connection: Connection,
) -> None:
    """Put a new certificate in the place of one."""
    certificate = draft.read()
    session = Session(connection)
    pen = open_pen(session, signer)
    record = find_certificate(session, old)
    body = CertificateReplaced(reason=reason, certificate=certificate)
    event = pen.write(body, subject=record.number, prev=record.head)
    send(session, event, connection=connection, sending=sending)
