"""What commands about certificates and shipments work out: the rest is in ``statements.toml``.

Each statement on a certificate names the newest event on it as the one it follows, so two officers
cannot decide on one shipment without knowing of each other.
"""

from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from kpclient.clock import now_ms
from kpclient.commands.statements import prepares
from kpclient.errors import UsageError
from kpclient.input.documents import load_document, naming
from kpclient.input.forms import read_struct
from kpclient.statements.statement import Draft
from kpledger.scheme.v1.events.certificate import Certificate, CertificateKind
from kpledger.scheme.v1.events.importing import TELLING_CAUSES, DiscrepancyCause, ImportConfirmed
from kpledger.scheme.v1.records import CertificateRecord, FoundGoods


@prepares("issue", "replace")
def draw_up(
    draft: Draft,
    *,
    file: Path | None = None,
    source: list[str] | None = None,
    technical: str = "",
    unvalidated: bool = False,
) -> None:
    """Complete a certificate by what is no field of it, or take it from a file.

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
        draft.names |= {
            "certificate.carat_thousandths": "--carats",
            "certificate.value_usd_cents": "--value",
            "certificate.sources": "--source",
            "certificate.case": "--technical",
        }
        draft.names.setdefault("subject", "--number")
        if source:
            pairs = [one.partition("=") for one in source]
            for number, _, carats in pairs:
                if not carats:
                    accepted = "NUMBER=CARATS, such as IN00000007=12.345"
                    raise UsageError("--source", f"{number!r} does not say how much", accepted)
            plain["sources"] = [{"number": one, "carats": carats} for one, _, carats in pairs]
        if technical:
            plain |= {"kind": CertificateKind.TECHNICAL.value, "case": technical}
        if unvalidated:
            plain["validated_at"] = None
    place = "" if file is not None else "certificate"
    with naming(file):
        certificate = read_struct(Certificate, plain, within=place)
    draft.fields["certificate"] = certificate
    draft.subject = draft.subject or certificate.number


@prepares("validate")
def validate_now(draft: Draft) -> None:
    """Validate at this moment."""
    draft.fields["validated_at"] = draft.at_ms or now_ms()


@prepares("amend")
def quote_old(draft: Draft) -> None:
    """Say what stands there now."""
    record = draft.find_certificate()
    draft.looked_up.add("old")
    try:
        draft.fields["old"] = str(attrgetter(str(draft.fields["field"]))(record))
    except AttributeError:
        draft.fields["old"] = ""  # no such field can be amended, as the form will say


_TOLD: Final = "--found-carats, --found-value, --found-parcels, --remarks, or --cause CONTENTS"


@prepares("confirm")
def repeat_certificate(draft: Draft, *, exported_on: str = "", discrepant: bool = False) -> None:
    """Repeat what the certificate declares, except for what was found."""
    cause, remarks = draft.fields["cause"], draft.fields["remarks"]
    if discrepant and exported_on:
        raise UsageError("--exported-on", "not part of a discrepant confirmation", "leave it out")
    found = draft.fields.keys() & {"parcels", "carats", "value_usd"}
    if discrepant and not (found or cause in TELLING_CAUSES or remarks):
        raise UsageError("--discrepant", "nothing says what differs from the certificate", _TOLD)
    if not discrepant:
        if remarks or cause != DiscrepancyCause.UNKNOWN:
            raise UsageError("--cause", "a clean confirmation gives no cause", "with --discrepant")
        draft.kind = ImportConfirmed
        draft.fields |= {"exported_on": exported_on or None}
        del draft.fields["cause"], draft.fields["remarks"]
        draft.names["exported_on"] = "--exported-on"
    record = draft.find_certificate()
    draft.fields |= {
        "number": record.number,
        "exporter": msgspec.to_builtins(record.exporter),
        "importer": msgspec.to_builtins(record.importer),
    }
    _fill_amounts(draft, record)


@prepares("resolve")
def repeat_found(draft: Draft) -> None:
    """Repeat what was found, except for what is said."""
    record = draft.find_certificate()
    _fill_amounts(draft, record.found or record)


@prepares("seize", "receive-back")
def weigh(draft: Draft) -> None:
    """Take the weight of the whole certificate where none is given."""
    if "carats" in draft.fields:
        return
    if "/" in draft.subject:
        raise UsageError("--carats", "a case declares no weight", "carats, such as 12.345")
    record = draft.find_certificate()
    draft.fields["carat_thousandths"] = record.carat_thousandths


def _fill_amounts(draft: Draft, known: CertificateRecord | FoundGoods) -> None:
    """Repeat what is known where nothing else was typed."""
    draft.fields.setdefault("parcels", known.parcels)
    if "carats" not in draft.fields:
        draft.fields["carat_thousandths"] = known.carat_thousandths
    if "value_usd" not in draft.fields:
        draft.fields["value_usd_cents"] = known.value_usd_cents
