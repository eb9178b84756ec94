"""`make bench`: what Pantau does per second, how soon, and with how much, beside what others do of the same job.

An instrument (instrument.py) measures one thing; instruments.py names them all. What they find accumulates in
results.json (results.py), and docs/benchmarks.md is written from there and from nowhere else (report.py).
"""
