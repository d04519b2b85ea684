"""MemoryStream keeps the stream's contract."""

import pytest

from src.stream.memory.stream import MemoryStream
from src.stream.options import StreamOptions
from tests.contracts.stream_contract import MAX_BYTES, MAX_CRASHES, MAX_ENTRIES, SPOOL_BYTES, StreamContract
from tests.fakes.clock import FakeClock


class TestMemoryStream(StreamContract):
    lease_s = 60.0

    @pytest.fixture
    def stream(self) -> MemoryStream:
        self.clock = FakeClock()
        options = StreamOptions(
            max_entries=MAX_ENTRIES,
            max_bytes=MAX_BYTES,
            spool_bytes=SPOOL_BYTES,
            lease_s=self.lease_s,
            max_crashes=MAX_CRASHES,
        )
        return MemoryStream(options, self.clock)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
