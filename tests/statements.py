"""One sound statement of each type of event, for the ledger that ``founding.open_trade`` gives.

Those on a certificate are about BW000001, once it was issued to EU; where the table of transitions
allows a statement, every other rule accepts it.
"""

from typing import Final

from founding import (
    CHAIR,
    NOW_MS,
    TODAY,
    make_certificate,
    make_confirmation,
    signing_key,
)

from kpledger.events import Body
from kpledger.events.certificate import (
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
from kpledger.events.governance import (
    AuthorityRegistered,
    KeyAdded,
    KeyRevoked,
    NumberRange,
    NumberRangeAllocated,
    ParticipantAdmitted,
    ParticipantKind,
    ParticipantStatusChanged,
    RevocationReason,
    Role,
    Standing,
)
from kpledger.events.importing import (
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
NEW_KEY: Final = signing_key("a new key").public_key
ADMISSION: Final = ParticipantAdmitted(
    code="NA",
    name="Namibia",
    kind=ParticipantKind.STATE,
    effective_from=NOW_MS,
    root_key=signing_key("NA/root").public_key,
    decision="Plenary 2026/1",
)
STATUS: Final = ParticipantStatusChanged(
    code="BW", status=Standing.SUSPENDED, effective_from=NOW_MS, decision="Plenary 2026/2"
)
OFFICE: Final = AuthorityRegistered(
    authority="francistown",
    title="Second Diamond Office",
    place="Francistown",
    roles=(Role.EXPORTING,),
    contact="box 1",
)
KEY: Final = KeyAdded(authority="gaborone", key=NEW_KEY, valid_from=NOW_MS)
REVOCATION: Final = KeyRevoked(
    key=signing_key("BW/gaborone").public_key, reason=RevocationReason.RETIRED, suspect_since=None
)
RANGE: Final = NumberRange(
    prefix="BW",
    width=6,
    first=100_000,
    last=199_999,
    use_from="2026-01-01",
    use_until="2026-12-31",
)
ALLOTMENT: Final = NumberRangeAllocated(authority="gaborone", range=RANGE)


SOUND: Final[dict[str, tuple[str, Body]]] = {
    body.TYPE: (author, body)
    for author, body in (
        (CHAIR, ADMISSION),
        (CHAIR, STATUS),
        ("BW/root", OFFICE),
        ("BW/root", KEY),
        ("BW/root", REVOCATION),
        ("BW/root", ALLOTMENT),
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
