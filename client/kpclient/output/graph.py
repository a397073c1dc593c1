"""Drawing: a graph in the language of Graphviz as SVG.

pygraphviz brings Graphviz along, so that nobody has to install it. It runs in a process of its
own, because its layout holds the interpreter until it is done and it reports about fonts on stderr.
"""

import subprocess
import sys
from typing import Final

from kpclient.errors import ClientError

_PATIENCE_S: Final = 120


def draw_svg(graph: str) -> bytes:
    """Lay a graph out and draw it.

    Raises:
        ClientError: Graphviz is not installed, refuses the graph, or takes too long.
    """
    try:
        drawn = subprocess.run(  # noqa: S603 (this interpreter and this module)
            [sys.executable, "-m", __name__],
            input=graph.encode(),
            capture_output=True,
            timeout=_PATIENCE_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise ClientError(
            f"the graph is too large to be drawn in {_PATIENCE_S} s; ask for less, or print it"
            f" with --dot"
        ) from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.decode(errors="replace").strip() or str(error)).splitlines()[-1]
        raise ClientError(f"Graphviz cannot draw it: {last}") from None
    return drawn.stdout


def _main() -> None:
    try:
        import pygraphviz  # noqa: PLC0415 (only the drawing process loads it)
    except ImportError:
        sys.exit("pygraphviz is not installed: pip install '.[client]' in a clone of the project")
    graph = pygraphviz.AGraph(string=sys.stdin.read())
    sys.stdout.buffer.write(graph.draw(format="svg", prog="dot"))


if __name__ == "__main__":
    _main()
