"""The names of the library's public face, each from its home: see :mod:`kpledger`."""

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
from kpledger.log.certificates import (
    CommitCertificate as CommitCertificate,
    decode_commit_certificate as decode_commit_certificate,
)
from kpledger.log.chain import (
    ExecutedBlock as ExecutedBlock,
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
from kpledger.log.policy import (
    PolicyError as PolicyError,
    TrustPolicy as TrustPolicy,
    format_policy as format_policy,
    parse_policy as parse_policy,
    policy_of as policy_of,
)
from kpledger.log.receipt import (
    Receipt as Receipt,
    format_receipt as format_receipt,
    parse_receipt as parse_receipt,
    trim_checkpoint as trim_checkpoint,
    verify_receipt as verify_receipt,
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
