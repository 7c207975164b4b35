"""A whole comparison with small real servers: who is ranked, who is not, and who is out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from benchmarks.compare import UnknownSetting, add_ratios, choose, measure
from benchmarks.contender import Contender, Load
from benchmarks.machine import all_cores
from benchmarks.peers.base import Launch, ProcessPeer

# Answers every POST with the same five answers, after a pause.
SERVER = """
import asyncio, json, sys
port, score, pause = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
keys = "cardiffnlp ivanlau svalabs EIStakovskii jy46604790".split()
body = json.dumps({key: {"score": score, "label": "HAM"} for key in keys}).encode()

async def serve(reader, writer):
    try:
        while head := (await reader.readuntil(b"\\r\\n\\r\\n")).decode().lower():
            length = head.partition("content-length:")[2].split()
            await reader.readexactly(int(length[0]) if length else 0)
            await asyncio.sleep(pause)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()

asyncio.run(main())
"""


class Scripted(ProcessPeer):
    """A server that answers with a score of its own."""

    name = "scripted"

    def __init__(self, score: float, pause: float = 0.0) -> None:
        self.score = score
        self.pause = pause
        self.setting = f"pause {pause:g}"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        return [cls(0.5)]

    def prepare(self) -> None:
        if self.score < 0:
            raise RuntimeError("no such package")

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        port = free_port()
        command = [sys.executable, "-c", SERVER, str(port), str(self.score), str(self.pause)]
        return Launch(command, folder, {}, port)

    def ready_paths(self) -> list[str]:
        return ["/ready"]


class Broken(Scripted):
    """A server that ends at once."""

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        return Launch([sys.executable, "-c", "raise SystemExit(3)"], folder, {}, free_port())


LOAD = Load(
    texts=["a", "b"],
    clients=[2, 1],
    cores=all_cores(),
    seconds=0.3,
    warmup=0.05,
    sweep_seconds=0.2,
    timeout=5.0,
)


@pytest.mark.slow
def test_who_answers_alike_is_ranked_and_the_others_are_said_to_differ_or_to_be_out() -> None:
    contenders = [
        Contender("chorus", [Scripted(0.5)]),
        Contender("alike", [Scripted(0.50001)]),
        Contender("other", [Scripted(0.6)]),
        Contender("null", [Scripted(0.7)]),
        Contender("unprepared", [Scripted(-1.0)]),
        Contender("broken", [Broken(0.5)]),
    ]
    measure(contenders, LOAD, repeats=2)
    ranked = {contender.name for contender in contenders if contender.ranked}
    assert ranked == {"chorus", "alike"}
    rows = [row for contender in contenders for row in contender.rows()]
    add_ratios(rows, ranked)
    assert [row["peer"] for row in rows if "chorus_ratio" in row] == ["alike", "alike"]
    by_name = {row["peer"]: row for row in rows}
    assert by_name["other"]["arithmetic"] == "different arithmetic"
    assert by_name["other"]["differing"] == 2
    assert by_name["null"]["arithmetic"] == "constant answers"
    assert by_name["unprepared"]["failure"] == "no such package"
    assert by_name["broken"]["failure"] == "scripted ended with 3"
    for name in ("chorus", "alike", "other"):
        assert [row["clients"] for row in rows if row["peer"] == name] == [2, 1]
        assert by_name[name]["good"] > 0
        assert (by_name[name]["wrong"], by_name[name]["repeats"]) == (0, 2)


def test_the_best_of_a_peers_settings_stands_for_it() -> None:
    contender = Contender("sweeping", [Scripted(0.5, 0.1), Scripted(0.5), Scripted(0.5, 0.05)])
    contender.introduce(LOAD)
    assert contender.peer.setting == "pause 0"


def test_a_setting_is_chosen_by_the_words_of_the_table() -> None:
    candidates = [Scripted(0.5, 0.1), Scripted(0.5)]
    assert choose(candidates, "pause 0") is candidates[1]
    assert choose(candidates, None) is candidates[0]
    with pytest.raises(UnknownSetting, match=r"it has: pause 0\.1; pause 0"):
        choose(candidates, "pause 1")
