"""kpledger: the facts, rules, hashes and proofs of a ledger of Kimberley Process certificates.

The library has no clock, no randomness and no IO but the SQLite file of the books. Installed alone
it is an offline verifier.

What stands in :data:`__all__` is its public face, for whoever writes a verifier or an analysis of
their own; docs/library.md shows how. The shapes of events and records are those of the version of
the rules, :mod:`kpledger.scheme.v1.events` and :mod:`kpledger.scheme.v1.records`. Everything else
may move from release to release.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kpledger.base.errors import (
        BadSignatureError as BadSignatureError,
        LedgerError as LedgerError,
        MalformedError as MalformedError,
    )
    from kpledger.base.hashing import hash_leaf as hash_leaf
    from kpledger.base.keys import SigningKey as SigningKey
    from kpledger.base.state import (
        ChangeSet as ChangeSet,
        MemoryState as MemoryState,
        read_record as read_record,
    )
    from kpledger.base.units import (
        format_carats as format_carats,
        format_time as format_time,
        format_usd as format_usd,
    )
    from kpledger.books.database import Books as Books, open_books as open_books
    from kpledger.books.writer import BooksWriter as BooksWriter
    from kpledger.log.audit import (
        Auditor as Auditor,
        AuditReport as AuditReport,
        AuditVerdict as AuditVerdict,
        Violation as Violation,
        report_sound as report_sound,
        report_undecided as report_undecided,
        report_violation as report_violation,
    )
    from kpledger.log.block import (
        BlockHeader as BlockHeader,
        decode_block as decode_block,
        decode_block_header as decode_block_header,
    )
    from kpledger.log.chain import (
        ExecutedBlock as ExecutedBlock,
        InvalidBlockError as InvalidBlockError,
        Tip as Tip,
        execute_entry as execute_entry,
        genesis_tip as genesis_tip,
    )
    from kpledger.log.checkpoint import (
        Checkpoint as Checkpoint,
        cosign_checkpoint as cosign_checkpoint,
        open_checkpoint as open_checkpoint,
    )
    from kpledger.log.genesis import Genesis as Genesis, parse_genesis as parse_genesis
    from kpledger.log.layout import (
        StoredEntry as StoredEntry,
        decode_stored_entry as decode_stored_entry,
    )
    from kpledger.log.merkle import (
        Frontier as Frontier,
        compute_root as compute_root,
        prove_consistency as prove_consistency,
        prove_inclusion as prove_inclusion,
        verify_consistency as verify_consistency,
        verify_inclusion as verify_inclusion,
    )
    from kpledger.log.note import (
        NoteKey as NoteKey,
        add_signatures as add_signatures,
        format_note as format_note,
        format_vkey as format_vkey,
        parse_note as parse_note,
        parse_vkey as parse_vkey,
    )
    from kpledger.scheme.envelope import (
        decode_envelope as decode_envelope,
        format_envelope_json as format_envelope_json,
        parse_envelope_json as parse_envelope_json,
        sign_event as sign_event,
        verify_envelope as verify_envelope,
    )
    from kpledger.scheme.event import (
        Author as Author,
        SignedEvent as SignedEvent,
        encode_event as encode_event,
    )
    from kpledger.scheme.outcome import Refusal as Refusal, Rule as Rule
    from kpledger.scheme.rulebook import (
        RELEASED as RELEASED,
        Rulebook as Rulebook,
        UnknownRulesError as UnknownRulesError,
    )

__version__ = "0.1.0"

_HOMES: Final = {
    "base.errors": "BadSignatureError LedgerError MalformedError",
    "base.hashing": "hash_leaf",
    "base.keys": "SigningKey",
    "base.state": "ChangeSet MemoryState read_record",
    "base.units": "format_carats format_time format_usd",
    "books.database": "Books open_books",
    "books.writer": "BooksWriter",
    "log.audit": (
        "AuditReport AuditVerdict Auditor Violation report_sound report_undecided report_violation"
    ),
    "log.block": "BlockHeader decode_block decode_block_header",
    "log.chain": "ExecutedBlock InvalidBlockError Tip execute_entry genesis_tip",
    "log.checkpoint": "Checkpoint cosign_checkpoint open_checkpoint",
    "log.genesis": "Genesis parse_genesis",
    "log.layout": "StoredEntry decode_stored_entry",
    "log.merkle": (
        "Frontier compute_root prove_consistency prove_inclusion verify_consistency"
        " verify_inclusion"
    ),
    "log.note": "NoteKey add_signatures format_note format_vkey parse_note parse_vkey",
    "scheme.envelope": (
        "decode_envelope format_envelope_json parse_envelope_json sign_event verify_envelope"
    ),
    "scheme.event": "Author SignedEvent encode_event",
    "scheme.outcome": "Refusal Rule",
    "scheme.rulebook": "RELEASED Rulebook UnknownRulesError",
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 (a list, sorted)


def __getattr__(name: str) -> object:
    """Import a name of the public face when it is first asked for, so that importing is cheap."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
