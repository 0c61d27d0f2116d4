"""The engine: rows that wait, batches, cores, runtimes, and what a task makes of the numbers."""
