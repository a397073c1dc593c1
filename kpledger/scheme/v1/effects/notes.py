"""What notes and corrections change: nothing, but that an event was corrected."""

from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.events.life import CorrectionMade
from kpledger.scheme.v1.records import CorrectionRecord


def keep_note(_context: Context) -> None:
    """Change nothing: a note stands in the history alone."""


def correct(context: Context) -> None:
    """Write by which event another was corrected."""
    corrected = context.body(CorrectionMade).event
    before = context.corrections(corrected).corrections
    record = CorrectionRecord(corrections=(*before, context.event.event_id))
    context.state.put(CorrectionRecord.key_for(corrected), record)
