"""Founding: the state of a ledger that begins with these rules, before its first block."""

from collections.abc import Mapping

import msgspec

from kpledger.base.ids import KPCS
from kpledger.base.state import ChangeSet
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.events.governance import ParticipantKind, Standing
from kpledger.scheme.v1.ids import CHAIR, RECOVERY, ROOT, SECRETARIAT
from kpledger.scheme.v1.measures import StandingSince
from kpledger.scheme.version import Founding


def found(founding: Founding, changes: ChangeSet) -> None:
    """Write the policy, the offices of the scheme, and every participant as active for ever."""
    settled = records.PolicySince(
        values=msgspec.convert(founding.policy, PolicyValues),
        effective_from=0,
        recorded_at=founding.created_at,
        decision=None,
        height=0,
    )
    changes.put(records.PolicyRecord.key_for("network"), records.PolicyRecord(history=(settled,)))
    scheme = records.SchemeRecord(
        chair=None,
        vice_chair=None,
        year=None,
        key=founding.chair_key,
        witnesses=founding.witnesses,
        chair_quorum=founding.chair_quorum,
    )
    changes.put(records.SCHEME_KEY, scheme)
    keys = {CHAIR: founding.chair_key, SECRETARIAT: founding.secretariat_key}
    _put_keys(changes, KPCS, keys)
    standing = StandingSince(status=Standing.ACTIVE, effective_from=0, decision="genesis")
    for one in founding.participants:
        record = records.ParticipantRecord(
            code=one.code,
            name=one.name,
            kind=ParticipantKind(one.kind),
            standings=(standing,),
            authority_count=0,
        )
        changes.put(records.ParticipantRecord.key_for(one.code), record)
        _put_keys(changes, one.code, {ROOT: one.root_key, RECOVERY: one.recovery_key})


def _put_keys(changes: ChangeSet, participant: str, keys: Mapping[str, bytes]) -> None:
    for authority, public_key in keys.items():
        record = records.KeyRecord(
            participant=participant, authority=authority, valid_from=0, height=0
        )
        changes.put(records.KeyRecord.key_for(public_key), record)
    house = records.HouseRecord(keys=tuple(keys.values()))
    changes.put(records.HouseRecord.key_for(participant), house)
