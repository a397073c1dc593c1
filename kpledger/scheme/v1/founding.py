"""Founding: the state of a ledger that begins with these rules, before its first block."""

import msgspec

from kpledger.base.ids import KPCS
from kpledger.base.state import ChangeSet
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.events.governance import ParticipantKind, Standing
from kpledger.scheme.v1.ids import CHAIR, RECOVERY, ROOT, SECRETARIAT
from kpledger.scheme.version import Founding


def found(founding: Founding, changes: ChangeSet) -> None:
    """Write the policy, the offices of the scheme, and every participant as active for ever."""
    settled = records.PolicySince(
        values=msgspec.convert(founding.policy, PolicyValues),
        effective_from=0,
        recorded_at=founding.created_at,
        decision=None,
    )
    changes.put(records.PolicyRecord.key_for("network"), records.PolicyRecord(history=(settled,)))
    scheme = records.SchemeRecord(chair=None, vice_chair=None, year=None, key=founding.chair_key)
    changes.put(records.SCHEME_KEY, scheme)
    _put_key(changes, founding.chair_key, KPCS, CHAIR)
    _put_key(changes, founding.secretariat_key, KPCS, SECRETARIAT)
    standing = records.StandingSince(status=Standing.ACTIVE, effective_from=0, decision="genesis")
    for one in founding.participants:
        record = records.ParticipantRecord(
            code=one.code,
            name=one.name,
            kind=ParticipantKind(one.kind),
            standings=(standing,),
            authority_count=0,
        )
        changes.put(records.ParticipantRecord.key_for(one.code), record)
        _put_key(changes, one.root_key, one.code, ROOT)
        _put_key(changes, one.recovery_key, one.code, RECOVERY)


def _put_key(changes: ChangeSet, public_key: bytes, participant: str, authority: str) -> None:
    record = records.KeyRecord(participant=participant, authority=authority, valid_from=0)
    changes.put(records.KeyRecord.key_for(public_key), record)
