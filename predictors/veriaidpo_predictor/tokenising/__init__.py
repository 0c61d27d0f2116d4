"""Text to token ids, for every kind of files that models come with."""
