"""The ``kpnode`` command, and ``python -m kpnode``."""

from kpledger.start import start


def main() -> None:
    """Run the command."""
    start("kpnode.main")


if __name__ == "__main__":
    main()
