"""Verifies the signatures of blocks, in this process or as a process beside it.

Such a process reads MessagePack arrays [first height, stored entries], and answers each with a line
of JSON: null, or what violates the protocol. It ends with its input.
"""

import sys
from collections.abc import Sequence
from io import FileIO

import msgpack
import msgspec

from kpledger.log.audit import Violation, find_bad_signature


def verify_batch(first_height: int, blocks: Sequence[bytes]) -> Violation | None:
    """Give the first violation in the signatures of blocks that follow each other."""
    found = (find_bad_signature(height, one) for height, one in enumerate(blocks, first_height))
    return next((violation for violation in found if violation is not None), None)


def _main() -> None:
    # Not the buffered stream, which waits for more than a batch.
    for first_height, blocks in msgpack.Unpacker(FileIO(0)):
        answer = msgspec.json.encode(verify_batch(first_height, blocks))
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
