"""The contract: the events, the topics, and their form on the wire."""
