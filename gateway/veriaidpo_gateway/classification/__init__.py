"""The straight way of a question, alone and among many."""
