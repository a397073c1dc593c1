"""One sound statement of each type of event, for the ledger that ``founding.open_trade`` gives.

Those on a certificate are about BW000001, once it was issued to EU; where the table of transitions
allows a statement, every other rule accepts it.
"""

from typing import Final

from founding import (
    CHAIR,
    NOW_MS,
    make_certificate,
    make_confirmation,
    signing_key,
)

from kpledger.events import Body
from kpledger.events.certificate import (
    CertificateIssued,
    CertificateReplaced,
    CertificateVoided,
    ReplacementReason,
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
    DiscrepancyCause,
    HoldReason,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ShipmentDetained,
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
        ("BW/gaborone", CertificateVoided(reason=VoidReason.ERROR, remarks="")),
        ("BW/gaborone", REPLACEMENT),
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
    )
}
