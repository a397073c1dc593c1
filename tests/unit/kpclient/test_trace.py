"""A lineage as Graphviz reads it: every name quoted, every link once."""

from kpclient.commands.trace import format_dot
from kpledger.books.trace import LinkKind, TraceAnswer, TracedLink, TracedShipment

SHIPMENT = TracedShipment(
    subject="BW000001",
    state="CONFIRMED",
    issuer="BW",
    destination="EU",
    issued_on="2026-03-02",
    origins=("BW",),
    carat_thousandths=1500,
    suspect=False,
)
CASE = TracedShipment(
    subject="BW000001/1",
    state="OPEN",
    issuer="EU",
    destination="",
    issued_on="",
    origins=(),
    carat_thousandths=0,
    suspect=False,
)
LINK = TracedLink(
    earlier="BW000001", later="BW000001/1", link=LinkKind.CASE, carat_thousandths=None
)


def test_a_graph_names_shipments_and_links() -> None:
    found = TraceAnswer(
        subject="BW000001", shipments=(SHIPMENT, CASE), back=(), forward=(LINK,), complete=True
    )
    assert format_dot(found) == (
        "digraph lineage {\n"
        "  rankdir=LR;\n"
        "  node [shape=box, fontname=sans];\n"
        '  "BW000001" [label="BW000001\\nCONFIRMED\\nBW to EU\\n2026-03-02\\n1.500 ct of BW",'
        " penwidth=3];\n"
        '  "BW000001/1" [label="BW000001/1\\nOPEN\\nwith EU"];\n'
        '  "BW000001" -> "BW000001/1" [label="case", style=dotted];\n'
        "}\n"
    )
