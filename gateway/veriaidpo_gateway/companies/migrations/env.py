"""Run by Alembic, on the connection that `migrating.py` hands it."""

from alembic import context

from veriaidpo_gateway.companies.tables import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
