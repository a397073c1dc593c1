"""Telling a chain of another ledger from one that is wrong: what is first signed there says whose.

Another ledger contradicts nothing; it may be sound, and is not the one that is meant.
"""

from kpledger.base.errors import AnotherLedgerError, LedgerError
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.certificates import decode_opening
from kpledger.log.layout import BLOCK_ENTRY, StoredEntry
from kpledger.scheme.envelope import decode_envelope, verify_envelope


def check_ledger(pinned: bytes, entry: StoredEntry) -> None:
    """Look whose ledger the first entry is that somebody has signed, of a chain that is refused.

    Args:
        pinned: the chain id that is meant.
        entry: the votes that open the first term, or a block of events.

    Raises:
        AnotherLedgerError: all votes are for the beginning of another ledger; or the header names
            one, and the authors of all events have signed them for that.
        LedgerError: a block is malformed.
    """
    found = _chain_of_block(entry) if entry.kind == BLOCK_ENTRY else _chain_of_votes(entry)
    if found not in (None, pinned):
        raise AnotherLedgerError("the chain", found=found.hex(), pinned=pinned.hex()) from None


def _chain_of_votes(entry: StoredEntry) -> bytes | None:
    try:
        opening = decode_opening(entry.payload)
    except LedgerError:
        return None
    base = opening.base
    is_agreed = all(vote.candidate_end == base for vote in opening.votes)
    return base.head if is_agreed and base.index == 0 else None


def _chain_of_block(entry: StoredEntry) -> bytes | None:
    block = decode_block(entry.payload)
    chain = decode_block_header(block.header).chain
    return chain if all(_is_of(chain, encoded) for encoded in block.events) else None


def _is_of(chain: bytes, encoded: bytes) -> bool:
    try:
        event = decode_envelope(encoded)
        verify_envelope(event)
    except LedgerError:
        return False
    return event.header.chain == chain
