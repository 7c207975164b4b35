"""What a page has kubectl tell a cluster, told to an API server by the real one.

It has no pods: what waits for them, or talks to them, is only read.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.apiserver.server import ApiServer
from tests.docs.blocks import blocks, pages
from tests.docs.playing import ASKS
from tests.docs.reader import USUAL, Reader
from tests.docs.rules import How, rule_of
from tests.docs.shell import Command, Line, lines
from tests.k8s.rendering import need_kubectl

TOLD = ("apply", "create", "delete", "get", "label")
"""What needs no pod."""
APPLY = "kubectl apply --validate=false"
THERE_ALREADY = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "chorus"}},
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "topics", "namespace": "chorus"},
    },
)
"""What a page speaks of, and has nobody make."""


def verb(command: Command) -> str:
    words = [word for word in command.words[1:] if not word.startswith("-")]
    return words[1] if "-n" in command.words else words[0]


def takes(line: Line) -> bool:
    """Whether a cluster without pods, or the reader's shell alone, can do all of a line."""
    return not ASKS.search(line.text) and all(
        verb(one) in TOLD
        if one.words[0] == "kubectl"
        else (rule := rule_of(one)) is not None and rule.how is How.QUICK
        for one in line.commands
    )


def told(page: str) -> list[Line]:
    """The lines of a page for a cluster and those that they need, if there are any."""
    found = [line for block in blocks(page) if block.is_shell for line in lines(block.text)]
    kept = [line for line in found if takes(line)]
    return kept if any("kubectl" in line.text for line in kept) else []


@pytest.mark.parametrize("page", [page for page in pages() if told(page)])
def test_a_cluster_takes_it(page: str, tmp_path: Path) -> None:
    need_kubectl()
    folder = tmp_path / "project"
    folder.mkdir()
    reader = Reader(folder, USUAL)
    for block in blocks(page):
        if block.file:
            reader.save(block.file, block.text)
    with ApiServer(folder=tmp_path / "cluster") as cluster:
        reader.paste(f"export KUBECONFIG={cluster.kubeconfig()}")
        for item in THERE_ALREADY if any("topics" in one.text for one in told(page)) else ():
            cluster.put(item)
        for line in told(page):
            reader.paste(as_json(line))


def as_json(line: Line) -> str:
    """The line in what the server of the tests reads: it knows no protobuf, and has no schemas."""
    text = line.text.strip().replace("kubectl apply", APPLY)
    if any("create" in command.words for command in line.commands):
        text += f" --dry-run=client --output json | {APPLY} -f -"
    return text
