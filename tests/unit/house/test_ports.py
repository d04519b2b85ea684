"""The ports of the tests' servers: test processes that run at the same time never get the same one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures import services

ROOT = Path(__file__).resolve().parents[3]
PORTS = range(31_900, 31_920)  # few, so that the processes meet
HOLDER = f"""
import sys
from tests.fixtures import services
services.FIRST_PORT, services.LAST_PORT = {PORTS.start}, {PORTS.stop}
print(*(services.free_port() for _ in range(int(sys.argv[1]))), flush=True)
sys.stdin.read()
"""


class Holder:
    """Another test process, which holds ports until it is killed."""

    def __init__(self, count: int) -> None:
        command = [sys.executable, "-c", HOLDER, str(count)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.ports = [int(port) for port in self._process.stdout.readline().split()]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def hold() -> Iterator[Callable[[int], Holder]]:
    holders: list[Holder] = []

    def start(count: int) -> Holder:
        holders.append(Holder(count))
        return holders[-1]

    yield start
    for holder in holders:
        holder.kill()


@pytest.fixture
def few_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "FIRST_PORT", PORTS.start)
    monkeypatch.setattr(services, "LAST_PORT", PORTS.stop)


@pytest.mark.usefixtures("few_ports")
def test_three_processes_get_different_ports(hold: Callable[[int], Holder]) -> None:
    held = [*hold(5).ports, *hold(5).ports, *(services.free_port() for _ in range(5))]
    assert len(set(held)) == 15
    assert set(held) <= set(PORTS)


@pytest.mark.usefixtures("few_ports")
def test_a_killed_process_gives_its_ports_back(hold: Callable[[int], Holder], monkeypatch: pytest.MonkeyPatch) -> None:
    first = hold(5)
    others = set(PORTS) - set(first.ports)
    monkeypatch.setattr(services, "_given_ports", others)
    with pytest.raises(OSError, match="no free port"):
        services.free_port()
    first.kill()
    assert services.free_port() in first.ports
