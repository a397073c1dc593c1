"""Why a node's storage cannot be opened, read or written; each error names the directory."""

from pathlib import Path


class StorageError(Exception):
    """The storage in a directory cannot do what it was asked.

    Attributes:
        directory: the database's directory.
        why: the trouble, in words.
    """

    def __init__(self, directory: Path, why: str) -> None:
        """Say where, and what the trouble is."""
        super().__init__(f"{directory}: {why}")
        self.directory = directory
        self.why = why


class StorageMissingError(StorageError):
    """No ledger was founded in the directory; `kpnode init` does that."""


class StorageLockedError(StorageError):
    """Another process has the directory open.

    Attributes:
        pid: what the other process wrote down as its process id, None if it did not.
    """

    def __init__(self, directory: Path, pid: int | None) -> None:
        """Say who holds the directory, as far as it is known."""
        holder = "" if pid is None else f" (process {pid})"
        super().__init__(directory, f"another kpnode is running on {directory}{holder}")
        self.pid = pid


class OtherChainError(StorageError):
    """The directory belongs to a ledger with another genesis file.

    Attributes:
        expected: the chain this node was told to serve.
        found: the chain of the directory.
    """

    def __init__(self, directory: Path, *, expected: bytes, found: bytes) -> None:
        """Name both chains."""
        super().__init__(directory, f"holds chain {found.hex()}, not chain {expected.hex()}")
        self.expected = expected
        self.found = found


class UnknownFormatError(StorageError):
    """The directory was written by another version of the layout, or by another program.

    Attributes:
        found: the value of the format record, None if there is none.
    """

    def __init__(self, directory: Path, *, expected: bytes, found: bytes | None) -> None:
        """Name both formats."""
        said = "no format record" if found is None else f"format {found.hex()}"
        super().__init__(directory, f"{said}, where this program knows format {expected.hex()}")
        self.found = found


class LostHardStateError(StorageError):
    """The log is there, the record of the own votes is not: this node might vote twice."""

    def __init__(self, directory: Path, *, last: int) -> None:
        """Say how far the log reaches that lost its sign-state."""
        why = f"log without sign-state: {last} entries, but no record of term and vote"
        super().__init__(directory, f"{why}; this node may only come back as a replica")


class StorageCorruptError(StorageError):
    """Stored bytes are not what was written.

    Attributes:
        height: the entry that cannot be read, None where no single entry is known.
        finding: what was found instead.
    """

    def __init__(self, directory: Path, *, height: int | None, finding: str) -> None:
        """Say which entry, and what was found instead."""
        where = "the database is damaged" if height is None else f"height {height} is damaged"
        super().__init__(directory, f"{where}: {finding}")
        self.height = height
        self.finding = finding


class StorageFailedError(StorageError):
    """A write or its sync failed, so that nothing is known about the disk; the node must stop.

    Attributes:
        finding: what the first write that failed said.
    """

    def __init__(self, directory: Path, finding: str) -> None:
        """Say what the first write that failed said."""
        super().__init__(directory, f"storage has failed and takes no more writes: {finding}")
        self.finding = finding
