"""Ordered ends: SIGTERM idle, busy, hung and twice; `--drain` and its exit codes; N processes under a parent."""

import os
import signal
import subprocess
import sys
import time

import pytest

from src.common.exit_codes import INTERNAL, STOPPED
from tests.fixtures.services import PATIENCE_S, free_port, wait_until
from tests.integration.worker.workplace import ROOT, Workplace, make_mail

pytestmark = pytest.mark.redis


def test_sigterm_when_idle_ends_soon_and_leaves_the_group(workplace: Workplace) -> None:
    worker = workplace.start_worker(BLOCK_TIMEOUT_MS="2000")
    ids = workplace.publish([make_mail(1)])
    workplace.wait_for(settled=1)
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert workplace.end(worker) == 0
    assert time.monotonic() - began < 4.0  # the longest BLOCK and the threads' last rounds
    assert workplace.stats().consumers == {}
    workplace.check_all_settled(ids, [make_mail(1)])


def test_sigterm_when_busy_finishes_what_is_begun_and_loses_nothing(workplace: Workplace) -> None:
    mails = [make_mail(number, "slow") for number in range(60)]
    ids = workplace.publish(mails)
    worker = workplace.start_worker(BATCH_SIZE="20")
    workplace.wait_for(settled=20)
    worker.send_signal(signal.SIGTERM)
    assert workplace.end(worker) == 0
    stats = workplace.stats()
    assert (stats.pending, stats.consumers) == (0, {})
    assert 0 < stats.waiting == 60 - stats.counters["settled"]
    assert workplace.drain() == 0
    workplace.check_all_settled(ids, mails)


def test_sigterm_when_hung_ends_when_the_grace_is_over(workplace: Workplace) -> None:
    mails = [make_mail(1), make_mail(2, "hang"), make_mail(3)]
    workplace.publish(mails)
    worker = workplace.start_worker(SHUTDOWN_GRACE_SECONDS="1")
    workplace.wait_for_log("mail_hangs")
    worker.send_signal(signal.SIGTERM)
    assert workplace.end(worker) == INTERNAL
    assert workplace.logged("worker_stuck")[0]["reason"] == "shutdown_too_slow"


def test_a_second_signal_leaves_at_once(workplace: Workplace) -> None:
    workplace.publish([make_mail(1, "hang")])
    worker = workplace.start_worker()
    workplace.wait_for_log("mail_hangs")
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: worker.poll() is None, what="it waits for the mail")
    time.sleep(0.2)
    worker.send_signal(signal.SIGINT)  # not SIGTERM: of two equal signals that wait for a busy process one is lost
    assert workplace.end(worker, timeout_s=15.0) == STOPPED  # SHUTDOWN_GRACE_SECONDS is 25


def test_drain_waits_for_retries_that_are_due_later(workplace: Workplace) -> None:
    mails = [make_mail(1, "raise"), make_mail(2)]
    ids = workplace.publish(mails)
    assert workplace.drain(DLQ_INITIAL_BACKOFF_SECONDS="1", DLQ_MAX_RETRY_ATTEMPTS="1") == 1
    workplace.check_all_settled(ids, mails, dead=[ids[0]])
    assert len(workplace.logged("mail_retried")) == 1


def test_drain_of_an_empty_stream_ends_well_even_with_old_dead_letters(workplace: Workplace) -> None:
    workplace.publish([make_mail(1, "raise")])
    assert workplace.drain(DLQ_MAX_RETRY_ATTEMPTS="0") == 1
    assert workplace.drain() == 0


def test_a_parent_keeps_its_workers_running_and_ends_them(workplace: Workplace) -> None:
    parent = _start_parent(workplace, "--processes", "2")
    try:
        wait_until(lambda: len(workplace.logged("worker_started")) == 2, what="two workers")
        victim = _children(parent.pid)[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(workplace.logged("worker_started")) == 3, what="a new worker")
        mails = [make_mail(number) for number in range(20)]
        ids = workplace.publish(mails)
        workplace.wait_for(settled=20)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(PATIENCE_S) == 0
        workplace.check_all_settled(ids, mails)
        assert len(workplace.logged("worker_ended")) == 2
    finally:
        parent.kill()
        parent.wait()


def test_children_end_when_their_parent_was_killed(workplace: Workplace) -> None:
    parent = _start_parent(workplace, "--processes", "2")
    wait_until(lambda: len(workplace.logged("worker_started")) == 2, what="two workers")
    parent.kill()
    parent.wait()
    wait_until(lambda: len(workplace.logged("worker_ended")) == 2, what="both ended")


def test_children_end_when_their_parent_was_killed_before_redis_was_ever_reached(workplace: Workplace) -> None:
    parent = _start_parent(workplace, "--processes", "2", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    wait_until(lambda: len(workplace.logged("service_awaited")) >= 2, what="both wait for Redis")
    children = _children(parent.pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(_is_running(child) for child in children), what="both ended")


def test_drain_with_several_processes_ends_by_itself(workplace: Workplace) -> None:
    mails = [make_mail(number) for number in range(50)]
    ids = workplace.publish(mails)
    parent = _start_parent(workplace, "--processes", "2", "--drain")
    assert parent.wait(PATIENCE_S) == 0
    workplace.check_all_settled(ids, mails)


def test_wrong_settings_are_told_once_and_exit_2(workplace: Workplace) -> None:
    found = subprocess.run(
        [sys.executable, "worker.py", "--batch-size", "0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert "BATCH_SIZE" in found.stderr
    assert "Traceback" not in found.stderr


def _start_parent(workplace: Workplace, *arguments: str, **changes: str) -> "subprocess.Popen[bytes]":
    changes |= {"WORKER_METRICS_PORT": "0", "WORKER_HEALTH_PORT": "0", "LOG_FORMAT": "json"}
    return workplace.start_program([sys.executable, "worker.py", *arguments], **changes)


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]


def _is_running(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:1] not in ("", "Z")  # in a container without an init, an orphan may stay as a zombie
