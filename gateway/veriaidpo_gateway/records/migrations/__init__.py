"""How the tables of records came to be, step by step (Alembic)."""
