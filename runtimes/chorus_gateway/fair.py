"""A queue that serves callers in turn, so that whoever sends most makes only itself wait."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """One of each key, again and again; first come first served within a key.

    With a single key it is a plain queue and costs as little.
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[T]] = OrderedDict()  # in the order of their turns
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        """Everything, key by key."""
        return (item for queue in self._queues.values() for item in queue)

    @property
    def keys(self) -> int:
        """How many keys have something here."""
        return len(self._queues)

    def count(self, key: str) -> int:
        """How much of a key is here."""
        return len(self._queues.get(key, ()))

    def append(self, key: str, item: T) -> None:
        """Add an item; a key that had none gets the last turn."""
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
        queue.append(item)
        self._length += 1

    def first(self) -> T:
        """Whose turn it is. There must be somebody."""
        return next(iter(self._queues.values()))[0]

    def popleft(self) -> T:
        """Take whose turn it is; the next turn is another key's. There must be somebody."""
        key, queue = next(iter(self._queues.items()))
        item = queue.popleft()
        self._length -= 1
        if queue:
            self._queues.move_to_end(key)
        else:
            del self._queues[key]
        return item

    def heads(self) -> Iterator[T]:
        """The oldest item of each key."""
        return (queue[0] for queue in self._queues.values())

    def longest(self) -> str:
        """The key that has most here. There must be one."""
        return max(self._queues, key=self.count)

    def newest(self, key: str) -> T:
        """The last item of a key, which must have one."""
        return self._queues[key][-1]

    def pop_newest(self, key: str) -> T:
        """Take the last item of a key, which must have one."""
        queue = self._queues[key]
        item = queue.pop()
        self._length -= 1
        if not queue:
            del self._queues[key]
        return item

    def ahead(self, key: str) -> int:
        """How many at most are served before the next item of that key."""
        own = self.count(key)
        others = self.keys - (own > 0)
        return own + min(self._length - own, (own + 1) * others)
