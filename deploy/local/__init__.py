"""The whole of Pantau on one machine, without Docker: a real broker, the engine, the site, one supervisor."""
