"""Generates what is published of the results: docs/benchmarks.md, and the figures in docs/scaling.md.

Everything here is made from benchmarks/results.json and from nothing else.
"""
