"""Overlays that a page has its readers write render, and keep every rule of the manifests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from tests.docs.blocks import ROOT, SHELL, Block, blocks, pages
from tests.docs.shell import lines
from tests.k8s.custom_resources import SPECS
from tests.k8s.manifests import Manifests
from tests.k8s.rendering import kustomize, need_kubectl
from tests.k8s.rules.table import RULES
from tests.k8s.test_schemas import NEWEST, problem

OVERLAYS = [
    block for page in pages() for block in blocks(page) if block.file.endswith("kustomization.yaml")
]

THEIR_NODES = "is for no node whose size is known"
"""What the rules say of a pool of the reader's."""


def folders(page: str) -> set[str]:
    """What a page has kubectl render."""
    words = [
        command.words
        for block in blocks(page)
        if block.language in SHELL
        for line in lines(block.text)
        for command in line.commands
    ]
    return {one[one.index("-k") + 1] for one in words if one[0] == "kubectl" and "-k" in one}


@pytest.mark.parametrize("block", OVERLAYS, ids=str)
def test_it_renders_and_keeps_the_rules(block: Block, tmp_path: Path) -> None:
    need_kubectl()
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    file = tmp_path / block.file
    file.parent.mkdir(parents=True)
    file.write_text(block.text)

    items = [item for item in yaml.safe_load_all(kustomize(file.parent)) if item]

    rules = [rule for rule in RULES if rule.__name__ != "images"]  # a registry of theirs
    broken = [line for rule in rules for line in rule(Manifests(items))]
    assert [line for line in broken if not line.endswith(THEIR_NODES)] == []
    own = [item for item in items if (item["apiVersion"], item["kind"]) not in SPECS]
    assert [found for item in own if (found := problem(item, NEWEST))] == []


@pytest.mark.parametrize("page", pages())
def test_what_is_applied_is_there(page: str) -> None:
    written = {str(Path(block.file).parent) for block in OVERLAYS if block.page == page}

    for folder in folders(page):
        assert folder in written or (ROOT / folder / "kustomization.yaml").is_file(), folder


def test_the_cost_of_a_gpu_is_the_one_computed() -> None:
    row = re.search(r"(?m)^\| one T4, real size +\| computed.*$", read("docs/scaling.md"))
    assert row
    rate, *_, dollars = [cell.strip() for cell in row[0].strip("|").split("|")][2:]

    told = re.search(
        r"answer (\S+) `/process` a second.* (\S+) \$ per million", flat("docs/gpu-cluster.md")
    )
    assert told
    assert told.groups() == (rate, dollars)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def flat(page: str) -> str:
    return " ".join(read(page).split())
