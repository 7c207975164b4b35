"""The function between two products, in place and in pieces of few sizes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F  # noqa: N812
from transformers.activations import ACT2FN

from mlserver_chorus.engine import activation

CPU = torch.device("cpu")

# oneDNN says in a line of its own what it compiles, before it runs it.
COMPILED = "create:cache_miss,cpu,eltwise"
SIZES = """
import torch
from transformers.activations import ACT2FN
from mlserver_chorus.engine import activation

gelu = activation.of(ACT2FN["gelu"], torch.device("cpu")) if {ours} else ACT2FN["gelu"]
with torch.inference_mode():
    for tokens in range(1, 300):
        gelu(torch.ones(5, tokens, 64))
"""


@pytest.mark.parametrize("shape", [(1,), (1, 1, 7), (5, 3, 64), (1, 64, 64), (2, 333, 96), (0, 4)])
def test_gelu_is_what_torch_says(shape: tuple[int, ...]) -> None:
    x = 3 * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    expected = F.gelu(x.clone())
    found = activation.gelu(x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert found.shape == shape
    assert found.data_ptr() == x.data_ptr(), "in place"


@pytest.mark.parametrize("name", ["relu", "gelu_new", "gelu_python", "silu"])
def test_every_other_function_is_the_modules_own(name: str) -> None:
    module = ACT2FN[name]
    assert activation.of(module, CPU) is module


def test_on_a_gpu_it_is_the_modules_own() -> None:
    module = ACT2FN["gelu"]
    assert activation.of(module, torch.device("cuda")) is module
    assert activation.of(module, CPU) is activation.gelu


def compiled(*, ours: bool) -> int:
    """Kernels that oneDNN compiles for 299 batches, each of another size."""
    run = [sys.executable, "-c", SIZES.format(ours=ours)]
    environment = {**os.environ, "ONEDNN_VERBOSE": "2"}
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.count(COMPILED)


def test_batches_of_ever_other_sizes_compile_next_to_nothing() -> None:
    if compiled(ours=False) < 200:
        pytest.skip("this torch does not leave GELU to oneDNN")
    assert compiled(ours=True) < 20
