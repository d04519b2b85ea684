"""The ports of the tests' servers: test processes that run at the same time never get the same one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures import services

ROOT = Path(__file__).resolve().parents[3]
PORTS = range(32_100, 32_120)  # few, so that the processes meet; beyond those of other tests
HOLDER = f"""
import sys
from tests.fixtures import services
services.FIRST_PORT, services.LAST_PORT = {PORTS.start}, {PORTS.stop}
services.PORTS_LOCK = sys.argv[2]
print(*(services.free_port() for _ in range(int(sys.argv[1]))), flush=True)
sys.stdin.read()
"""


class Holder:
    """Another test process, which holds ports until it is killed."""

    def __init__(self, count: int, lock: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(count), str(lock)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.ports = [int(port) for port in self._process.stdout.readline().split()]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def hold(few_ports: Path) -> Iterator[Callable[[int], Holder]]:
    holders: list[Holder] = []

    def start(count: int) -> Holder:
        holders.append(Holder(count, few_ports))
        return holders[-1]

    yield start
    for holder in holders:
        holder.kill()


@pytest.fixture
def few_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A range of ports, and a file of locks, of this test's own."""
    lock = tmp_path / "ports.lock"
    services.ports_lock.cache_clear()
    monkeypatch.setattr(services, "PORTS_LOCK", lock)
    monkeypatch.setattr(services, "FIRST_PORT", PORTS.start)
    monkeypatch.setattr(services, "LAST_PORT", PORTS.stop)
    yield lock
    services.ports_lock.cache_clear()


def test_three_processes_get_different_ports(hold: Callable[[int], Holder]) -> None:
    held = [*hold(5).ports, *hold(5).ports, *(services.free_port() for _ in range(5))]
    assert len(set(held)) == 15
    assert set(held) <= set(PORTS)


def test_a_killed_process_gives_its_ports_back(hold: Callable[[int], Holder], monkeypatch: pytest.MonkeyPatch) -> None:
    first = hold(5)
    others = set(PORTS) - set(first.ports)
    monkeypatch.setattr(services, "_given_ports", others)
    with pytest.raises(OSError, match="no free port"):
        services.free_port()
    first.kill()
    assert services.free_port() in first.ports
