"""How the tables of companies came to be, step by step (Alembic)."""
