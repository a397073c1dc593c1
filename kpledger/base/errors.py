"""The errors of the library: one base, one class per kind of trouble, each carrying its evidence.

A broken rule of the scheme is not an error but a value (:class:`kpledger.scheme.outcome.Refusal`):
every replica must agree on it. Errors here mean that bytes, keys or links are not what they
claim to be.
"""


class LedgerError(Exception):
    """Anything this library refuses to accept."""

    def __reduce__(self) -> tuple[object, ...]:
        """Copy what it is: a class cannot be called again with the message that it has made."""
        return _restore, (type(self), self.args), self.__dict__


class NotCanonicalError(LedgerError):
    """Bytes that decode, but are not the one spelling of their value."""


class MalformedError(LedgerError):
    """Bytes or text that are not of the expected form.

    Attributes:
        what: the thing that was being read, in words.
        field: the path of the offending field, empty when unknown.
    """

    def __init__(self, what: str, problem: str, *, field: str = "") -> None:
        at = f" at {field}" if field else ""
        super().__init__(f"{what} is malformed{at}: {problem}")
        self.what = what
        self.problem = problem
        self.field = field


class OversizedError(LedgerError):
    """More bytes than the limit allows.

    Attributes:
        size: bytes received.
        limit: bytes allowed.
    """

    def __init__(self, what: str, *, size: int, limit: int) -> None:
        super().__init__(f"{what} has {size} bytes, the limit is {limit}")
        self.size = size
        self.limit = limit


class AnotherLedgerError(LedgerError):
    """What was read is of another ledger than the one that is meant, and contradicts nothing."""

    def __init__(self, source: str, *, found: str, pinned: str) -> None:
        """Name who shows what, and the chain ids of its ledger and of the one that is meant."""
        super().__init__(
            f"{source} is of another ledger: its chain id is {found}, that of the genesis file is"
            f" {pinned}; give the genesis file of that ledger, or a node or copy of this one"
        )


class UnacceptableKeyError(LedgerError):
    """A public key that libsodium's rule refuses: not canonical, or of small order."""


class BadSignatureError(LedgerError):
    """A signature that does not verify.

    Attributes:
        key: the 32-byte public key it claims.
    """

    def __init__(self, what: str, key: bytes) -> None:
        super().__init__(f"the signature on {what} does not verify under key {key.hex()}")
        self.key = key


class GenesisError(LedgerError):
    """A genesis file that cannot found a ledger."""


def _restore(kind: type[LedgerError], args: tuple[object, ...]) -> LedgerError:
    return kind.__new__(kind, *args)
