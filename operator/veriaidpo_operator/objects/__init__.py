"""The objects a Model has, as they shall be and as they were seen. Pure."""
