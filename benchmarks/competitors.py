"""Everybody who does the job: our engine, the floor, and the peers, by name."""

from benchmarks.engine import ENGINE
from benchmarks.peers.catalogue import FLOOR, PEERS

COMPETITORS = {one.name: one for one in (ENGINE, FLOOR, *PEERS)}
