"""Pantau for those who report to it."""
