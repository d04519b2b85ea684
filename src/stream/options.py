"""StreamOptions: what the stream needs of the settings, as one value."""

from dataclasses import dataclass

from config.settings import Settings

LEASE_PARTS = 3  # a lease is renewed at a third of its time


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Names and limits of a stream. The defaults are those of the settings."""

    stream: str = "email_ingestion_stream"  # the keys around it begin with it
    dead_letters: str = "email_ingestion_dlq"
    processed: str = "email_processed_stream"
    group: str = "email_processor_group"
    partitions: int = 1
    is_tagged: bool = False  # hash tags even with one partition: Redis Cluster
    max_entries: int = 10_000  # over all partitions
    max_bytes: int = 1024 * 1024 * 1024  # compressed raw mail on its way, over all partitions
    processed_length: int = 10_000  # 0: no notes
    spool_bytes: int = 8 * 1024 * 1024  # a raw mail above this travels in slices
    lease_s: float = 60.0
    max_crashes: int = 3
    known_ttl_s: int = 86_400  # how long a published id is remembered

    @property
    def lease_ms(self) -> int:
        return int(self.lease_s * 1000)

    @property
    def entries_per_partition(self) -> int:
        """The cap is shared evenly, rounded up."""
        return -(-self.max_entries // self.partitions)

    @property
    def bytes_per_partition(self) -> int:
        return -(-self.max_bytes // self.partitions)


def options_from(settings: Settings) -> StreamOptions:
    """Return the options that the settings ask for."""
    return StreamOptions(
        stream=settings.redis_stream_name,
        dead_letters=settings.dlq_stream_name,
        group=settings.consumer_group_name,
        partitions=settings.stream_partitions,
        is_tagged=settings.stream_partitions > 1
        or settings.redis_url.startswith(("redis+cluster:", "rediss+cluster:")),
        max_entries=settings.redis_max_stream_length,
        max_bytes=settings.redis_max_stream_bytes,
        processed_length=settings.processed_stream_length,
        spool_bytes=settings.raw_spool_bytes,
        lease_s=settings.lease_seconds,
        max_crashes=settings.max_crashes,
        known_ttl_s=settings.idempotency_ttl_seconds,
    )
