"""Everybody who does the job: our engine and its peers, by name."""

from benchmarks.engine import ENGINE
from benchmarks.peers.catalogue import PEERS

COMPETITORS = {one.name: one for one in (ENGINE, *PEERS)}
