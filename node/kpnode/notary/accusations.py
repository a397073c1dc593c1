"""What a node finds against voters: in their blocks, in certificates that exclude each other.

Each finding is evidence that speaks for itself (:mod:`kpledger.log.findings`); what proves nothing
is no finding.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.block import compute_head, decode_block
from kpledger.log.certificates import (
    CommitCertificate,
    LeaderCertificate,
    decode_commit_certificate,
)
from kpledger.log.evidence import MAX_PATH_HEADERS, Evidence, read_header
from kpledger.log.findings import (
    find_amnesia,
    find_broken_block,
    find_equivocation,
    find_fork,
    find_usurper,
)
from kpledger.log.opening import derive_opening
from kpledger.log.path import ShownHeader
from kpledger.log.two_histories import Stretch
from kpnode.notary.attachment import decode_attachment
from kpnode.notary.records import Records
from kpnode.raft import AppendRequest, Entry, EntryKind, Index


def find_forgotten(records: Records) -> Iterator[Evidence]:
    """Find voters that made a block final, and later elected somebody without it (E4)."""
    certificate = records.commits.newest
    if certificate is None:
        return
    electorate, check = records.signer.electorate, records.check
    for opening in records.terms.openings.values():
        is_later = opening.term > certificate.term
        if not is_later or opening.base.place >= certificate.end.place:
            continue
        votes = {vote.voter: vote for vote in opening.votes}
        for said in certificate.acknowledgements:
            vote = votes.get(said.voter)
            if vote is not None:
                evidence = find_amnesia(electorate, said, vote, certificate, check=check)
                yield from () if evidence is None else (evidence,)


def find_fork_here(records: Records) -> Iterator[Evidence]:
    """Find that a block is final in a place where another one is on this node's chain (E8)."""
    commits = records.commits
    other, newest = commits.conflicting, commits.newest
    if other is None or newest is None:
        return
    commits.conflicting = None
    last = min(newest.index, other.index + MAX_PATH_HEADERS)
    yield from _find_fork(records, newest, other, records.chain.shown(other.index, last))


def _find_fork(
    records: Records,
    newest: CommitCertificate,
    other: CommitCertificate,
    shown: Sequence[ShownHeader],
) -> Iterator[Evidence]:
    """Find that what is final here and another block exclude each other, and who signed both."""
    own = _find_own_opening(records, min(newest.term, other.term), newest.index)
    fork = find_fork(
        records.signer.electorate,
        newest,
        other,
        shown=shown,
        openings=[
            *records.terms.openings.values(),
            *Stretch(tuple(shown), (), own).openings(),
        ],
        check=records.check,
    )
    yield from () if fork is None else (fork,)


def _find_own_opening(records: Records, term: int, end: int) -> LeaderCertificate | None:
    """Find who was elected first on this node's chain, up to a height, after a term."""
    heights = range(1, end + 1)
    place = bisect_right(heights, term, key=lambda at: records.core.term_at(Index(at)) or 0)
    shown = _own_header(records, heights[place]) if place < len(heights) else None
    return None if shown is None else next(Stretch((shown,), ()).openings(), None)


def find_in_blocks(
    records: Records, request: AppendRequest, problem: LedgerError | None
) -> Iterator[Evidence]:
    """Find what a leader has signed against the rules, in an append that was looked at.

    Args:
        records: of the node that looked.
        request: what it was sent.
        problem: why it refuses the first block that it does not hold; None if it does not.
    """
    electorate, check = records.signer.electorate, records.check
    for entry in request.entries:
        if entry.kind is not EntryKind.BLOCK:
            continue
        shown = _show(entry)
        own = _own_header(records, entry.index)
        if own is not None and own.header != shown.header:
            found = find_equivocation(electorate, own, shown, check=check)
            yield from () if found is None else (found,)
        opening = records.terms.openings.get(read_header(shown).term)
        if opening is not None:
            usurper = find_usurper(electorate, shown, opening, check=check)
            yield from () if usurper is None else (usurper,)
        if problem is not None:
            yield from _find_broken(records, entry, shown, problem)


def _find_broken(
    records: Records, entry: Entry, shown: ShownHeader, problem: LedgerError
) -> Iterator[Evidence]:
    parent = _own_header(records, entry.index - 1)
    follows = parent is not None and compute_head(parent.header) == read_header(shown).prev_head
    broken = find_broken_block(
        records.signer.electorate,
        shown,
        parent=parent.header if parent is not None and follows else None,
        events=decode_block(entry.payload).events,
        problem=str(problem)[:1000],
        check=records.check,
    )
    yield from () if broken is None else (broken,)


def find_other_history(records: Records, request: AppendRequest) -> Iterator[Evidence]:
    """Find that a leader's commit certificate makes another history final than this node's (E8)."""
    encoded, newest = decode_attachment(request.attached).commit, records.commits.newest
    if encoded is None or newest is None:
        return
    other = decode_commit_certificate(encoded)
    lower = min(newest.index, other.index)
    if abs(newest.index - other.index) > MAX_PATH_HEADERS:
        return
    shown: Sequence[ShownHeader] = ()
    if newest.index >= other.index:
        shown = records.chain.shown(max(1, lower), newest.index)
    else:
        shown = tuple(_follow(records, request))
    yield from _find_fork(records, newest, other, shown)


def _follow(records: Records, request: AppendRequest) -> Iterator[ShownHeader]:
    """Give the headers of an append's blocks, derived where they carry none."""
    before = _own_header(records, request.prev_index)
    for entry in request.entries:
        if entry.kind is EntryKind.BLOCK:
            before = _show(entry)
        elif before is not None:
            header, head = read_header(before), compute_head(before.header)
            opening = derive_opening(header, head, entry.term)
            before = ShownHeader(header=encode(opening), seal=entry.payload)
        else:
            return
        yield before


def _own_header(records: Records, index: int) -> ShownHeader | None:
    if not 1 <= index <= records.chain.end.index:
        return None
    (own,) = records.chain.shown(index, index)
    return own


def _show(entry: Entry) -> ShownHeader:
    block = decode_block(entry.payload)
    return ShownHeader(header=block.header, seal=block.signature)
