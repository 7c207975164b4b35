"""Who runs what: a row for each program that a page shows. A new program needs a row.

`test_blocks.py` checks every command, `tests/stack/test_pages.py` runs what is quick at the
session's own server, `test_pages.py` runs every page from its first block to its last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.docs import checks
from tests.docs.shell import Command

Check = Callable[[list[str]], None]


class How(Enum):
    """What a test does with a command besides reading it."""

    QUICK = "runs it"
    SLOW = "runs it in make test-slow"
    SERVE = "keeps it running while the section lasts"
    READ = "reads it only"


@dataclass(frozen=True)
class Rule:
    """What is done with the commands that begin with these words."""

    words: str
    how: How
    check: Check = checks.nothing
    why: str = ""
    """Why nobody runs it, or who else does."""


RULES = (
    Rule("curl", How.QUICK),
    *(
        Rule(word, How.QUICK)
        for word in ("cp", "mkdir", "printf", "cat", "export", "echo", "grep", "sed")
    ),
    *(
        Rule(words, How.READ, check, "the hub; tests/stack/test_pulled_weights.py")
        for words, check in (
            ("chorus pull", checks.chorus),
            ("chorus serve --weights hub", checks.chorus),
            ("make run ARGS=--weights hub", checks.make),
        )
    ),
    Rule("chorus serve", How.SERVE, checks.chorus),
    Rule("chorus keys", How.QUICK, checks.chorus),
    Rule("chorus models", How.QUICK, checks.chorus),
    Rule("chorus train", How.SLOW, checks.chorus),
    Rule("chorus bench", How.SLOW, checks.chorus),
    Rule("chorus servers", How.READ, checks.chorus, "a cluster; tests/stack, tests/cluster"),
    Rule("python -m chorus.standins.tasks", How.READ, why="tests/chorus/test_task_standins.py"),
    Rule("python -m mlserver_chorus.server", How.READ, why="tests/live"),
    Rule("python -m chorus_ui", How.READ, checks.module, "tests/chorus_ui"),
    Rule("python -m benchmarks", How.READ, checks.module, "minutes, and a machine of its own"),
    Rule("make run", How.SERVE, checks.make),
    Rule("make", How.READ, checks.make, "the suites, their images and figures; CI"),
    Rule("docker compose", How.READ, checks.compose, "tests/cluster/test_compose.py"),
    Rule("docker", How.READ, checks.docker, "tests/cluster/test_images.py"),
    Rule("kubectl", How.READ, checks.kubectl, "a cluster; tests/k8s, tests/cluster"),
    Rule("jq", How.READ, why="not everybody has it"),
    Rule("kind", How.READ, why="a cluster"),
    Rule("helm", How.READ, why="a cluster, and charts of others"),
    Rule("pip install", How.READ, checks.pip, "make install does it"),
    Rule("git", How.READ, why="the reader's own repository"),
    Rule("cosign", How.READ, why="a registry"),
    Rule("oras", How.READ, why="a registry"),
)

ELSEWHERE = {
    "docs/command-line.md": "tests/chorus/test_reference.py",
    "docs/mlflow.md": "tests/mlflow/test_guide.py",
    "docs/train.md": "tests/stack/test_train_guide.py",
}
"""Pages that a test of their own holds; here their commands are read."""


def rule_of(command: Command) -> Rule | None:
    """The first row that fits; a program may be named with the folder it is installed in."""
    words = [command.words[0].removeprefix(".venv/bin/"), *command.words[1:]]
    said = " ".join(words) + " "
    return next((rule for rule in RULES if said.startswith(rule.words + " ")), None)
