"""The ``kpledger`` command, and ``python -m kpclient``."""

from kpledger.start import start


def main() -> None:
    """Run the command."""
    start("kpclient.cli")


if __name__ == "__main__":
    main()
