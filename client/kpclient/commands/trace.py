"""``kpledger trace``: where the goods of a certificate came from, and where they went."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from rich.tree import Tree

from kpclient.commands.declared import Asking, asks
from kpclient.errors import UsageError
from kpclient.files import check_destination, is_stdout, write_public
from kpclient.net.connections import NotTrustworthyError
from kpclient.output.console import grow_tree, print_json, print_line, print_text, print_tree
from kpclient.output.graph import draw_svg
from kpledger.base.text import clean_lines
from kpledger.base.units import format_carats
from kpledger.books.trace import (
    MAX_TRACED,
    TRACE,
    LinkKind,
    TraceAnswer,
    TracedLink,
    TracedShipment,
    TraceQuestion,
)

_DEEPEST: Final = 100
"""Steps that a tree on a terminal shows one below the other."""
_STYLES: Final = {
    LinkKind.SOURCE: "solid",
    LinkKind.REPLACEMENT: "bold",
    LinkKind.CASE: "dotted",
    LinkKind.TECHNICAL: "dashed",
}


@asks("trace", TRACE)
def trace(
    asking: Asking[TraceQuestion, TraceAnswer], *, dot: bool = False, svg: Path | None = None
) -> None:
    """Trace goods back to where they came from, and forward to where they went."""
    is_printed = svg is not None and is_stdout(svg)
    if dot + is_printed + asking.as_json > 1:
        accepted = "--dot, --json or --svg -, one of them"
        raise UsageError("--dot" if dot else "--json", "two forms were asked for", accepted)
    if svg is not None:
        check_destination("--svg", svg, form="svg")
    found = asking.answer()
    _check_complete(found)
    if svg is not None:
        drawing = draw_svg(format_dot(found))
        if is_printed:
            print_text(drawing.decode())
            return
        write_public(svg, drawing)
    if asking.as_json:
        print_json(found)
    elif dot:
        print_text(format_dot(found))
    elif svg is not None:
        print_line(f"drawn: {svg}")
    else:
        _print(found)


def _check_complete(found: TraceAnswer) -> None:
    """See that every shipment of a lineage is described."""
    links = (*found.back, *found.forward)
    named = {found.subject, *(end for link in links for end in (link.earlier, link.later))}
    for subject in sorted(named - {one.subject for one in found.shipments}):
        problem = f"its lineage names {subject!r:.80}, of which it says nothing more"
        raise NotTrustworthyError("the node", problem)


def _print(found: TraceAnswer) -> None:
    shipments = {one.subject: one for one in found.shipments}
    for title, links, step in (
        ("came from", found.back, lambda link: (link.later, link.earlier)),
        ("went to", found.forward, lambda link: (link.earlier, link.later)),
    ):
        print_tree(grow_tree(title, [_grow(found.subject, links, step, shipments)]))
    if not found.complete:
        nearest = f"these are the nearest {len(shipments)} shipments"
        print_line(f"there is more; {nearest}, and a larger --limit shows up to {MAX_TRACED}")


def _grow(
    root: str,
    links: tuple[TracedLink, ...],
    step: Callable[[TracedLink], tuple[str, str]],
    shipments: dict[str, TracedShipment],
) -> Tree:
    """Make a tree of links; what was shown once is only named when it comes again."""
    onward: dict[str, list[TracedLink]] = {}
    for link in links:
        onward.setdefault(step(link)[0], []).append(link)
    shown: set[str] = set()

    def grow(subject: str, how: str = "", depth: int = 0) -> Tree:
        label = f"{how}{_label(shipments[subject])}"
        further = onward.get(subject, [])
        if depth == _DEEPEST and further:
            return grow_tree(f"{label} (goes on: trace it)")
        if subject in shown:
            return grow_tree(f"{label} (see above)" if further else label)
        shown.add(subject)
        branches = [grow(step(link)[1], f"{_how(link)}: ", depth + 1) for link in further]
        return grow_tree(label, branches)

    return grow(root)


def _how(link: TracedLink) -> str:
    carats = link.carat_thousandths
    return link.link.lower() if carats is None else f"{format_carats(carats)} ct"


def _label(shipment: TracedShipment) -> str:
    if shipment.state is None:
        return f"{shipment.subject}, not on the ledger"
    if not shipment.destination:
        return f"{shipment.subject}, {shipment.state}, with {shipment.issuer}"
    origins = "+".join(shipment.origins) or "mixed"
    doubt = ", SUSPECT: see flag F16" if shipment.suspect else ""
    claims = "".join(f", {one}" for one in describe_claims(shipment))
    return (
        f"{shipment.subject}, {shipment.state}, {shipment.issuer} to {shipment.destination},"
        f" {shipment.issued_on}, {format_carats(shipment.carat_thousandths)} ct of {origins}{doubt}"
        f"{claims}"
    )


def describe_claims(shipment: TracedShipment) -> Iterator[str]:
    """Tell what re-exports claim of a certificate, and which claims of its own are wrong."""
    claimed, held = shipment.claimed_carat_thousandths, shipment.held_carat_thousandths
    if claimed:
        left = format_carats(max(0, held - claimed))
        yield f"{format_carats(claimed)} of {format_carats(held)} ct are claimed, {left} ct left"
    if shipment.wrong_sources:
        yield f"WRONG SOURCE {' '.join(shipment.wrong_sources)}: see flag F19"


def format_dot(found: TraceAnswer) -> str:
    """Write a lineage as a graph in the language of Graphviz."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box, fontname=sans];"]
    for one in found.shipments:
        label = "\n".join(_label(one).split(", "))
        bold = ", penwidth=3" if one.subject == found.subject else ""
        lines.append(f"  {_quote(one.subject)} [label={_quote(label)}{bold}];")
    for link in dict.fromkeys((*found.back, *found.forward)):
        ends = f"{_quote(link.earlier)} -> {_quote(link.later)}"
        lines.append(f"  {ends} [label={_quote(_how(link))}, style={_STYLES[link.link]}];")
    return "\n".join([*lines, "}", ""])


def _quote(text: str) -> str:
    escaped = clean_lines(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
