"""What every event that is let in uses of quotas."""

from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.rules.quotas import FREE, accounts, use


def use_quotas(context: Context) -> None:
    """Write how much of their quotas the author and its participant have used with this event."""
    if type(context.event.body) not in FREE:
        for account in tuple(accounts(context)):
            context.put(use(context, account), *account.name)
