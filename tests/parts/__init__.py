"""Real parts for tests: a broker, a database, a browser, Prometheus. A part that is missing is a failure, not a skip.

Each module is a pytest plugin (see conftest.py) and, where a test needs to hold the thing itself, a library.
"""
