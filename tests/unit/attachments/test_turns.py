"""Turns at the children: never more than there are, and nobody waits behind one who came later."""

import threading
import time

from src.attachments.sandbox.turns import Turns
from tests.fixtures.services import wait_until


def test_one_who_comes_back_at_once_waits_behind_those_who_wait() -> None:
    turns, order = Turns(1), list[str]()
    started = threading.Event()

    def greedy() -> None:
        for _ in range(50):
            with turns.one():
                started.set()
                order.append("greedy")
                time.sleep(0.002)

    thread = threading.Thread(target=greedy)
    thread.start()
    started.wait(5)
    before = len(order)
    with turns.one():
        order.append("patient")
    assert order.index("patient") <= before + 1
    thread.join()


def test_never_more_at_once_than_there_are_and_all_come_to_their_turn() -> None:
    turns, lock = Turns(3), threading.Lock()
    now, most, done = 0, 0, 0

    def work() -> None:
        nonlocal now, most, done
        for _ in range(20):
            with turns.one():
                with lock:
                    now += 1
                    most = max(most, now)
                time.sleep(0.001)
                with lock:
                    now -= 1
                    done += 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, done) == (3, 160)


def test_a_turn_is_passed_on_when_the_block_fails() -> None:
    turns = Turns(1)
    for _ in range(3):
        try:
            with turns.one():
                raise ValueError
        except ValueError:
            continue
    taken = threading.Event()

    def take() -> None:
        with turns.one():
            taken.set()

    threading.Thread(target=take).start()
    wait_until(taken.is_set, what="the turn that a failure gave back")
