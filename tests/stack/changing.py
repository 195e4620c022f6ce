"""What happens to the demo's database in several tests."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tabstream.operations.demo.story.scene import Scene
from tests.stack.local_stack import LocalStack


@contextmanager
def changes(local: LocalStack, keys: list[str]) -> Iterator[None]:
    """The notes of these leads change twenty times a second, as long as it lasts."""
    stop = threading.Event()

    def change() -> None:
        with psycopg.connect(local.env()["database_url"], autocommit=True) as database:
            for number in itertools.count():
                if stop.wait(0.05):
                    return
                values = (f"change {number}", keys[number % len(keys)])
                database.execute("UPDATE public.leads SET notes = %s WHERE lead_id = %s", values)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def drop_slots(scene: Scene) -> bool:
    """Drops the replication slots; False while one is in use."""
    try:
        scene.database.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    except psycopg.errors.ObjectInUse:
        return False
    return True
