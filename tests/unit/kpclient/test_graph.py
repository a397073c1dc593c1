"""Graphs as SVG: drawn, or refused with what is wrong."""

from xml.etree import ElementTree as ET

import pytest

from kpclient.errors import ClientError
from kpclient.output.graph import draw_svg


def test_graph_is_drawn() -> None:
    root = ET.fromstring(draw_svg('digraph { a [label="BW→IN"]; a -> b }'))  # noqa: S314
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "BW→IN" in "".join(root.itertext())


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(ClientError, match=r"Graphviz cannot draw it: .+"):
        draw_svg("digraph { a -> ")
