"""Pantau for those who report to it and those who run it."""
