"""What the operator decides, from what is wanted and what was seen. Pure: no network, no clock."""
