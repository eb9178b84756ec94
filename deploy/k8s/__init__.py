"""Kubernetes: a base, an overlay per kind of installation, and what they come to."""
