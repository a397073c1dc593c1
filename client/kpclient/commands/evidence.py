"""``kpledger evidence``: what is shown against voters, judged here with the genesis file.

Nobody's verdict is believed: whoever has the genesis file comes to the same one.
"""

from pathlib import Path
from typing import Final

import typer

from kpclient.commands.declared import command
from kpclient.files import check_destination, read_bounded, write_public
from kpclient.input.options import ConnectionOptions, LocalOptions, OfflineOptions
from kpclient.net.ledger_client import LedgerClient
from kpclient.output.console import print_fields, print_json, print_line, print_table
from kpclient.replay.copied_chain import CopiedChain
from kpclient.session import Session
from kpledger.base.errors import LedgerError
from kpledger.command import EXIT_DONE, EXIT_REFUSED
from kpledger.log.conviction import Conviction, EvidenceError, Guilt
from kpledger.log.evidence import Evidence, kind_of_evidence
from kpledger.log.evidence_file import (
    MAX_EVIDENCE_JSON_BYTES,
    encode_evidence,
    evidence_id,
    format_evidence,
    parse_evidence,
)
from kpledger.log.genesis import Genesis
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate

KIND_NAMES: Final = {
    "E1": "two blocks of one leader",
    "E2": "two acknowledgements",
    "E3": "two votes",
    "E4": "a vote against an acknowledgement",
    "E5": "a block by who was not elected",
    "E6": "a log that was not shown",
    "E7": "a block that breaks the rules",
    "E8": "two histories",
    "E9": "a storage that was put back",
    "E10": "two checkpoints",
}
ADVICE: Final = {
    Guilt.LIE: (
        "Give this file to the Chair and to whoever runs a node: each can verify it alone. Count no"
        " more on that voter, and ask who runs it whose hands its key was in. What is convicted is"
        " the key, not a person: a stolen key signs as well as its owner"
    ),
    Guilt.FAULT: (
        "Have whoever runs that voter stop it and find out whether its directory was put back from"
        " a backup, or runs twice. Until then it may forget what it has promised. Nothing says that"
        " it meant to"
    ),
    Guilt.SUSPICION: (
        "Ask whoever runs that voter. An honest voter may have signed this; by itself it proves"
        " nothing against anybody"
    ),
}
_FORK: Final = (
    "Stop relying on the newest part of the ledger. Keep both histories, compare all nodes with:"
    " kpledger compare URL..., and let the participants decide which one goes on"
)


@command("evidence list")
def list_evidence(
    *, connection: ConnectionOptions, copy: Path | None = None, out: Path | None = None
) -> None:
    """List the evidence that a node or a copy holds, judged here, and write it into files."""
    session = Session(connection, offline=OfflineOptions(copy=copy))
    electorate = Electorate.of(session.genesis)
    if out is not None:
        check_destination("--out", out, parents=True)
    chain = None if copy is None else session.open_chain()
    if isinstance(chain, CopiedChain):
        source, found = chain.source, tuple(chain.evidence())
    else:
        source, found = session.ask(LedgerClient.evidence)
    judged = [(_id_of(one), _judge(one, electorate)) for one in found]
    if out is not None:
        out.mkdir(parents=True)
        for evidence, (name, verdict) in zip(found, judged, strict=True):
            write_public(out / f"{verdict.kind}-{name}.json", format_evidence(evidence))
    if connection.as_json:
        listed = [{"id": name, **_tell(verdict)} for name, verdict in judged]
        print_json({"source": source, "evidence": listed})
        return
    print_line(f"{source} holds {len(found)} pieces of evidence")
    print_table(("id", "kind", "shows", "of"), [_row(*one) for one in judged])


@command("evidence show")
def show_evidence(file: Path, local: LocalOptions) -> None:
    """Show what a file of evidence says, without verifying it."""
    evidence = _load(file)
    kind = kind_of_evidence(evidence)
    known = {
        "kind": kind,
        "about": KIND_NAMES[kind],
        "id": _id_of(evidence),
        "says": _read_accusation(evidence),
    }
    if local.as_json:
        print_json({**known, "evidence": evidence})
    else:
        print_fields(known)
        print_line("Nothing of it is verified yet: kpledger evidence verify does that.")


@command("evidence verify")
def verify_evidence(file: Path, *, genesis: Path | None = None, local: LocalOptions) -> None:
    """Say whom a file of evidence convicts, and of what, with the genesis file alone.

    Exit code 0: it convicts; 1: it does not; 2: it cannot be read.
    """
    evidence = _load(file)
    pinned = Session(ConnectionOptions(genesis=genesis, home=local.home)).genesis
    found = _judge(evidence, Electorate.of(pinned))
    if local.as_json:
        print_json(_tell(found))
    elif isinstance(found, EvidenceError):
        print_line(f"NOBODY is convicted: {found}")
        told = "what was signed on another ledger takes the genesis file of that one"
        print_line(f"  Judged for    the ledger {pinned.chain.hex()}; {told}.")
    else:
        for line in format_conviction(found, pinned):
            print_line(line)
    raise typer.Exit(EXIT_DONE if _convicts(found) else EXIT_REFUSED)


def _judge(evidence: Evidence, electorate: Electorate) -> Conviction | EvidenceError:
    try:
        return judge(evidence, electorate)
    except EvidenceError as error:
        return error


def _row(name: str, found: Conviction | EvidenceError) -> tuple[str, str, str, str]:
    if isinstance(found, EvidenceError):
        return name, found.kind, "nothing: it does not hold", ""
    return name, found.kind, f"a {found.guilt}", ", ".join(found.culprits)


def _convicts(found: Conviction | EvidenceError) -> bool:
    return isinstance(found, Conviction) and found.guilt.convicts


def _tell(found: Conviction | EvidenceError) -> dict[str, object]:
    """Give for programs what evidence amounts to."""
    told: dict[str, object] = {"convicts": _convicts(found), "kind": found.kind}
    if isinstance(found, EvidenceError):
        return told | {"problem": found.problem}
    return told | {"guilt": found.guilt, "culprits": found.culprits, "words": found.words}


def format_conviction(conviction: Conviction, genesis: Genesis) -> list[str]:
    """Write for people whom evidence convicts, and what to do."""
    kind, guilt = conviction.kind, conviction.guilt
    who = " and ".join(
        f"{one} (run by {genesis.node(one).participant})" for one in conviction.culprits
    )
    if guilt.convicts:
        verdict = f"CONVICTED of a {guilt}: {who}"
    elif who:
        verdict = f"SUSPECTED, and not convicted: {who}"
    else:
        verdict = "NOBODY is convicted"
    if kind == "E8":
        verdict = f"FORK. {verdict}"
    advice = [f"  What to do    {ADVICE[guilt]}."] if who else []
    fork = [f"  The fork      {_FORK}."] if kind == "E8" else []
    return [
        verdict,
        f"  Kind          {kind}, {KIND_NAMES[kind]}",
        f"  What is shown {conviction.words}.",
        *fork,
        *advice,
    ]


def _id_of(evidence: Evidence) -> str:
    return evidence_id(encode_evidence(evidence)).hex()


def _load(file: Path) -> Evidence:
    return parse_evidence(read_bounded(file, max_bytes=MAX_EVIDENCE_JSON_BYTES))


def _read_accusation(evidence: Evidence) -> str:
    try:
        return evidence.accusation
    except LedgerError as error:
        return f"nothing: {error}"
