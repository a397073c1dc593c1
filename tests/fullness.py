"""Disks without room: a real small one where this user may mount, and a limit for one process."""

import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MOUNT, _UMOUNT = shutil.which("mount") or "/bin/mount", shutil.which("umount") or "/bin/umount"


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let every write fail that would make a file longer; the kernel says EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk_at(directory: Path, size: str) -> Iterator[None]:
    """Mount a tmpfs of a size, as `2m`, over a directory; skip the test where it may not."""
    mount = [_MOUNT, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs to mount a small tmpfs: {error}")
    try:
        yield
    finally:
        subprocess.run([_UMOUNT, str(directory)], check=True)


def enlarge(directory: Path, size: str) -> None:
    """Give a small disk more room."""
    subprocess.run([_MOUNT, "-o", f"remount,size={size}", str(directory)], check=True)
