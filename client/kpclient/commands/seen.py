"""``kpledger seen``: what this client has verified of a ledger, and how it is told to forget."""

from collections.abc import Iterator, Mapping

import msgspec

from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.input.options import ConnectionOptions
from kpclient.output.console import print_json, print_line, print_table
from kpclient.session import Session
from kpclient.sightings import Position, Seen
from kpledger.base.units import format_time


@command("seen list")
def list_seen(connection: ConnectionOptions) -> None:
    """List how far the ledger was verified, and what could not be connected with that.

    Nobody is asked. A longer chain that is verified later connects what is on it. What nodes have
    only claimed is listed if it contradicts what was verified.
    """
    memory = Session(connection).memory
    seen, claims, sealed = memory.load(), memory.contradicting_claims(), memory.load_sealed()
    if connection.as_json:
        told = None if sealed is None else {"tree_size": sealed.size, "tree_root": sealed.root}
        print_json({**msgspec.structs.asdict(seen), "sealed": told, "claims": claims})
        return
    if seen.is_forked:
        print_line("FORK: two of these are not on one chain")
    print_table(("what", "height", "head", "seen at", "from"), _rows(seen, claims))
    if sealed is not None:
        print_line(f"sealed: {sealed.size} events under root {sealed.root.hex()}")


def _rows(seen: Seen, claims: Mapping[str, Position]) -> Iterator[tuple[str, ...]]:
    for number, one in enumerate(seen.sightings):
        when = format_time(one.seen_at) if one.seen_at else ""
        what = "not connected" if number or seen.furthest is None else "furthest"
        position = one.position
        yield what, str(position.height), position.head.hex(), when, one.node
    certificate = seen.certificate
    if certificate is not None:
        signers = ", ".join(one.voter for one in certificate.by)
        yield "final", str(certificate.index), certificate.head.hex(), "", f"signed by {signers}"
    for node, claim in claims.items():
        yield "only claimed", str(claim.height), claim.head.hex(), "", node


@command("seen forget")
def forget(*, head: str, connection: ConnectionOptions) -> None:
    """Forget what was seen with one head, once it is clear that it does not hold.

    What is left is looked for again on every chain that is verified.
    """
    try:
        is_known = Session(connection).memory.forget(bytes.fromhex(head))
    except ValueError:
        is_known = False
    if not is_known:
        accepted = "a head that `kpledger seen list` shows"
        raise UsageError("HEAD", f"nothing was seen with head {head}", accepted)
    if connection.as_json:
        print_json(msgspec.structs.asdict(Session(connection).memory.load()))
    else:
        print_line(f"forgotten: {head}")
