"""The commands that the server adds to `pantau`: entry points of the group `pantau.commands` (pyproject.toml)."""
