"""Where the companies of an installation are kept, and how every replica comes to know them."""
