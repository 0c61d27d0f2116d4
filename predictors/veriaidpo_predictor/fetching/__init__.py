"""From a source to a published revision on the volume. Never imported by what serves."""
