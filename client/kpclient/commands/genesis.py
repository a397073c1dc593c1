"""``kpledger genesis``: what a genesis file says, and which ledger it founds."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import asdict

from kpclient.commands.declared import command
from kpclient.input.options import LocalOptions
from kpclient.output.console import print_fields, print_json, print_line, print_table
from kpclient.session import load_genesis
from kpledger.base.ids import KPCS
from kpledger.base.units import format_time
from kpledger.log.genesis import Genesis
from kpledger.log.statements import Electorate


@command("genesis show")
def show_genesis(*, file: Path, local: LocalOptions) -> None:
    """Show which ledger a genesis file founds: its chain id, who takes part, by which keys.

    Nobody is asked. Compare the chain id with that which somebody you trust tells you: whoever
    changes what the file says founds another ledger.
    """
    genesis = load_genesis(file)
    if local.as_json:
        known = {"chain": genesis.chain, "config_hash": genesis.config_hash}
        print_json(known | asdict(genesis.file))
        return
    founded, voters = genesis.file, genesis.file.voters
    print_fields(
        {
            "chain": genesis.chain.hex(),
            "log": founded.origin,
            "founded": format_time(founded.created_at),
            "rules": f"begins with version {founded.rules_version}",
            "voters": f"{', '.join(voters)}; {Electorate.of(genesis).majority} of them decide",
            "recovery": _describe_recovery(genesis),
        }
    )
    print_line("founders")
    print_table(("code", "name", "kind", "root key", "recovery key"), _founder_rows(genesis))
    print_line("nodes")
    keys = ("consensus key", "cosigning key", "TLS key")
    print_table(("name", "run by", "", *keys), _node_rows(genesis))
    print_line("policy")
    policy = asdict(founded.policy).items()
    print_table(("name", "value"), [(name, str(value)) for name, value in policy])


def _describe_recovery(genesis: Genesis) -> str:
    """Say who signs that somebody gets new keys."""
    recovery = genesis.file.recovery
    return (
        f"the Chair and {recovery.witnesses} participants give another one new keys;"
        f" {recovery.chair_quorum} participants the Chair and the secretariat"
    )


def _founder_rows(genesis: Genesis) -> Iterator[tuple[str, ...]]:
    founded = genesis.file
    yield f"{KPCS}/chair", "the Chair", "", founded.chair_key, ""
    yield f"{KPCS}/secretariat", "the secretariat", "", founded.secretariat_key, ""
    for one in founded.participants:
        yield one.code, one.name, one.kind, one.root_key, one.recovery_key


def _node_rows(genesis: Genesis) -> Iterator[tuple[str, ...]]:
    founded = genesis.file
    for one in founded.nodes:
        votes = "votes" if one.name in founded.voters else ""
        keys = (one.consensus_key, one.cosigning_key, one.tls_key)
        yield one.name, one.participant, votes, *keys
