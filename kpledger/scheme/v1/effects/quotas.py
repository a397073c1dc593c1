"""What every event that is let in uses of quotas."""

import msgspec

from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.rules.quotas import find_uses


def use_quotas(context: Context) -> None:
    """Write how much of their quotas the author and its participant have used with this event."""
    for use in find_uses(context):
        record = msgspec.structs.replace(use.record, **{use.kind: use.ends_us})
        context.put(record, *use.name)
