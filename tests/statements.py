"""One sound statement of each type of event, for the ledger that ``founding.open_trade`` gives.

Those on a certificate are about BW000001, once it was issued to EU; where the table of transitions
allows a statement, every other rule accepts it.
"""

from typing import Final

from founding import NOW_MS, TODAY, make_certificate, make_confirmation
from scheme_statements import STATEMENTS

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import (
    AmendableField,
    AmendmentEndorsed,
    CertificateFound,
    CertificateIssued,
    CertificateLost,
    CertificateReplaced,
    CertificateReturnedUnused,
    CertificateValidated,
    CertificateVoided,
    ExportNotified,
    ReplacementReason,
    TransitNoted,
    VoidReason,
)
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    CaseKind,
    CaseOpened,
    DiscrepancyCause,
    DiscrepancyResolved,
    HoldReason,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ReturnReceived,
    ShipmentDetained,
    ShipmentDiverted,
    ShipmentReleased,
    ShipmentSeized,
)

NUMBER: Final = "BW000001"
CERTIFICATE: Final = make_certificate(NUMBER)
CONFIRMATION: Final = make_confirmation(CERTIFICATE)
REPLACEMENT: Final = CertificateReplaced(
    reason=ReplacementReason.DAMAGED, certificate=make_certificate("BW000002")
)


SOUND: Final[dict[str, tuple[str, Body]]] = {
    body.TYPE: (author, body)
    for author, body in (
        *((one.author, one.body) for one in STATEMENTS.values()),
        ("BW/gaborone", CertificateIssued(certificate=CERTIFICATE)),
        ("BW/gaborone", CertificateValidated(validated_at=NOW_MS, seals=("S-2",))),
        (
            "BW/gaborone",
            ExportNotified(
                exported_on=TODAY,
                carrier="A carrier",
                transport_document="AWB 7",
                expected_on=TODAY,
                transit=("ZA",),
            ),
        ),
        (
            "BW/gaborone",
            AmendmentEndorsed(
                field=AmendableField.PARCELS,
                old=str(CERTIFICATE.parcels),
                new="7",
                reason="",
            ),
        ),
        ("BW/gaborone", CertificateVoided(reason=VoidReason.ERROR, remarks="")),
        ("BW/gaborone", REPLACEMENT),
        ("BW/gaborone", CertificateLost(with_goods=False, circumstances="")),
        ("BW/gaborone", CertificateFound(circumstances="")),
        ("BW/gaborone", CertificateReturnedUnused(returned_on=TODAY)),
        ("ZA/joburg", TransitNoted(entered_on=TODAY, left_on=None, seals_intact=True, remarks="")),
        (
            "EU/antwerp",
            ArrivalRecorded(
                arrived_on=CONFIRMATION.received_on,
                seals_intact=True,
                opened=False,
                found_carat_thousandths=None,
                remarks="",
            ),
        ),
        ("EU/antwerp", CONFIRMATION),
        (
            "EU/antwerp",
            ImportConfirmedDiscrepant(
                number=NUMBER,
                parcels=1,
                carat_thousandths=1,
                value_usd_cents=1,
                exporter=CONFIRMATION.exporter,
                importer=CONFIRMATION.importer,
                received_on=CONFIRMATION.received_on,
                cause=DiscrepancyCause.COUNT,
                remarks="",
            ),
        ),
        (
            "EU/antwerp",
            ShipmentDetained(reason=HoldReason.ORDER, legal_reference="Order 7", remarks=""),
        ),
        ("EU/antwerp", ShipmentReleased(remedy="")),
        (
            "EU/antwerp",
            ImportRefusedReturned(
                reason=HoldReason.BROKEN_SEALS, technical_certificate=None, remarks=""
            ),
        ),
        (
            "EU/antwerp",
            ShipmentSeized(
                reason=HoldReason.ORDER,
                legal_reference="Order 7",
                custody="Customs",
                carat_thousandths=1,
            ),
        ),
        (
            "BW/gaborone",
            DiscrepancyResolved(
                parcels=1, carat_thousandths=99_000, value_usd_cents=4_900_000, explanation=""
            ),
        ),
        ("BW/gaborone", ReturnReceived(received_on=TODAY, carat_thousandths=1, condition="")),
        ("ZA/joburg", ShipmentDiverted(place="An airport", found_on=TODAY, reason="")),
        (
            "ZA/joburg",
            CaseOpened(
                kind=CaseKind.NO_CERTIFICATE,
                opened_on=TODAY,
                carat_thousandths=5_000,
                claimed_provenance="BW",
                bound_for="EU",
                remarks="",
            ),
        ),
    )
}
