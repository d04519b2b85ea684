"""The database: tables, migrations, the write path and the queries, on SQLite and PostgreSQL."""
