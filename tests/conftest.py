"""What every test can ask for: the real parts in tests/parts."""

pytest_plugins = [
    "tests.parts.facts",  # gives every process its secret
    "tests.parts.logs",  # before those that import it
    "tests.parts.broker",
    "tests.parts.browser",
    "tests.parts.postgres",
    "tests.parts.processes",
    "tests.parts.prometheus",
    "tests.parts.whole_installation",
    "tests.parts.workers",
]
