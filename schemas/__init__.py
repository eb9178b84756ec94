"""The contract: what may be said, where it is said, and what it looks like on the wire."""
