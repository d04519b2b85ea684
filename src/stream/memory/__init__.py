"""MemoryStream: the twin of RedisStream that lives in this process."""
