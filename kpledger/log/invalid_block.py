"""What is wrong with a block, and where in it."""

from kpledger.base.errors import LedgerError
from kpledger.scheme.outcome import Refusal


class InvalidBlockError(LedgerError):
    """A block that does not follow from the chain before it.

    Attributes:
        height: where it stands, or would stand.
        field: the field of its header, or ``events[n]``.
    """

    def __init__(
        self, height: int, field: str, problem: str, refusal: Refusal | None = None
    ) -> None:
        super().__init__(f"block {height} is invalid at {field}: {problem}")
        self.height = height
        self.field = field
        self.problem = problem
        self.refusal = refusal
