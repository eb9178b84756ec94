"""The heart: what a set of facts means, and the figures that follow. Pure: no framework, no clock, no I/O."""
