"""Python's garbage collector, made to look less often.

A tab of 100,000 rows is millions of objects that live on, and a flush makes thousands: looking for garbage among them at every
700 new ones, as Python does unless told otherwise, takes a third of a flush's time and half of a large read's.
"""

import gc

_THRESHOLDS = 50_000, 20, 50


def collect_rarely() -> None:
    """For the whole process, once. Garbage without cycles, nearly all there is, is freed at once as ever."""
    gc.set_threshold(*_THRESHOLDS)
