"""Texts before a model sees them. Pure: no network, no clock."""
