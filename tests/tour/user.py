"""Whoever follows the README: types, reads what is printed, looks at the page."""

from __future__ import annotations

import subprocess
from threading import Timer
from types import TracebackType
from typing import Self

from tests.browser.chromium import opened
from tests.tour.machine import Machine
from tests.tour.steps import READY, Leave, Look, Paste, Serve, Step

PATIENCE_SECONDS = 1200.0
"""Longer than that nobody waits for a first start, downloads included."""
LEAVING = "stopping once the work in flight is done"


class LostError(Exception):
    """The README led nowhere: what was done, and what was seen instead."""


class User:
    """One who does a step after the other."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._serving: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._serving:
            self._serving.kill()
            self._serving.wait()

    def does(self, step: Step) -> None:
        """Do it, until its end or until what was hoped for is seen. Raises LostError."""
        match step:
            case Paste():
                self._pastes(step)
            case Serve():
                self._serves(step)
            case Look():
                self._looks(step)
            case Leave():
                self._leaves()

    def words(self, step: Step) -> str:
        """What is typed, in one line."""
        match step:
            case Paste() | Serve():
                return " ".join(step.line.split()).replace(" \\ ", " ")
            case Look():
                return step.url
            case Leave():
                return "Ctrl-C"

    def _pastes(self, step: Paste) -> None:
        done = self._machine.paste(step.line)
        if done.returncode or step.expected not in done.stdout + done.stderr:
            raise LostError(f"{step.line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _serves(self, step: Serve) -> None:
        self._serving = self._machine.start(step.line)
        assert self._serving.stdout
        giving_up = Timer(PATIENCE_SECONDS, self._serving.kill)
        giving_up.start()
        seen: list[str] = []
        for printed in self._serving.stdout:
            seen.append(printed)
            if READY in printed:
                giving_up.cancel()
                return
        giving_up.cancel()
        raise LostError(f"{step.line}\n{''.join(seen[-40:])}")

    def _looks(self, step: Look) -> None:
        with opened() as browser:
            page = browser.new_page()
            page.goto(step.url)
            page.get_by_role("textbox").first.press_sequentially(step.text)
            page.get_by_text(step.expected).first.wait_for(timeout=60_000)

    def _leaves(self) -> None:
        assert self._serving
        assert self._serving.stdout
        self._machine.interrupt()
        said = self._serving.stdout.read()
        self._serving.wait(PATIENCE_SECONDS)
        self._serving = None
        # The exit code is make's, which hears Ctrl-C too.
        if LEAVING not in said or "Traceback" in said:
            raise LostError(f"Ctrl-C:\n{said[-2000:]}")
