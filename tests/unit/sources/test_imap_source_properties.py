"""Whatever happens to a mailbox and to the connection, in whatever order: in the end the database holds what the server
holds. Each mail once, with its labels, and under the id it was first seen with.
"""

import random
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from src.model.cursor import Cursor
from src.sources.imap.visit import labels_of
from tests.fakes.imap_mailbox import PROFILES, MemoryImapServer, MemoryMailbox, Profile, StoredMail
from tests.fakes.pipeline_model import PipelineModel
from tests.unit.sources.imap_reading import PASSING, Reader

EXAMPLES = 60  # a profile, always the same ones; `derandomize=False` searches further
SPECIAL = {"All": ("\\All",), "Spam": ("\\Junk",), "Trash": ("\\Trash",)}
FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Answered", "$Forwarded", "work"]), max_size=3)


class ImapSourceMachine(RuleBasedStateMachine):
    """Server, source and pipeline; subclasses choose what the server can do."""

    profile: Profile

    def __init__(self) -> None:
        super().__init__()
        self.server = MemoryImapServer(self.profile)
        self.model = PipelineModel(random.Random(7))
        self.delivered = 0
        self.has_damaged = False
        self.uidvalidity = 1
        self.readers: list[Reader] = []

    @initialize()
    def open(self) -> None:
        names = list(SPECIAL) if self.profile.gmail else ["INBOX"]
        for name in names:
            self.uidvalidity += 1
            self.server.mailboxes[name] = MemoryMailbox(self.uidvalidity, SPECIAL.get(name, ()))
        for name in names:
            siblings = tuple(other for other in names if other != name)
            self.readers.append(Reader(self.server, self.model, mailbox=name, siblings=siblings))

    # --- what happens at the server ----------------------------------------------------------------------------------

    @rule(which=st.integers(0, 2), count=st.integers(1, 8), kind=st.sampled_from(["own", "copy", "nameless", "big"]))
    def deliver(self, which: int, count: int, kind: str) -> None:
        minute = self.delivered % 60
        for _ in range(count):
            self.delivered += 1
            if kind == "own":
                mail = self.server.new_mail()
            elif kind == "big":
                mail = self.server.new_mail("x" * 4500)
            elif kind == "nameless":  # no Message-ID, the same bytes, as machines send them
                mail = self.server.new_mail("the same", message_id="")
            else:  # copies with one Message-ID, of the same minute: no key tells them apart, and no bytes
                mail = self.server.new_mail("a copy", message_id="copy@example.org")
                mail.received_at = mail.received_at.replace(minute=minute, second=0)
            self._box(which).put(mail)

    @rule(which=st.integers(0, 2), pick=st.integers(0, 50), flags=FLAGS)
    def flag(self, which: int, pick: int, flags: frozenset[str]) -> None:
        box = self._box(which)
        if box.mails:
            mail = self._pick(box, pick)[1]
            mail.flags = flags
            if self.profile.gmail:
                mail.labels = frozenset(f"label-{len(flags)}")
            box.touch(mail)

    @rule(which=st.integers(0, 2), pick=st.integers(0, 50))
    def expunge(self, which: int, pick: int) -> None:
        box = self._box(which)
        if box.mails:
            box.take(self._pick(box, pick)[0])

    @rule(which=st.integers(0, 2), to=st.integers(0, 2), pick=st.integers(0, 50))
    @precondition(lambda self: self.profile.gmail)
    def move(self, which: int, to: int, pick: int) -> None:
        box = self._box(which)
        if box.mails and which != to:
            self._box(to).put(box.take(self._pick(box, pick)[0]))

    @rule(which=st.integers(0, 2), pick=st.integers(0, 50))
    def damage(self, which: int, pick: int) -> None:
        """From now on the connection breaks each time this mail is fetched."""
        box = self._box(which)
        if box.mails and sum(mail.breaks for mail in box.mails.values()) < 2:
            self._pick(box, pick)[1].breaks = True
            self.has_damaged = True

    @rule(which=st.integers(0, 2), gap=st.integers(0, 5))
    def renumber(self, which: int, gap: int) -> None:
        self.uidvalidity += 1
        self._box(which).renumber(self.uidvalidity, gap=gap)

    @rule(told=st.sampled_from([0, 1]))
    @precondition(lambda self: all(reader.cursor.values for reader in self.readers))  # else there is nothing to doubt
    def tell_a_wrong_uidvalidity_once(self, told: int) -> None:
        self.server.told_uidvalidities = [told]

    @rule(which=st.integers(0, 2))
    def forget_modseqs(self, which: int) -> None:
        self._box(which).forget_modseqs()

    @rule(answers=st.integers(0, 40))
    def cut_the_connection_after(self, answers: int) -> None:
        self.server.answers_left = answers

    # --- what happens on our side ------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 2), times=st.integers(1, 6))
    def step(self, which: int, times: int) -> None:
        reader = self.readers[which % len(self.readers)]
        for _ in range(times):
            try:
                reader.step()
            except PASSING:
                reader.clock.advance(1.0)

    @rule(count=st.integers(1, 10))
    def work(self, count: int) -> None:
        self.model.work(count)

    @rule(which=st.integers(0, 2))
    def restart(self, which: int) -> None:
        self.readers[which % len(self.readers)].restart()

    @rule(which=st.integers(0, 2))
    def lose_the_cursor(self, which: int) -> None:
        self.server.told_uidvalidities = []
        self.readers[which % len(self.readers)].cursor = Cursor()

    @rule(which=st.integers(0, 2))
    def ask_to_read_again(self, which: int) -> None:
        reader = self.readers[which % len(self.readers)]
        if reader.cursor.values:
            reader.cursor = reader.cursor.moved(last_uid=0)

    @rule(hours=st.integers(1, 3))
    def let_time_pass(self, hours: int) -> None:
        for reader in self.readers:
            reader.clock.advance(hours * 3600.0)

    # --- what must be true in the end --------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not self.readers:
            return
        self.server.answers_left, self.server.told_uidvalidities = None, []
        for box in self.server.mailboxes.values():  # where no mail can be fetched, the server is taken to be unwell
            self.delivered += 1
            box.put(self.server.new_mail())
        for reader in self.readers:
            reader.run()
        self._check_that_all_is_accounted_for()
        self._mend_and_purge()
        for _ in range(3):  # a mail moved from one mailbox to another is settled once both were compared
            for reader in self.readers:
                reader.clock.advance(timedelta(hours=2).total_seconds())
                reader.run()
        for name, box in self.server.mailboxes.items():
            self._check(name, box)
        if not self.has_damaged:  # a damaged mail without a key cannot be told to be the same after a renumbering
            assert len(self.model.rows) <= self.delivered, "a mail has more than one row"
        assert not self.model.dead

    def _check_that_all_is_accounted_for(self) -> None:
        """What the dead letters hold is damaged: no other mail is ever given up."""
        damaged = {(name, uid) for name, box in self._boxes() for uid, mail in box.mails.items() if mail.breaks}
        current = {(name, box.uidvalidity) for name, box in self._boxes()}
        for envelope, code in self.model.dead.values():
            place = envelope.place
            assert code == "mail_unfetchable"
            is_there = (place.mailbox, place.uidvalidity) in current and place.uid in self._mails(place.mailbox)
            assert not is_there or (place.mailbox, place.uid) in damaged

    def _mend_and_purge(self) -> None:
        for _, box in self._boxes():
            for mail in box.mails.values():
                mail.breaks = False
        self.model.dead.clear()

    def _boxes(self) -> list[tuple[str, MemoryMailbox]]:
        return list(self.server.mailboxes.items())

    def _mails(self, name: str) -> dict[int, StoredMail]:
        return self.server.mailboxes[name].mails

    def _check(self, name: str, box: MemoryMailbox) -> None:
        living = self.model.living(name)
        by_uid = {row.place.uid: row for row in living}
        assert sorted(by_uid) == sorted(box.mails)
        assert len(living) == len(by_uid)
        for uid, mail in box.mails.items():
            row = by_uid[uid]
            assert row.raw == mail.raw
            assert row.place.uidvalidity == box.uidvalidity
            assert row.labels == self._labels(mail)
            if self.profile.gmail:
                assert row.source_id == f"{mail.number:016x}"
        assert Counter(row.raw for row in living) == Counter(mail.raw for mail in box.mails.values())

    def _labels(self, mail: StoredMail) -> tuple[str, ...]:
        return labels_of(tuple(sorted(mail.flags)), tuple(sorted(mail.labels)) if self.profile.gmail else None)

    def _box(self, which: int) -> MemoryMailbox:
        return list(self.server.mailboxes.values())[which % len(self.server.mailboxes)]

    def _pick(self, box: MemoryMailbox, pick: int) -> tuple[int, StoredMail]:
        return list(box.mails.items())[pick % len(box.mails)]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_database_ends_as_the_server_is(profile: Profile) -> None:
    machine = type(f"Machine_{profile.name}", (ImapSourceMachine,), {"profile": profile})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
