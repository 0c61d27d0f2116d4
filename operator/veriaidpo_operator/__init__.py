"""Keeps VeriAIDPO models fetched, verified and served by KServe."""
