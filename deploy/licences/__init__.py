"""Under which licence everything is that this checkout locks, and which licences are taken."""
