import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from chorus.liveness import Patience
from chorus.process import Child, Command, Process
from chorus.supervisor import ChildDiedError, Policy, Supervisor

FAST = Policy(
    poll=0.01,
    first_delay=0.02,
    longest_delay=0.05,
    settled=60.0,
    drain=5.0,
    failures=3,
    patience=Patience(every=0.02),
)

STOPPING = "stopping once the work in flight is done; a second signal kills"
STEADY = """
import signal, sys, time
def stop(*_):
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + (
    "print('up', flush=True); time.sleep(60)"
)

BRIEF = "import time; print('up', flush=True); time.sleep(.2)"
MANY = replace(FAST, failures=99)


class Scene:
    """A supervisor over scripts, and all that it said. A child is ready once it prints `up`.

    `ills` are the children that say they have to be started again, and why.
    """

    def __init__(
        self, policy: Policy = FAST, *, optional: str | None = None, **scripts: str
    ) -> None:
        self.lines: list[tuple[str, str]] = []
        self.ills: dict[str, str] = {}
        self.said: list[str] = []
        self.lost: list[ChildDiedError] = []
        self.ready = asyncio.Event()
        children = [
            Child(
                name,
                [sys.executable, "-c", script],
                os.environ,
                ready=self._up(name),
                live=partial(self._live, name),
                optional=name == optional,
            )
            for name, script in scripts.items()
        ]
        self.supervisor = Supervisor(
            children,
            on_line=lambda name, line: self.lines.append((name, line)),
            on_ready=self._all_ready,
            say=self.said.append,
            on_lost=self.lost.append,
            policy=policy,
        )
        self.task = asyncio.create_task(self.supervisor.run())

    def ups(self, name: str) -> int:
        return self.lines.count((name, "up"))

    def has_said(self, text: str, times: int) -> bool:
        return self.said.count(text) == times

    async def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not true():
            assert time.monotonic() < deadline, (self.said, self.lines)
            await asyncio.sleep(0.01)

    def _up(self, name: str) -> Callable[[], Awaitable[bool]]:
        seen = 0

        async def ready() -> bool:
            nonlocal seen
            if self.ups(name) == seen:
                return False
            seen = self.ups(name)
            return True

        return ready

    async def _live(self, name: str) -> str | None:
        return self.ills.get(name)

    async def _all_ready(self) -> None:
        self.ready.set()


OTHERS: set[int] = set()


@pytest.fixture(autouse=True)
def _note_the_servers_of_other_tests() -> None:
    OTHERS.clear()
    OTHERS.update(process.pid for process in psutil.Process().children())


def children() -> list[psutil.Process]:
    """The processes that this test has started."""
    return [process for process in psutil.Process().children() if process.pid not in OTHERS]


async def test_stops_the_last_child_first() -> None:
    scene = Scene(first=STEADY, second=STEADY)
    await scene.until(scene.ready.is_set)
    scene.supervisor.stop()
    assert await scene.task == 0
    assert [name for name, line in scene.lines if line == "bye"] == ["second", "first"]
    assert scene.said == [STOPPING]
    assert not children()


async def test_all_but_the_last_child_stop_at_once(tmp_path: Path) -> None:
    def waits_for(other: str, mine: str) -> str:
        meet = f"""
def stop(*_):
    from pathlib import Path
    Path({str(tmp_path / mine)!r}).touch()
    while not Path({str(tmp_path / other)!r}).exists():
        time.sleep(0.01)
"""
        return STEADY.replace("def stop(*_):\n", meet)

    scene = Scene(first=waits_for("b", "a"), second=waits_for("a", "b"), last=STEADY)
    await scene.until(scene.ready.is_set)
    scene.supervisor.stop()
    assert await scene.task == 0
    byes = [name for name, line in scene.lines if line == "bye"]
    assert byes[0] == "last"
    assert sorted(byes[1:]) == ["first", "second"]
    assert scene.said == [STOPPING]


async def test_a_stop_while_starting_is_clean() -> None:
    scene = Scene(one=STEADY, never="import time; time.sleep(60)")
    await scene.until(lambda: scene.ups("one") == 1)
    scene.supervisor.stop()
    assert await scene.task == 0
    assert not scene.ready.is_set()
    assert not children()


async def test_a_stop_before_anything_has_started() -> None:
    scene = Scene(one=STEADY)
    scene.supervisor.stop()
    assert await scene.task == 0
    assert not children()


async def test_a_death_before_ready_stops_everything_and_tells_why() -> None:
    script = "import sys; print('loading'); sys.exit('no weights')"
    scene = Scene(steady=STEADY, broken=script)
    with pytest.raises(ChildDiedError, match=r"^broken exited with code 1$") as death:
        await scene.task
    assert death.value.end.last_line == "no weights"
    assert set(death.value.end.tail) == {"loading", "no weights"}
    assert not children()


async def test_a_command_that_does_not_exist() -> None:
    process = await Process.start(Command("x", ["/no/such/command"], {}), _ignore)
    end = await process.wait()
    assert end.code != 0
    assert "/no/such/command" in end.last_line


async def test_a_dead_child_is_started_again() -> None:
    scene = Scene(one=f"{STEADY}# the victim", two=STEADY)
    await scene.until(scene.ready.is_set)
    for times in (1, 2):
        next(child for child in children() if "victim" in child.cmdline()[-1]).kill()
        await scene.until(partial(scene.has_said, "one is ready again", times))
    scene.supervisor.stop()
    assert await scene.task == 0
    deaths = [line for line in scene.said if "SIGKILL" in line]
    assert deaths == [
        "one was killed by SIGKILL; starting it again in 0.02 s",
        "one was killed by SIGKILL; starting it again in 0.04 s",
    ]
    assert scene.ups("two") == 1


async def test_a_child_that_no_longer_lives_is_killed_and_started_again() -> None:
    scene = Scene(one=STUBBORN, two=STEADY)
    await scene.until(scene.ready.is_set)
    scene.ills["one"] = "its device has failed"
    await scene.until(lambda: bool(scene.said))
    scene.ills.clear()
    await scene.until(partial(scene.has_said, "one is ready again", 1))
    scene.supervisor.stop()
    await scene.task
    assert scene.said[0] == (
        "one was killed by SIGKILL, for it no longer lived (its device has failed); "
        "starting it again in 0.02 s"
    )
    assert scene.ups("two") == 1


async def test_the_delays_double_up_to_the_longest() -> None:
    scene = Scene(MANY, one=BRIEF)
    await scene.until(lambda: len(scene.said) >= 8)
    scene.supervisor.stop()
    await scene.task
    delays = [line.split()[-2] for line in scene.said if "starting" in line]
    assert delays[:4] == ["0.02", "0.04", "0.05", "0.05"]


async def test_a_long_life_earns_the_first_delay_again() -> None:
    scene = Scene(replace(MANY, settled=0.0), one=BRIEF)
    await scene.until(lambda: len(scene.said) >= 5)
    scene.supervisor.stop()
    await scene.task
    assert {line.split()[-2] for line in scene.said if "starting" in line} == {"0.02"}


async def test_a_long_start_earns_nothing() -> None:
    slow = f"import time; time.sleep(2.1); {BRIEF}"
    scene = Scene(replace(MANY, settled=2.0), one=slow)
    await scene.until(lambda: sum("starting" in line for line in scene.said) >= 2)
    scene.supervisor.stop()
    await scene.task
    delays = [line.split()[-2] for line in scene.said if "starting" in line]
    assert delays[:2] == ["0.02", "0.04"]


async def test_gives_up_on_a_child_that_no_longer_gets_ready(tmp_path: Path) -> None:
    once = tmp_path / "once"
    script = f"""
import pathlib, sys, time
once = pathlib.Path({str(once)!r})
if once.exists():
    sys.exit("lost its weights")
once.touch()
print("up", flush=True)
time.sleep(.2)
"""
    scene = Scene(other=STEADY, one=script)
    with pytest.raises(ChildDiedError, match="one exited with code 1, 3 times in a row") as death:
        await scene.task
    assert death.value.end.last_line == "lost its weights"
    assert ("other", "bye") in scene.lines
    assert not children()


async def test_the_others_do_not_wait_for_an_optional_child() -> None:
    scene = Scene(optional="extra", one=STEADY, extra="import time; time.sleep(60)")
    await scene.until(scene.ready.is_set)
    scene.supervisor.stop()
    assert await scene.task == 0
    assert not children()


async def test_an_optional_child_that_does_not_start_is_given_up() -> None:
    slow = f"import time; time.sleep(1); {STEADY}"  # the others are still starting meanwhile
    scene = Scene(optional="extra", one=slow, extra="import sys; sys.exit('no room')")
    await scene.until(lambda: bool(scene.lost))
    await scene.until(scene.ready.is_set)
    (death,) = scene.lost
    assert str(death) == "extra exited with code 1, 3 times in a row"
    assert death.end.last_line == "no room"
    scene.supervisor.stop()
    assert await scene.task == 0
    assert scene.said == [
        "extra exited with code 1; starting it again in 0.02 s",
        "extra exited with code 1; starting it again in 0.04 s",
        STOPPING,
    ]


async def test_an_optional_child_that_dies_again_and_again_is_given_up() -> None:
    scene = Scene(optional="extra", one=STEADY, extra=BRIEF)
    await scene.until(lambda: bool(scene.lost))
    assert scene.ups("extra") == FAST.failures
    assert scene.ups("one") == 1
    assert scene.said.count("extra is ready again") == FAST.failures - 1
    scene.supervisor.stop()
    assert await scene.task == 0


async def test_an_optional_child_that_dies_now_and_then_is_kept() -> None:
    scene = Scene(replace(FAST, settled=0.0), optional="extra", one=STEADY, extra=BRIEF)
    await scene.until(lambda: scene.ups("extra") > FAST.failures)
    assert not scene.lost
    scene.supervisor.stop()
    assert await scene.task == 0


async def test_an_optional_child_stops_first_wherever_it_stands() -> None:
    scene = Scene(optional="extra", extra=STEADY, one=STEADY, two=STEADY)
    await scene.until(scene.ready.is_set)
    await scene.until(lambda: scene.ups("extra") == 1)
    scene.supervisor.stop()
    assert await scene.task == 0
    assert [name for name, line in scene.lines if line == "bye"] == ["extra", "two", "one"]


async def test_an_optional_child_is_not_waited_for_as_long() -> None:
    patience = replace(FAST, drain=60.0, optional_drain=0.1)
    scene = Scene(patience, optional="extra", one=STEADY, extra=STUBBORN)
    await scene.until(scene.ready.is_set)
    await scene.until(lambda: scene.ups("extra") == 1)
    scene.supervisor.stop()
    assert await scene.task == 0
    assert scene.said == [STOPPING, "extra did not finish within 0.1 s; killing it"]
    assert ("one", "bye") in scene.lines
    assert not children()


async def test_a_process_lets_others_go_first() -> None:
    child = Command("x", [sys.executable, "-c", "input()"], os.environ)
    process = await Process.start(child, _ignore)
    mine = os.nice(0)
    process.give_way(3)
    (started,) = children()
    assert started.nice() == min(mine + 3, 19)
    process.give_way(30)
    assert started.nice() == 19
    process.kill()
    await process.wait()
    process.give_way(3)  # of one that is gone nothing is asked


async def test_kills_what_does_not_stop() -> None:
    scene = Scene(replace(FAST, drain=0.1), polite=STEADY, deaf=STUBBORN)
    await scene.until(scene.ready.is_set)
    scene.supervisor.stop()
    assert await scene.task == 0
    assert scene.said == [STOPPING, "deaf did not finish within 0.1 s; killing it"]
    assert ("polite", "bye") in scene.lines
    assert not children()


async def test_a_second_stop_kills_at_once() -> None:
    scene = Scene(deaf=STUBBORN, deafer=STUBBORN)
    await scene.until(scene.ready.is_set)
    scene.supervisor.stop()
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    scene.supervisor.stop()
    assert await scene.task == 1
    assert time.monotonic() - begun < 2
    assert not children()


async def test_a_grandchild_that_keeps_the_pipes_does_not_hide_the_death() -> None:
    script = "import subprocess, sys; subprocess.Popen(['sleep', '5']); sys.exit('gone')"
    begun = time.monotonic()
    process = await Process.start(Command("x", [sys.executable, "-c", script], os.environ), _ignore)
    assert (await process.wait()).last_line == "gone"
    assert time.monotonic() - begun < 4


async def test_lines_arrive_whole() -> None:
    script = (
        "import sys; w = sys.stdout.buffer.write; w('ä€\\n\\n'.encode());"
        "w(b'1%\\r2%\\r\\n\\xff\\n');"
        "w(b'x' * 200_000 + b'\\n'); w(b'no end')"
    )
    lines: list[str] = []
    child = Command("x", [sys.executable, "-c", script], os.environ)
    process = await Process.start(child, lambda _, line: lines.append(line))
    end = await process.wait()
    assert lines[:4] == ["ä€", "1%", "2%", "\N{REPLACEMENT CHARACTER}"]
    assert sum(map(len, lines[4:-1])) == 200_000
    assert end.last_line == lines[-1] == "no end"


async def test_only_the_last_lines_are_kept() -> None:
    child = Command("x", [sys.executable, "-c", "for i in range(99): print(i)"], os.environ)
    end = await (await Process.start(child, _ignore)).wait()
    assert end.tail == tuple(map(str, range(49, 99)))


def _ignore(name: str, line: str) -> None:
    pass
