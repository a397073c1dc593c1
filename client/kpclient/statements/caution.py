"""Cautions: who accuses somebody, or does what cannot be taken back, is asked first.

Which statements these are, and in which states of their subject, says ``cautions.toml``; what is
asked says in words what the statement opens, and whom that accuses. Whoever signs a statement or
brings it to the ledger is asked, whatever way it takes there.
"""

import sys
from collections import defaultdict
from importlib import resources
from typing import Final

import msgspec
import typer

from kpclient.errors import ClientError, UsageError
from kpclient.net.heads import Head
from kpclient.output.console import print_trouble
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.importing import ArrivalRecorded


class _Caution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table."""

    events: tuple[str, ...]
    says: str
    states: tuple[str, ...] = ()


class _Cautions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    caution: tuple[_Caution, ...]


_CAUTIONS: Final = msgspec.toml.decode(
    (resources.files(__package__) / "cautions.toml").read_bytes(), type=_Cautions
).caution
MEANT: Final = "--yes, where that is meant"
_UNKNOWN: Final = defaultdict(
    lambda: "somebody", issuer="its issuer", destination="its destination"
)


def find_caution(body: Body, subject: str, head: Head | None, event_id: bytes = b"") -> str:
    """Say what whoever makes or sends a statement should know first; empty if there is nothing.

    Args:
        body: what is stated.
        subject: what it is about.
        head: where that stands, as far as it is known.
        event_id: the event that states it, if it is signed; one that is recorded opens nothing.
    """
    if head is not None and event_id and event_id.hex() in head.events:
        return ""
    states = _states_of(body, head)
    for one in _CAUTIONS:
        if body.TYPE in one.events and (not one.states or not states.isdisjoint(one.states)):
            known = {} if head is None else {k: v for k, v in head.known.items() if v}
            said = {name: getattr(body, name) for name in body.__struct_fields__}
            words = {**said, **known, "subject": subject, "state": head.state if head else ""}
            return one.says.strip().format_map(_UNKNOWN | words)
    return ""


def depends_on_state(kind: str) -> bool:
    """Tell whether what has to be known of a type of event depends on where its subject stands."""
    return any(kind in one.events and one.states for one in _CAUTIONS)


def _states_of(body: Body, head: Head | None) -> set[str]:
    if head is None:
        return set()
    states, expires_on = {head.state}, head.known.get("expires_on")
    if isinstance(body, ArrivalRecorded) and expires_on is not None:
        for_export = head.known.get("expiry") == ExpiryMeaning.EXPORT_BY
        left_on = head.known.get("exported_on") if for_export else None
        states |= {"EXPIRED"} if (left_on or body.arrived_on) > expires_on else set()
    return states


def ask_first(caution: str, *, yes: bool, rehearses: bool = False, accepted: str = MEANT) -> None:
    """Ask on the terminal whether to go on; where a statement is only rehearsed, say it.

    Raises:
        UsageError: there is no terminal, and nobody said ``--yes``; says what is ``accepted``.
        ClientError: the answer is no.
    """
    if caution and rehearses:
        print_trouble(f"warning: {caution}")
    if not caution or yes or rehearses:
        return
    if not sys.stdin.isatty():
        raise UsageError("--yes", caution, accepted)
    if not typer.confirm(f"{caution}. Go on?", err=True):
        raise ClientError("the answer was no; it is not sent")
