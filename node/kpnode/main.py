"""The ``kpnode`` command: make a node, run it, run a network on one machine, ask how it is."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from kpledger import __version__
from kpledger.api.addresses import NODE_URL, NODE_VARIABLE, NodeAddress, is_here, parse_addresses
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.ids import parse_node_name
from kpledger.base.text import clean, escape_json
from kpledger.command import EXIT_LATER, EXIT_UNDECIDED, example_epilog, make_program, number_parser
from kpledger.reading import say_trouble
from kpnode.addresses import Address, SourceUrl
from kpnode.asking import ask_nodes, print_nodes
from kpnode.config import FollowSection, load_config
from kpnode.daemon import run_node
from kpnode.devnet import NetworkPlan, open_network, run_network
from kpnode.errors import SetupError
from kpnode.founding import PlannedNode, init_node, init_replica
from kpnode.migration import migrate_node
from kpnode.process import keep_private, set_up_logging
from kpnode.storage.errors import ShortageError, StorageError, is_shortage
from kpnode.tokens import add_token, load_token, read_tokens, revoke_token

app = make_program(
    "kpnode",
    __version__,
    "A node of the kpledger network: make it, run it, ask how it is.",
    "kpnode devnet /tmp/net --voters 4 --port 7600",
)

_TROUBLE = (SetupError, LedgerError, StorageError)


def _stop(problem: object, code: int = EXIT_UNDECIDED) -> typer.Exit:
    said = say_trouble(problem) if isinstance(problem, OSError) else problem
    typer.echo(clean(f"kpnode: {said}"), err=True)
    return typer.Exit(code)


@contextmanager
def _explaining(kinds: tuple[type[Exception], ...] = _TROUBLE) -> Iterator[None]:
    """End the command with a sentence where there is trouble."""
    try:
        yield
    except kinds as error:
        raise _stop(error) from None


def _print_json(value: Mapping[str, object], *, err: bool = False) -> None:
    # Nothing is left in a buffer: whoever started us may wait for this line.
    typer.echo(escape_json(json.dumps(value)), err=err)


_Replica = Annotated[
    bool, typer.Option("--replica", help="Make a node that does not vote, and follows the others.")
]
_Peers = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=HOST:PORT",
        help="With --replica: where another node listens for nodes; may be repeated.",
    ),
]
_Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="URL",
        help="With --replica: the API of a node to get blocks from; may be repeated.",
    ),
]
_SourceToken = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --from: a file with the token that they know."),
]


@app.command(epilog=example_epilog("kpnode init /srv/kp --name bw-1 --participant BW"))
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", file_okay=False, help="The node's directory.")
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The node's name in the genesis file, such as bw-1.")
    ],
    participant: Annotated[
        str,
        typer.Option(
            metavar="CODE", help="The participant who runs it, such as BW; not with --replica."
        ),
    ] = "",
    *,
    genesis: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The genesis file, once the participants agreed on it."),
    ] = None,
    api: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to serve the API.")
    ] = "127.0.0.1:7600",
    peers: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen for other nodes.")
    ] = "0.0.0.0:7700",
    replica: _Replica = False,
    peer: _Peers = None,
    source: _Sources = None,
    source_token: _SourceToken = None,
) -> None:
    """Make the keys of a node; with --genesis, found its ledger.

    Run it once to print the node's entry for the genesis file, and again with the finished file.
    Keys that are there already are kept.

    A node that does not vote needs no entry if it gets its blocks from the APIs of others:
    kpnode init DIR --replica --name obs-1 --genesis FILE --from https://bw-1.example:7600.
    """
    with _explaining((*_TROUBLE, OSError, ValueError)):
        place = PlannedNode(name, participant, Address(api), Address(peers))
        if replica:
            follow = FollowSection(sources=tuple(map(SourceUrl, source or ())))
            if source_token is not None:
                follow = msgspec.structs.replace(follow, token=source_token.absolute())
            addresses = dict(map(_read_peer, peer or ()))
            entry = init_replica(directory, place, genesis, addresses, follow)
        elif peer or source or source_token:
            raise SetupError("--peer, --from and --source-token go with --replica")
        else:
            entry = init_node(directory, place, genesis)
    _print_json(entry)


def _read_peer(text: str) -> tuple[str, Address]:
    name, _, address = text.partition("=")
    return parse_node_name(name), Address(address)


@app.command(epilog=example_epilog("kpnode run --config /srv/kp/node.toml"))
def run(
    config: Annotated[Path, typer.Option(metavar="FILE", help="The node's node.toml.")],
    verbose: Annotated[bool, typer.Option("--verbose", help="Log everything.")] = False,  # noqa: FBT002 (a flag)
) -> None:
    """Run a node until SIGTERM or Ctrl-C.

    Prints one line of JSON when it listens; whether it takes part, its health tells.
    """
    set_up_logging(verbose=verbose)
    try:
        loaded = load_config(config)
        listening = {"node": loaded.node.name, "listening": True}
        uvloop.run(run_node(loaded, lambda url: _print_json(listening | {"api": url})))
    except (ShortageError, OSError, *_TROUBLE) as error:
        if is_shortage(error):
            raise _stop(error, EXIT_LATER) from None
        if isinstance(error, OSError):
            raise
        raise _stop(error) from None


_FirstPort = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="First port of the API; peers use those 100 above. 0 takes free ones. [default: 7600]",
        parser=number_parser(int),
    ),
]
_Participants = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A CSV file with the columns code, name, kind. [default: those of the scheme]",
    ),
]


@app.command(epilog=example_epilog("kpnode devnet /tmp/net --voters 4 --port 7600"))
def devnet(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", file_okay=False, help="Where the network lives; made if missing."
        ),
    ],
    voters: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many nodes vote. Each node is a process. [default: 4]",
            parser=number_parser(int),
        ),
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many more follow, each of which knows three others. [default: 0]",
            parser=number_parser(int),
        ),
    ] = None,
    port: _FirstPort = None,
    participants: _Participants = None,
    *,
    api_tls: Annotated[
        bool, typer.Option("--api-tls", help="Serve the API over TLS as well.")
    ] = False,
    no_quotas: Annotated[
        bool,
        typer.Option(
            "--no-quotas",
            help="Found it with quotas that nobody reaches, to load years of trade in minutes.",
        ),
    ] = False,
) -> None:
    """Run a whole network on this machine, for development only.

    Writes a genesis file and keys (all in one place, so never for real use), starts one process for
    each node, prints one JSON object when a leader exists, and stops all of them on Ctrl-C. A
    directory that holds a network already is started again, as it was founded: options that
    contradict it are refused.
    """
    with _explaining((*_TROUBLE, OSError, ValueError)):
        place = directory.absolute()
        plan = NetworkPlan(
            voters=voters,
            replicas=replicas,
            port=port,
            participants=participants,
            tls=api_tls,
            quotas=not no_quotas,
        )
        genesis = open_network(place, plan)
        report = partial(_print_json, err=True)
        asyncio.run(run_network(place, genesis, on_ready=_print_json, on_ended=report))


_tokens = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make, list and revoke the tokens of clients.",
    epilog=example_epilog("kpnode token list --config /srv/kp/node.toml"),
)
app.add_typer(_tokens, name="token")
_ConfigFile = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The node's node.toml.")
]
_TokenName = Annotated[
    str, typer.Argument(metavar="NAME", help="Whose token it is, such as border-office.")
]


@_tokens.command("add", epilog=example_epilog("kpnode token add office --config /srv/kp/node.toml"))
def add(name: _TokenName, config: _ConfigFile) -> None:
    """Make a token and print it, once: the node keeps its hash alone.

    A running node accepts it from the next request on.
    """
    with _explaining():
        typer.echo(add_token(load_config(config).access.tokens, name))


@_tokens.command("list", epilog=example_epilog("kpnode token list --config /srv/kp/node.toml"))
def list_tokens(config: _ConfigFile) -> None:
    """List tokens: the name of each, and the day on which it was made."""
    with _explaining():
        for one in read_tokens(load_config(config).access.tokens):
            typer.echo(f"{one.name}  {one.day}")


@_tokens.command(
    "revoke", epilog=example_epilog("kpnode token revoke office --config /srv/kp/node.toml")
)
def revoke(name: _TokenName, config: _ConfigFile) -> None:
    """Revoke a token: a running node refuses it from the next request on."""
    with _explaining():
        revoke_token(load_config(config).access.tokens, name)


@app.command(epilog=example_epilog("kpnode migrate --config /srv/kp/node.toml"))
def migrate(
    config: _ConfigFile,
    until: Annotated[
        int | None,
        typer.Option(
            metavar="HEIGHT",
            help="The greatest height that this command told on any voter; a wrong one can be set"
            " right. [default: what it told before]",
            parser=number_parser(int, least=0),
        ),
    ] = None,
) -> None:
    """Make the ledger of an earlier version one of this, while its node is stopped.

    Repeating it does no harm. What it tells has to be the same on every voter.
    """
    with _explaining():
        for sentence in migrate_node(load_config(config), until):
            typer.echo(sentence)


@app.command(epilog=example_epilog("kpnode status --node http://127.0.0.1:7600"))
def status(
    context: typer.Context,
    node: Annotated[
        list[str],
        typer.Option(
            metavar="URL[,URL]", envvar=NODE_VARIABLE, help="Nodes' APIs; may be repeated."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002 (a flag)
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with a token, for nodes on this machine."),
    ] = None,
) -> None:
    """Ask nodes how they are.

    Exit code 2 if one of them does not answer.
    """
    addresses = _read_addresses(context, node)
    for one in addresses:
        if token_file is not None and (one.login or not is_here(one.url)):
            # Whoever answers there is not known by a key: `kpledger status` looks at that.
            place = "behind a password" if one.login else "not on this machine"
            raise _stop(f"--token-file: {one.url} is {place}; kpledger status sends tokens")
    try:
        token = None if token_file is None else load_token(token_file)
    except SetupError as error:
        raise _stop(f"--token-file: {error}") from None
    found = asyncio.run(ask_nodes(addresses, token))
    if as_json:
        _print_json({"nodes": found})
    else:
        print_nodes([one.url.partition("://")[2] for one in addresses], found)
    if any("error" in one for one in found):
        raise typer.Exit(EXIT_UNDECIDED)


def _read_addresses(context: typer.Context, texts: Sequence[str]) -> Sequence[NodeAddress]:
    source = context.get_parameter_source("node")
    where = "--node" if source is None or source.name == "COMMANDLINE" else NODE_VARIABLE
    try:
        found = parse_addresses(texts)
    except MalformedError as error:
        raise _stop(f"{where}: {error.problem}; accepted: {NODE_URL}") from None
    if not found:
        raise _stop(f"{where}: no node is named; accepted: {NODE_URL}")
    return found


def main() -> None:
    """Run the command."""
    keep_private()
    app()
