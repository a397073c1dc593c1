"""``kpledger evidence``: what a file shows against a voter, judged here with the genesis file.

Nothing is asked of anybody: whoever has the genesis file comes to the same verdict.
"""

from pathlib import Path
from typing import Final

import typer

from kpclient.commands.declared import command
from kpclient.files import read_bounded
from kpclient.input.options import ConnectionOptions, LocalOptions
from kpclient.output.console import print_fields, print_json, print_line
from kpclient.session import Session
from kpledger.base.errors import LedgerError
from kpledger.command import EXIT_DONE, EXIT_REFUSED
from kpledger.log.conviction import Conviction, EvidenceError, Guilt
from kpledger.log.evidence import Evidence, kind_of_evidence
from kpledger.log.evidence_file import (
    MAX_EVIDENCE_JSON_BYTES,
    encode_evidence,
    evidence_id,
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
    " kpledger audit --heads URL..., and let the participants decide which one goes on"
)


@command("evidence show")
def show_evidence(file: Path, local: LocalOptions) -> None:
    """Show what a file of evidence says, without verifying it."""
    evidence = _load(file)
    kind, encoded = kind_of_evidence(evidence), encode_evidence(evidence)
    known = {
        "kind": kind,
        "about": KIND_NAMES[kind],
        "id": evidence_id(encoded).hex(),
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
    try:
        conviction = judge(evidence, Electorate.of(pinned))
    except EvidenceError as error:
        if local.as_json:
            print_json({"convicts": False, "kind": error.kind, "problem": error.problem})
        else:
            print_line(f"NOBODY is convicted: {error}")
        raise typer.Exit(EXIT_REFUSED) from None
    if local.as_json:
        print_json(
            {
                "convicts": conviction.guilt.convicts,
                "kind": conviction.kind,
                "guilt": conviction.guilt,
                "culprits": conviction.culprits,
                "words": conviction.words,
            }
        )
    else:
        for line in format_conviction(conviction, pinned):
            print_line(line)
    raise typer.Exit(EXIT_DONE if conviction.guilt.convicts else EXIT_REFUSED)


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


def _load(file: Path) -> Evidence:
    return parse_evidence(read_bounded(file, max_bytes=MAX_EVIDENCE_JSON_BYTES))


def _read_accusation(evidence: Evidence) -> str:
    try:
        return evidence.accusation
    except LedgerError as error:
        return f"nothing: {error}"
