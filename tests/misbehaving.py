"""A library that is preloaded into programs, so that their disk misbehaves (`shim.c`)."""

import shutil
import subprocess
from pathlib import Path

import pytest

SHIM = Path(__file__).with_name("shim.c")


def compile_shim(directory: Path) -> str:
    """Compile it, and give where it is; without a compiler a test is skipped."""
    library = directory / "shim.so"
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    command = [compiler, "-shared", "-fPIC", "-Wall", "-o", str(library), str(SHIM), "-ldl"]
    subprocess.run(command, check=True)
    return str(library)
