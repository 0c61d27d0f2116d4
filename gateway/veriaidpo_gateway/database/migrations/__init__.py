"""What Alembic runs before any steps, whoever's they are."""
