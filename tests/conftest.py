"""Fixtures are split by topic in `tests/fixtures/`; this file only lists them."""

pytest_plugins = [
    "tests.fixtures.services",
    "tests.fixtures.redis_servers",
    "tests.fixtures.postgres",
    "tests.fixtures.dovecot",
    "tests.fixtures.examples",
    "tests.fixtures.mails",
    "tests.fixtures.gmail",
    "tests.fixtures.prometheus",
    "tests.fixtures.clamd",
    "tests.fixtures.logs",
]
