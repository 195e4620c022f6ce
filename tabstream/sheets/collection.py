"""Python's garbage collector, held back while a large answer is read.

A tab of 100,000 rows becomes millions of objects that all live on; looking for garbage among them takes two thirds of
the time.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No collection inside; a second thread in here at the same time may end the pause early, which only costs time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
