"""All instruments of `make bench`, in the order in which a full run plays them."""

from benchmarks.instrument import Instrument
from benchmarks.replay import REPLAY

INSTRUMENTS: tuple[Instrument, ...] = (REPLAY,)
