"""The database, whoever keeps something there: one way to it, and how its tables come to be."""
