from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chorus_gateway.fair import FairQueue

KEYS = st.sampled_from("abc")


def queue_of(*items: tuple[str, int]) -> FairQueue[tuple[str, int]]:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for key, number in items:
        queue.append(key, (key, number))
    return queue


def drained(queue: FairQueue[tuple[str, int]]) -> list[tuple[str, int]]:
    taken = []
    while queue:
        first = queue.first()
        taken.append(queue.popleft())
        assert taken[-1] == first
    return taken


def test_one_key_is_a_plain_queue() -> None:
    assert drained(queue_of(*[("a", n) for n in range(5)])) == [("a", n) for n in range(5)]


def test_keys_take_turns() -> None:
    queue = queue_of(("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("c", 1))
    assert [key for key, _ in drained(queue)] == ["a", "b", "c", "a", "b", "a"]


def test_a_newcomer_waits_for_one_round() -> None:
    queue = queue_of(*[("a", n) for n in range(100)])
    assert (queue.ahead("a"), queue.ahead("b")) == (100, 1)
    queue.append("b", ("b", 0))
    assert (queue.ahead("a"), queue.ahead("b")) == (101, 3)
    assert drained(queue).index(("b", 0)) == 1


def test_the_longest_gives_its_newest() -> None:
    queue = queue_of(("a", 1), ("b", 1), ("b", 2), ("c", 1))
    assert queue.longest() == "b"
    assert queue.pop_newest("b") == ("b", 2)
    assert queue.pop_newest("c") == ("c", 1)
    assert (len(queue), queue.keys, queue.count("c")) == (2, 2, 0)


@given(st.lists(st.one_of(KEYS, st.none()), max_size=60))
def test_nothing_is_lost_and_no_key_is_overtaken_twice(script: list[str | None]) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    numbers: Counter[str] = Counter()
    left: dict[str, list[int]] = {}
    overtaken: Counter[str] = Counter()
    for key in script:
        if key is not None:
            queue.append(key, (key, numbers[key]))
            left.setdefault(key, []).append(numbers[key])
            numbers[key] += 1
        elif queue:
            taken, number = queue.popleft()
            assert left[taken].pop(0) == number, "first come first served within a key"
            overtaken[taken] = 0
            for other in left:
                if other != taken and left[other]:
                    overtaken[other] += 1
                    assert overtaken[other] <= 2, "each of the two others, once"
        assert len(queue) == sum(map(len, left.values()))
        assert queue.keys == sum(map(bool, left.values()))
    assert sorted(queue) == sorted((k, n) for k, ns in left.items() for n in ns)
