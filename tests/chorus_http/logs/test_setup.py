"""Every event is one line, and no line holds what an exception or a library has to say."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextvars import copy_context
from io import StringIO

import pytest

from chorus_http.logs import records as log_records
from chorus_http.logs import setup as logs
from chorus_http.logs.bounds import Bounded
from chorus_http.logs.lines import FIELDS
from chorus_http.logs.request_ids import CURRENT

CANARY = "canary3f9c"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

logger = logging.getLogger("chorus.test")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Set logging up, log something, and read the lines; afterwards all is as it was."""
    root = logging.getLogger()
    handlers, level, factory = root.handlers[:], root.level, logging.getLogRecordFactory()
    hooks = sys.unraisablehook, threading.excepthook
    named = ("chorus", "chorus_gateway", "mlserver", "uvicorn", logs.ACCESS)
    levels = {name: logging.getLogger(name).level for name in named}
    stderr = StringIO()

    def write(
        log: Callable[[], object], style: logs.Format = "text", level: logs.Level = "INFO"
    ) -> list[str]:
        monkeypatch.setattr("sys.stderr", stderr)
        logs.set_up(style, level)
        copy_context().run(log)
        return stderr.getvalue().splitlines()

    yield write
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, own in levels.items():
        logging.getLogger(name).setLevel(own)
    logging.setLogRecordFactory(factory)
    logging.captureWarnings(False)
    logging.raiseExceptions = True
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = True
    sys.unraisablehook, threading.excepthook = hooks


Written = Callable[..., list[str]]


def fail() -> None:
    try:
        try:
            raise ValueError(f"cannot read {CANARY}")
        except ValueError as error:
            raise RuntimeError(f"no, not {CANARY}") from error
    except RuntimeError:
        logger.exception("it failed")


def test_words(written: Written) -> None:
    (line,) = written(lambda: logger.info("all %d", 3, extra={FIELDS: {"items": 2}}))
    time, rest = line.split(" ", 1)
    assert TIME.fullmatch(time)
    assert rest == "INFO chorus.test all 3 items=2"


def test_json(written: Written) -> None:
    def log() -> None:
        CURRENT.set("an-id")
        logger.warning("é\n%s", "x", extra={FIELDS: {"ms": 1.5}})

    (line,) = written(log, "json")
    said = json.loads(line)
    assert TIME.fullmatch(said.pop("time"))
    assert said == {
        "level": "WARNING",
        "logger": "chorus.test",
        "message": "é\nx",
        "request_id": "an-id",
        "ms": 1.5,
    }


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("odd", ["\n", "\r", "\x00", "\x1b[2J", "\x85", "\u2028", "\x0b", "\u202e"])
def test_nothing_ends_a_line(written: Written, style: logs.Format, odd: str) -> None:
    (line,) = written(lambda: logger.info("a%sb", odd, extra={FIELDS: {"c": odd}}), style)
    assert line.isprintable()


@pytest.mark.parametrize("style", ["text", "json"])
def test_of_an_exception_type_and_place_are_said(written: Written, style: logs.Format) -> None:
    (line,) = written(fail, style)
    assert CANARY not in line
    assert re.search(
        r"RuntimeError at logs/test_setup\.py:\d+ in fail, from ValueError at .* in fail",
        line,
    )


def test_an_exception_among_the_arguments_is_its_type(written: Written) -> None:
    foreign, own = ValueError(CANARY), _own()

    def log() -> None:
        logger.error("%s: %s", "a", foreign)
        logger.error(foreign)

    lines = written(log)
    assert [line.split("chorus.test ")[1] for line in lines] == ["a: ValueError", "ValueError"]
    assert written(lambda: logger.error("%s", own))[-1].endswith("words of ours")


def _own() -> Exception:
    kind = type("Own", (Exception,), {"__module__": "chorus_http.errors"})
    error: Exception = kind("words of ours")
    return error


def test_groups_and_chains_end() -> None:
    inner = ValueError(CANARY)
    inner.__cause__ = ExceptionGroup(CANARY, [inner])
    said = log_records.described(inner)
    assert said == "ValueError, from ExceptionGroup, from ValueError, from ExceptionGroup"


def test_what_a_task_leaves_behind_is_not_shown(written: Written) -> None:
    async def forgotten(text: str) -> None:
        raise ValueError(text)

    async def main() -> None:
        task = asyncio.ensure_future(forgotten(CANARY))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        asyncio.get_running_loop().call_soon(int, CANARY)
        await asyncio.sleep(0)

    lines = written(lambda: asyncio.run(main()))
    assert CANARY not in "".join(lines)
    task, callback = lines
    assert "Task exception was never retrieved exception=ValueError at" in task
    assert "Exception in callback int exception=ValueError" in callback


def test_threads_destructors_and_warnings_too(written: Written) -> None:
    class Bad:
        def __del__(self) -> None:
            raise ValueError(CANARY)

    def log() -> None:
        thread = threading.Thread(target=int, args=(CANARY,))
        thread.start()
        thread.join()
        Bad()
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logger.error("%d", CANARY)  # its arguments are wrong, and never printed

    lines = written(log)
    assert CANARY not in "".join(lines)
    assert ["a thread has ended" in lines[0], "nobody can hear" in lines[1]] == [True, True]
    assert "py.warnings" in lines[2]


def test_others_are_heard_when_something_is_wrong(written: Written) -> None:
    def log() -> None:
        for name in ("chorus", "chorus_gateway", "mlserver", "PIL.PngImagePlugin", "uvicorn.error"):
            logging.getLogger(name).debug("debug")
            logging.getLogger(name).info("info")

    said = [line.split(" ", 1)[1] for line in written(log, level="DEBUG")]
    ours = ("chorus", "chorus_gateway", "mlserver")
    expected = [f"{level.upper()} {name} {level}" for name in ours for level in ("debug", "info")]
    assert said == [*expected, "INFO uvicorn.error info"]
    assert written(log, level="ERROR")[len(said) :] == []


def test_warnings_of_one_place_are_bounded() -> None:
    bounded = Bounded(most=3, seconds=0.2)

    def record(line: int, level: int = logging.WARNING) -> logging.LogRecord:
        return logging.LogRecord("a", level, "file.py", line, "b", (), None)

    assert [bounded.filter(record(1)) for _ in range(5)] == [True] * 3 + [False] * 2
    assert bounded.filter(record(2)), "another place"
    assert all(bounded.filter(record(3, logging.INFO)) for _ in range(9)), "not a warning"
    threading.Event().wait(0.25)
    later = record(1)
    assert bounded.filter(later)
    assert getattr(later, FIELDS) == {"left_out": 2}


def test_the_settings_take_small_letters() -> None:
    assert [logs.as_level("debug"), logs.as_level("INFO"), logs.as_level(3)] == ["DEBUG", "INFO", 3]


def test_a_process_that_ends_has_written_everything() -> None:
    code = (
        "from chorus_http.logs import setup; setup.set_up('json'); import logging;"
        "logging.getLogger('chorus').info('last')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["message"] == "last"
