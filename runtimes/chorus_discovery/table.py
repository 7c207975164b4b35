"""The Services of one namespace as they were last heard of, and what each is read as."""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from chorus_discovery.services import Item, Reading, Service, key_of, read

logger: Final = logging.getLogger("chorus.discovery")


class Table:
    """Keeps a Reading per Service, and says once what becomes of each."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}

    @property
    def services(self) -> Mapping[str, Service]:
        """Those that requests may be sent to, by key."""
        return {key: reading.service for key, reading in self._readings.items() if reading.service}

    def replace(self, items: Iterable[Item]) -> None:
        """Take a whole list."""
        listed = {key_of(item): item for item in items}
        for key in self._readings.keys() - listed.keys():
            self._remove(key)
        for item in listed.values():
            self.put(item)

    def put(self, item: Item) -> None:
        """Take an object that was added or changed."""
        key, reading = key_of(item), read(item)
        if reading != self._readings.get(key):
            self._readings[key] = reading
            _say(key, reading)

    def remove(self, item: Item) -> None:
        """Forget an object that was deleted, or has lost its label."""
        self._remove(key_of(item))

    def _remove(self, key: str) -> None:
        if self._readings.pop(key, None):
            logger.info("%s is gone", key)


def _say(key: str, reading: Reading) -> None:
    if reading.service is None:
        logger.warning("%s is refused: %s", key, reading.reason)
        return
    models = reading.service.models
    named = "models not named" if models is None else f"{len(models)} models named"
    logger.info("%s is a model server at port %d, %s", key, reading.service.port, named)
    if reading.reason:
        logger.warning("%s: %s", key, reading.reason)
