"""The questions for each type of event, in their order, and what follows when none refuses."""

from collections.abc import Callable

from naive import (
    authors,
    filings,
    houses,
    papers,
    recovering,
    scheme,
    shipments,
    tables,
    trade,
    withdrawing,
)  # fmt: skip
from naive.world import Said, World

Question = Callable[[World, Said], str | None]
Effect = Callable[[World, Said], None]


def is_about(tell: Callable[[Said], str]) -> Question:
    """E5: the subject is what the body is about."""

    def ask(_world: World, said: Said) -> str | None:
        return None if said.subject == tell(said) else "E5"

    return ask


def told(said: Said, name: str) -> str:
    return str(getattr(said.body, name))


def field(name: str) -> Question:
    return is_about(lambda said: told(said, name))


def office(name: str) -> Question:
    return is_about(lambda said: f"{said.author[0]}/{getattr(said.body, name)}")


def key(name: str) -> Question:
    return is_about(lambda said: getattr(said.body, name).hex())


about_new_paper = is_about(lambda said: papers.paper_in(said).number)


def participant(said: Said) -> str:
    return told(said, "participant")


FIRST = (authors.came_before, authors.is_meant_and_timely, authors.has_office)
"""For every event, before its own questions; who signed is asked next."""

SIGNED: dict[str, Question] = {
    "chair_rotated": scheme.is_handed_over,
    "authority_registered": houses.is_countersigned_at_first,
    "key_added": houses.is_signed_by_two,
    "key_rotated": houses.is_signed_by_two,
    "key_revoked": houses.is_signed_by_two,
    "participant_recovered": recovering.is_signed_for_another,
    "chair_recovered": recovering.is_signed_by_quorum,
    "amendment_endorsed": shipments.is_agreed_once_arrived,
    "discrepancy_resolved": shipments.is_agreed,
}
"""Where somebody else signs besides the author."""

FIRST_ON_SUBJECT = houses.names_nothing_before
ISSUE = (
    papers.are_parties_in_order, papers.is_numbered_well, papers.is_filled_in,
    papers.is_issued_in_trade, papers.moves_a_case, papers.covers_sources,
)  # fmt: skip
STEP = (trade.is_its_business, trade.has_a_way_on, trade.saw_newest)
CONFIRM = (
    trade.is_its_business, trade.was_confirmed, trade.is_alive, trade.has_a_way_on,
    trade.saw_newest, shipments.repeats_paper,
)  # fmt: skip
GO_ON = (houses.takes_part, filings.goes_on)
PART = (FIRST_ON_SUBJECT, houses.takes_part)
HOUSE = (FIRST_ON_SUBJECT, houses.keeps_house)

QUESTIONS: dict[str, tuple[Question, ...]] = {
    "participant_admitted": (
        field("code"), *PART, houses.is_new_member, scheme.rests_on_decision,
    ),
    "participant_status_changed": (
        field("code"), *PART, houses.suspends_only_itself, houses.follows_on_standing,
        scheme.rests_on_decision,
    ),
    "restriction_set": (
        is_about(scheme.about_restriction), *PART, scheme.restricts_soundly,
        scheme.rests_on_decision,
    ),
    "restriction_lifted": (
        is_about(scheme.about_restriction), *PART, scheme.lifts_soundly,
        scheme.lift_rests_on_decision,
    ),
    "authority_registered": (office("authority"), *HOUSE, houses.registers_soundly),
    "authority_closed": (office("authority"), *HOUSE, houses.closes_an_open_office),
    "key_added": (key("key"), *HOUSE, houses.may_have_key),
    "key_rotated": (key("old"), *HOUSE, houses.is_own_key, houses.follows_at_once),
    "key_revoked": (key("key"), *HOUSE, houses.is_own_key, houses.revokes_soundly),
    "participant_recovered": (field("code"), *PART, recovering.recovers_soundly),
    "chair_recovered": (
        is_about(lambda _: "KPCS/chair"), FIRST_ON_SUBJECT, recovering.recovers_chair_soundly,
    ),
    "number_range_allocated": (
        office("authority"), *HOUSE, houses.allots_to_an_exporter, houses.allots_new_numbers,
    ),
    "number_range_retired": (office("authority"), *HOUSE, houses.retires_own_numbers),
    "certificate_format_notified": (
        is_about(lambda said: said.author[0]), *HOUSE, houses.forms_are_its_own,
    ),
    "chair_rotated": (is_about(lambda _: "KPCS/chair"), *PART, scheme.hands_over_soundly),
    "vice_chair_elected": (is_about(lambda _: "KPCS/chair"), *PART, scheme.elects_soundly),
    "decision_recorded": (
        is_about(lambda said: f"KPCS/decision/{told(said, 'decision')}"), *PART,
        scheme.records_soundly,
    ),
    "position_taken": (
        is_about(lambda said: f"KPCS/decision/{told(said, 'decision')}"), *PART,
        scheme.speaks_with_a_vote,
    ),
    "policy_set": (is_about(scheme.about_policy), *HOUSE, scheme.settles_soundly),
    "rules_activated": (is_about(lambda _: "KPCS/rules"), *PART, scheme.activates_soundly),
    "shipment_approved": (field("number"), *PART, scheme.approves_under_ban),
    "shipment_declined": (field("number"), *PART, scheme.approves_under_ban),
    "certificate_issued": (about_new_paper, FIRST_ON_SUBJECT, *ISSUE),
    "certificate_validated": (
        *STEP, shipments.trades_still, shipments.validates_soundly, shipments.validates_in_trade,
    ),
    "export_notified": (
        *STEP, shipments.trades_still, shipments.is_in_force, shipments.leaves_while_valid,
        shipments.leaves_in_trade,
    ),
    "amendment_endorsed": (*STEP, shipments.amends_what_stands),
    "certificate_voided": STEP,
    "certificate_replaced": (*STEP, papers.is_another_number, *ISSUE),
    "certificate_lost": STEP,
    "certificate_found": (*STEP, shipments.was_reported_lost),
    "certificate_returned_unused": (*STEP, shipments.happened("returned_on")),
    "transit_noted": (*STEP, houses.takes_part, shipments.passes_soundly),
    "arrival_recorded": (*STEP, shipments.arrives_soundly),
    "import_confirmed": (*CONFIRM, shipments.is_clean),
    "import_confirmed_discrepant": (*CONFIRM, shipments.tells_what_differs),
    "discrepancy_resolved": STEP,
    "shipment_detained": (*STEP, shipments.holds_as_member),
    "shipment_released": STEP,
    "import_refused_returned": (*STEP, shipments.returns_under_own_paper),
    "shipment_seized": STEP,
    "return_received": (*STEP, shipments.came_back),
    "shipment_diverted": (*STEP, shipments.holds_as_member, shipments.happened("found_on")),
    "annual_report_filed": (
        is_about(filings.about_report), *PART, filings.reports_on_year,
    ),
    "review_requested": (
        filings.opens_under("review", participant), *GO_ON, filings.asks_for_review,
    ),
    "review_consented": (*GO_ON, filings.answers_for_itself),
    "review_carried_out": (*GO_ON, filings.was_carried_out),
    "review_reported": (*GO_ON, filings.recommends_soundly),
    "recommendation_followed_up": (
        *GO_ON, filings.answers_for_itself, filings.was_recommended,
    ),
    "meeting_announced": (
        filings.opens_under("meeting", lambda _: "KPCS"), *GO_ON, filings.meets_on_days,
    ),
    "meeting_held": (*GO_ON, filings.was_held),
    "body_composed": (
        is_about(lambda said: f"KPCS/body/{told(said, 'name')}"), *PART, filings.composes_soundly,
    ),
    "concern_raised": (
        filings.opens_under("concern", participant), *GO_ON, filings.concerns_another,
        filings.tells("text", "document"),
    ),
    "concern_answered": (*GO_ON, filings.answers_for_itself, filings.tells("text", "document")),
    "concern_closed": (*GO_ON, filings.tells("text")),
    "observer_registered": (
        is_about(lambda said: f"KPCS/{told(said, 'observer')}"), *PART, filings.is_new_observer,
    ),
    "observer_withdrawn": (
        is_about(lambda said: f"KPCS/{told(said, 'observer')}"), *PART, filings.is_observer,
    ),
    "suspect_reported": (
        filings.opens_under("suspect", lambda said: said.author[0]), *GO_ON, filings.shows_a_day,
    ),
    "suspect_judged": (*GO_ON, filings.judges_own_paper),
    "opening_withdrawn": (
        withdrawing.is_opener, withdrawing.is_untouched, filings.tells("reason"),
        withdrawing.moves_nothing,
    ),
    "note_filed": (
        FIRST_ON_SUBJECT, filings.tells("text", "references", "document"), filings.refers_to_events,
    ),
    "correction_made": (FIRST_ON_SUBJECT, filings.corrects_own),
    "event_countersigned": (FIRST_ON_SUBJECT, filings.countersigns_own),
    "trade_statistics_submitted": (
        is_about(lambda said: f"{said.author[0]}/trade/{told(said, 'quarter')}"), *PART,
        filings.has_no_office_for_it, filings.submits_trade,
    ),
    "production_statistics_submitted": (
        is_about(lambda said: f"{said.author[0]}/production/{told(said, 'half_year')}"), *PART,
        filings.has_no_office_for_it, filings.submits_production,
    ),
    "count_statistics_submitted": (
        is_about(lambda said: f"{said.author[0]}/counts/{told(said, 'quarter')}"), *PART,
        filings.has_no_office_for_it, filings.submits_counts,
    ),
    "anomaly_questioned": (
        filings.opens_under("anomaly", participant), filings.goes_on, filings.asks_about_period,
        filings.tells("question"),
    ),
    "anomaly_answered": (*GO_ON, filings.answers_for_itself, filings.tells("answer", "document")),
    "case_opened": (
        shipments.opens_under_own_code, *PART, shipments.is_new_case, shipments.opens_on_a_day,
    ),
}  # fmt: skip

EFFECTS: dict[str, Effect] = {
    "participant_admitted": houses.admit,
    "participant_status_changed": houses.change_standing,
    "authority_registered": houses.register,
    "key_added": houses.add_key,
    "key_revoked": houses.revoke,
    "participant_recovered": recovering.recover,
    "chair_recovered": recovering.recover_chair,
    "number_range_allocated": houses.allot,
    "restriction_set": scheme.restrict,
    "restriction_lifted": scheme.lift,
    "authority_closed": houses.close,
    "key_rotated": houses.rotate,
    "number_range_retired": houses.retire,
    "certificate_format_notified": houses.notify_form,
    "chair_rotated": scheme.hand_over,
    "vice_chair_elected": scheme.elect,
    "decision_recorded": scheme.record,
    "position_taken": scheme.speak,
    "policy_set": scheme.settle,
    "rules_activated": scheme.activate,
    "shipment_approved": scheme.approve,
    "shipment_declined": scheme.approve,
    "certificate_issued": papers.issue,
    "certificate_validated": trade.step,
    "export_notified": shipments.leave,
    "amendment_endorsed": shipments.amend,
    "certificate_voided": trade.step,
    "certificate_replaced": shipments.replace_paper,
    "certificate_lost": shipments.lose,
    "certificate_found": shipments.find,
    "certificate_returned_unused": trade.step,
    "arrival_recorded": shipments.arrive,
    "import_confirmed": shipments.confirm,
    "import_confirmed_discrepant": shipments.confirm,
    "discrepancy_resolved": shipments.resolve,
    "shipment_detained": shipments.detain,
    "shipment_released": shipments.release,
    "import_refused_returned": trade.step,
    "shipment_seized": trade.step,
    "return_received": shipments.come_back,
    "shipment_diverted": shipments.surface,
    "case_opened": shipments.open_case,
    "annual_report_filed": filings.report,
    "body_composed": filings.compose,
    "observer_registered": filings.observe,
    "observer_withdrawn": filings.withdraw,
    "correction_made": filings.correct,
    "event_countersigned": filings.countersign,
    "trade_statistics_submitted": filings.submit,
    "production_statistics_submitted": filings.submit,
    "count_statistics_submitted": filings.submit,
    **dict.fromkeys(
        (event for steps in tables.STEPS.values() for _, event in steps), filings.proceed
    ),
    "opening_withdrawn": withdrawing.withdraw,
}
