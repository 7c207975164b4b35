"""The function between two products, in place and in pieces of few sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.backends import mkldnn
from torch.nn import functional as F  # noqa: N812
from transformers.activations import ACT2FN

from mlserver_chorus.engine import activation

CPU = torch.device("cpu")

# oneDNN says in a line of its own what it compiles, before it runs it.
COMPILED = "create:cache_miss,cpu,eltwise"
WIDTH = 192  # of no other test, whose kernels this process may have kept


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


def compiled(function: Callable[[Tensor], Tensor], capfd: pytest.CaptureFixture[str]) -> int:
    """Kernels that oneDNN compiles for 299 batches, each of another size."""
    capfd.readouterr()
    told = mkldnn.verbose(mkldnn.VERBOSE_ON_CREATION)  # type: ignore[no-untyped-call]
    with torch.inference_mode(), told:
        for tokens in range(1, 300):
            function(torch.ones(5, tokens, WIDTH))
    return capfd.readouterr().out.count(COMPILED)


def test_batches_of_ever_other_sizes_compile_next_to_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    own = ACT2FN["gelu"]
    assert compiled(activation.of(own, CPU), capfd) < 20
    if compiled(own, capfd) < 200:
        pytest.skip("this torch does not leave GELU to oneDNN")
