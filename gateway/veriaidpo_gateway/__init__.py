"""The gateway of VeriAIDPO: one straight way from a caller's sentence to a model's answer."""

__version__ = "0.1.0"
