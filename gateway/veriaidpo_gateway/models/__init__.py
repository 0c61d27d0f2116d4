"""Where models answer, and how they are asked."""
