"""`make bench`: throughput, delay and resource use of Pantau, beside competitors that do the same job.

A benchmark (benchmark.py) measures one promise; __main__.py lists them all. results.json (results.py) keeps the
measurements, and docs/benchmarks.md is generated from it alone (report/).
"""
