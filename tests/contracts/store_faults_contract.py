"""What every store must withstand: several processes, and kill -9. Subclass it and give a `url` fixture.

Each database's own faults (locked, disk full, stopped) are with its tests.
"""

import threading
import time

import pytest

from src.store.engine import make_engine
from src.store.migrate import HEAD, current_revision, migrate
from src.store.opening import open_store
from tests.contracts.mail_records import ACCOUNT, changed, numbered
from tests.contracts.ugly_moments import start, whole_mails, write_in_order, write_until_killed

MAILS = 200


class StoreFaultsContract:
    """The suite."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("give the address of a new, empty database")

    def test_processes_that_start_and_write_the_same_at_once_store_each_mail_once(self, url: str) -> None:
        writers = [start(write_in_order, url, MAILS, batch, step) for batch, step in ((50, 1), (70, -1), (200, 1))]
        for _, pipe in writers:
            assert pipe.recv() == "ready"
        for _, pipe in writers:
            pipe.send("go")

        for process, pipe in writers:
            assert pipe.poll(60), "a writer did not finish"
            assert pipe.recv() == "done"
            process.join(10)

        assert len(whole_mails(url)) == MAILS

    def test_a_killed_writer_leaves_whole_batches_and_another_goes_on(self, url: str) -> None:
        open_store(url).close()
        for pause_s in (0.01, 0.04):
            process, pipe = start(write_until_killed, url, 1_000)
            pipe.recv()
            time.sleep(pause_s)
            process.kill()
            process.join(10)

        assert len(whole_mails(url)) % 50 == 0
        store = open_store(url)
        store.write(numbered(MAILS))
        store.close()
        assert len(whole_mails(url)) >= MAILS

    def test_threads_may_share_a_store_and_change_the_same_mails(self, url: str) -> None:
        store = open_store(url)
        store.write(numbered(50))
        failures: list[BaseException] = []

        def change(step: int, label: str) -> None:
            try:
                for version in range(100, 110):
                    store.write([changed(f"INBOX/1/{n}", version, labels=(label,)) for n in range(1, 51)[::step]])
                    assert len(store.search("common", limit=100)) == 50
            except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
                failures.append(error)

        threads = [threading.Thread(target=change, args=turn) for turn in ((1, "a"), (-1, "b"), (1, "c"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert failures == []
        # Of sayings with the same version the same one wins everywhere.
        assert {mail.labels for mail in store.known_mails(ACCOUNT)} == {("c",)}
        store.close()

    def test_migrating_again_does_nothing(self, url: str) -> None:
        engine = make_engine(url)
        try:
            assert current_revision(engine) == ""
            assert [migrate(engine), migrate(engine), current_revision(engine)] == [True, False, HEAD]
        finally:
            engine.dispose()
