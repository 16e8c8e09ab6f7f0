"""Audit of a file as it ships: `python -m export.audit`."""
