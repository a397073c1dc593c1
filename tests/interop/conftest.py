"""What tests against programs of others need: Go, from Debian's packages, and check.go built."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = Path("/usr/share/gocode")
PACKAGES = ("golang-go", "golang-golang-x-mod-dev")


def _is_installed() -> bool:
    return shutil.which("go") is not None and (SOURCES / "src/golang.org/x/mod/sumdb").is_dir()


def _install() -> None:
    """Install it where that is nobody's machine: in the build, which runs as root."""
    apt = shutil.which("apt-get")
    if not os.environ.get("CI") or os.geteuid() != 0 or apt is None:
        pytest.skip(f"Go is not installed here; apt-get install {' '.join(PACKAGES)}")
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        subprocess.run([apt, "--quiet=2", *command], check=True, timeout=300)


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the program that verifies logs with Go's own packages."""
    if not _is_installed():
        _install()
    go, folder = shutil.which("go"), tmp_path_factory.mktemp("go")
    assert go is not None
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(SOURCES),
        "GOCACHE": str(folder / "cache"),
        "CGO_ENABLED": "0",
    }
    program = folder / "check"
    build = [go, "build", "-o", str(program), str(HERE / "check.go")]
    subprocess.run(build, check=True, env=environment, timeout=240)
    return program
