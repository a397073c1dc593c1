"""Tables that were copied from the scheme's documents by hand, not from the code."""

# Certificates: one column for each state. "-" refuses, "=" moves nothing, "<" leads back to where
# it was before it was lost, "*" leaves a mark.
CERTIFICATE_TABLE = """
event                        ISSUED           VALIDATED             IN_TRANSIT            ARRIVED              DETAINED LOST      DIVERTED
certificate_validated        VALIDATED        -                     -                     -                    -        -         -
export_notified              -                IN_TRANSIT            -                     -                    -        -         -
amendment_endorsed           =*               =*                    =*                    =*                   =*       -         -
certificate_voided           VOIDED           VOIDED                VOIDED*               -                    -        VOIDED    -
certificate_replaced         REPLACED         REPLACED              REPLACED*             -                    -        REPLACED  REPLACED*
certificate_lost             LOST             LOST                  LOST                  -                    -        -         -
certificate_found            -                -                     -                     =                    =        <         -
certificate_returned_unused  RETURNED_UNUSED  RETURNED_UNUSED       -                     -                    -        -         -
transit_noted                -                =                     =                     -                    -        -         -
arrival_recorded             ARRIVED*         ARRIVED               ARRIVED               -                    -        ARRIVED*  -
import_confirmed             -                CONFIRMED*            CONFIRMED*            CONFIRMED            -        -         -
import_confirmed_discrepant  -                CONFIRMED_DISCREPANT* CONFIRMED_DISCREPANT* CONFIRMED_DISCREPANT -        -         -
shipment_detained            DETAINED*        DETAINED              DETAINED              DETAINED             -        DETAINED* DETAINED
shipment_released            -                -                     -                     -                    ARRIVED  -         -
import_refused_returned      -                -                     -                     RETURNED             RETURNED -         RETURNED
shipment_seized              -                -                     -                     SEIZED               SEIZED   -         SEIZED
shipment_diverted            -                -                     DIVERTED*             -                    -        -         -
opening_withdrawn            -                -                     -                     -                    -        -         IN_TRANSIT*
"""  # noqa: E501

MARKS = {
    "amendment_endorsed": "amended",
    "shipment_diverted": "diverted",
    "import_confirmed": "arrival_not_recorded",
    "import_confirmed_discrepant": "arrival_not_recorded",
    "certificate_voided": "taken_back_after_export",
    "certificate_replaced": "taken_back_after_export",
    ("arrival_recorded", "ISSUED"): "moved_before_validation",
    ("shipment_detained", "ISSUED"): "moved_before_validation",
    ("arrival_recorded", "LOST"): "arrived_though_lost",
    ("shipment_detained", "LOST"): "arrived_though_lost",
    ("opening_withdrawn", "DIVERTED"): "diversion_withdrawn",
    ("opening_withdrawn", "CONFIRMED_DISCREPANT"): "discrepancy_withdrawn",
    ("opening_withdrawn", "RETURNED"): "refusal_withdrawn",
    ("opening_withdrawn", "SEIZED"): "seizure_withdrawn",
}
"""What the star of an event, or of an event in one state, is called."""

AFTERWARDS = {
    ("CONFIRMED_DISCREPANT", "discrepancy_resolved"): "RESOLVED",
    ("RETURNED", "return_received"): "RETURN_CLOSED",
    ("CONFIRMED_DISCREPANT", "opening_withdrawn"): "RESOLVED*",
    ("RETURNED", "opening_withdrawn"): "DETAINED*",
    ("SEIZED", "opening_withdrawn"): "DETAINED*",
}
"""What still happens to certificates that are no longer on their way."""

TAKEN_BACK = ("VOIDED", "REPLACED", "RETURNED_UNUSED")
USED = ("CONFIRMED", "CONFIRMED_DISCREPANT", "RESOLVED", "RETURN_CLOSED", "SEIZED")
CLOSED = (*TAKEN_BACK, "CONFIRMED", "RESOLVED", "RETURN_CLOSED")
CONFIRMED = ("CONFIRMED", "CONFIRMED_DISCREPANT", "RESOLVED")

CASE_TABLE = """
event                    OPEN      DETAINED  RETURNED       SEIZED
shipment_detained        DETAINED  -         -              -
shipment_released        -         OPEN      -              -
import_refused_returned  RETURNED  RETURNED  -              -
shipment_seized          SEIZED    SEIZED    -              -
return_received          -         -         RETURN_CLOSED  -
opening_withdrawn        WITHDRAWN WITHDRAWN DETAINED       DETAINED
"""

AFFAIRS = {
    "review": """
        - review_requested REQUESTED
        REQUESTED review_consented CONSENTED/DECLINED
        REQUESTED opening_withdrawn WITHDRAWN
        DECLINED review_consented CONSENTED/DECLINED
        CONSENTED review_carried_out CARRIED_OUT
        CARRIED_OUT review_reported REPORTED
        REPORTED recommendation_followed_up REPORTED""",
    "meeting": """
        - meeting_announced ANNOUNCED
        ANNOUNCED meeting_announced ANNOUNCED
        ANNOUNCED opening_withdrawn WITHDRAWN
        ANNOUNCED meeting_held HELD""",
    "concern": """
        - concern_raised RAISED
        RAISED concern_answered ANSWERED
        ANSWERED concern_answered ANSWERED
        RAISED concern_closed CLOSED
        RAISED opening_withdrawn WITHDRAWN
        ANSWERED concern_closed CLOSED""",
    "anomaly": """
        - anomaly_questioned RAISED
        RAISED anomaly_answered ANSWERED
        RAISED opening_withdrawn WITHDRAWN
        ANSWERED anomaly_answered ANSWERED""",
    "suspect": """
        - suspect_reported RAISED
        RAISED suspect_judged JUDGED
        RAISED opening_withdrawn WITHDRAWN
        JUDGED suspect_judged JUDGED""",
}

STANDINGS = {
    "ACTIVE": ("SUSPENDED", "SELF_SUSPENDED", "MEMBER_NO_TRADE", "REMOVED"),
    "SUSPENDED": ("ACTIVE", "MEMBER_NO_TRADE", "REMOVED"),
    "SELF_SUSPENDED": ("ACTIVE", "SUSPENDED", "MEMBER_NO_TRADE", "REMOVED"),
    "MEMBER_NO_TRADE": ("ACTIVE", "SUSPENDED", "REMOVED"),
    "REMOVED": ("ACTIVE",),
}
"""From which standing to which; nobody may stand as before."""


def read_table(text: str) -> dict[str, dict[str, str]]:
    """Read a table as event, state, next state."""
    head, *rows = [line.split() for line in text.strip().splitlines()]
    return {
        row[0]: {state: cell for state, cell in zip(head[1:], row[1:], strict=True) if cell != "-"}
        for row in rows
    }


CERTIFICATES = read_table(CERTIFICATE_TABLE)
CASES = read_table(CASE_TABLE)
STEPS = {
    kind: {
        (state, event): after
        for state, event, after in (line.split() for line in text.split("\n")[1:])
    }
    for kind, text in AFFAIRS.items()
}
for (_before, _event), _after in AFTERWARDS.items():
    CERTIFICATES.setdefault(_event, {})[_before] = _after

# Who may say what: the Chair, the secretariat, a participant's root, or offices with a role.
AUTHORS_TABLE = """
participant_admitted            chair
participant_status_changed      chair root
authority_registered            root chair
authority_closed                root chair
key_added                       root chair
key_rotated                     root chair
key_revoked                     root chair
participant_recovered           chair
chair_recovered                 root
number_range_allocated          root
number_range_retired            root
certificate_format_notified     root
decision_recorded               chair secretariat
position_taken                  root
chair_rotated                   chair
vice_chair_elected              chair
policy_set                      chair root
rules_activated                 chair
restriction_set                 chair
restriction_lifted              chair
shipment_approved               MONITORING
shipment_declined               MONITORING
certificate_issued              EXPORTING
certificate_validated           EXPORTING
export_notified                 EXPORTING
certificate_voided              EXPORTING
certificate_replaced            EXPORTING
amendment_endorsed              EXPORTING
certificate_lost                EXPORTING IMPORTING
certificate_found               EXPORTING IMPORTING
certificate_returned_unused     EXPORTING
transit_noted                   EXPORTING IMPORTING
arrival_recorded                IMPORTING
import_confirmed                IMPORTING
import_confirmed_discrepant     IMPORTING
discrepancy_resolved            EXPORTING
shipment_detained               IMPORTING
shipment_released               IMPORTING
import_refused_returned         IMPORTING
shipment_seized                 IMPORTING
return_received                 EXPORTING
shipment_diverted               IMPORTING
case_opened                     EXPORTING IMPORTING
suspect_reported                EXPORTING IMPORTING
suspect_judged                  chair root EXPORTING IMPORTING
trade_statistics_submitted      root member:STATISTICS
production_statistics_submitted root member:STATISTICS
count_statistics_submitted      root member:STATISTICS
anomaly_questioned              secretariat scheme:STATISTICS
anomaly_answered                root member:STATISTICS
annual_report_filed             root
review_requested                chair root
review_consented                root
review_carried_out              chair secretariat
review_reported                 chair secretariat
recommendation_followed_up      root
meeting_announced               chair
meeting_held                    chair secretariat
body_composed                   chair
concern_raised                  root
concern_answered                root
concern_closed                  chair
observer_registered             chair
observer_withdrawn              chair
opening_withdrawn               chair secretariat root EXPORTING IMPORTING scheme:STATISTICS
note_filed                      any
correction_made                 any
event_countersigned             any
"""
AUTHORS = {row[0]: frozenset(row[1:]) for row in map(str.split, AUTHORS_TABLE.strip().splitlines())}

KINDS_TABLE = """
trade       event_countersigned opening_withdrawn
trade       shipment_approved shipment_declined certificate_issued certificate_validated
trade       export_notified certificate_voided certificate_replaced amendment_endorsed
trade       certificate_lost certificate_found certificate_returned_unused transit_noted
trade       arrival_recorded import_confirmed import_confirmed_discrepant discrepancy_resolved
trade       shipment_detained shipment_released import_refused_returned shipment_seized
trade       return_received shipment_diverted case_opened
statistics  trade_statistics_submitted production_statistics_submitted count_statistics_submitted
governance  participant_admitted participant_status_changed authority_registered authority_closed
governance  key_added key_rotated number_range_allocated number_range_retired
governance  certificate_format_notified decision_recorded position_taken chair_rotated
governance  vice_chair_elected
governance  policy_set rules_activated restriction_set restriction_lifted
governance  observer_registered observer_withdrawn
notes       annual_report_filed review_requested review_consented review_carried_out review_reported
notes       recommendation_followed_up meeting_announced meeting_held body_composed
notes       concern_raised concern_answered concern_closed note_filed correction_made
notes       suspect_reported suspect_judged anomaly_questioned anomaly_answered
-           key_revoked participant_recovered chair_recovered
"""
KINDS = {
    event: kind
    for kind, *events in map(str.split, KINDS_TABLE.strip().splitlines())
    for event in events
}
"""Event type: of which quota it is."""
