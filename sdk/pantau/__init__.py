"""Pantau for departments that report to it."""
