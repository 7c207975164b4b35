"""T46, by the sources: nothing unpacks archives, unpickles, or trusts a checkpoint's code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

RUNTIMES = Path(__file__).parents[2] / "runtimes"
MODULES = {"tarfile", "zipfile", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
CALLS = {
    *("shutil.unpack_archive", "pickle.load", "pickle.loads", "pickle.Unpickler", "torch.hub.load"),
    *("torch.jit.load", "np.load", "numpy.load", "eval", "exec"),
}
LOADERS = {"from_pretrained", "pipeline", "load_model"}

SOURCES = {
    str(path.relative_to(RUNTIMES)): ast.parse(path.read_text())
    for path in sorted(RUNTIMES.rglob("*.py"))
}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def calls(tree: ast.AST) -> Iterator[tuple[str, dict[str | None, ast.expr]]]:
    """Each call's name as it is written, and its keyword arguments; None is `**`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {one.arg: one.value for one in node.keywords}


def is_constant(value: ast.expr, expected: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is expected


def test_t46_the_sources_are_there() -> None:
    called = {name for tree in SOURCES.values() for name, _ in calls(tree)}
    assert {"torch.load", "AutoTokenizer.from_pretrained", "pipeline", "load_model"} <= called


@pytest.mark.parametrize("source", SOURCES)
def test_t46_nothing_is_unpacked_or_unpickled(source: str) -> None:
    tree = SOURCES[source]
    assert not MODULES & set(imported(tree))
    for name, given in calls(tree):
        assert name not in CALLS
        if name.endswith("torch.load"):
            assert is_constant(given["weights_only"], True)


def test_t46_no_code_of_a_checkpoint_is_ever_trusted() -> None:
    for source, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert is_constant(node.value, False), source
            if isinstance(node, ast.Dict):
                said = dict(
                    zip(map(ast.unparse, filter(None, node.keys)), node.values, strict=False)
                )
                trusts = said.get("'trust_remote_code'")
                assert trusts is None or is_constant(trusts, False), source


def test_t46_every_loader_is_told_so() -> None:
    """Those that are told nothing would ask whoever sits at the terminal."""
    told = 0
    for source, tree in SOURCES.items():
        for name, given in calls(tree):
            owner, _, verb = name.rpartition(".")
            by_its_config = verb != "from_pretrained" or owner.startswith(("Auto", "family"))
            if source.startswith("mlserver_chorus/") and verb in LOADERS and by_its_config:
                assert "trust_remote_code" in given or None in given, f"{source}: {name}"
                told += 1
    assert told >= 6
