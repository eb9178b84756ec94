"""All instruments of `make bench`, in the order in which a full run plays them."""

from benchmarks.asof import ASOF
from benchmarks.delay import DELAY
from benchmarks.growth import GROWTH
from benchmarks.instrument import Instrument
from benchmarks.intake import INTAKE
from benchmarks.replay import REPLAY
from benchmarks.restore import RESTORE
from benchmarks.strangers import STRANGERS
from benchmarks.streams import STREAMS

INSTRUMENTS: tuple[Instrument, ...] = (REPLAY, DELAY, RESTORE, GROWTH, ASOF, INTAKE, STREAMS, STRANGERS)
