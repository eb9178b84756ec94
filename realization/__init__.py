"""The fold: what a set of facts means, and the figures computed from it. Pure: no framework, no clock, no I/O."""
