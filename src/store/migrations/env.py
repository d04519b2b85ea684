"""Alembic's entry: runs the steps on the connection that `src/store/migrate.py` opened, in that one's transaction."""

from alembic import context

from src.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
