"""The formula against the table of computed values that it was derived with."""

import pytest
from benchmarks import flops
from benchmarks.shapes import SIZES

REAL = SIZES["real"].shape


def test_a_token_is_170_million_operations() -> None:
    assert flops.per_token(REAL) == 2 * 84_934_656


@pytest.mark.parametrize(
    ("tokens", "gflop"), [(16, 13.6), (32, 27.4), (64, 55.1), (100, 86.8), (128, 112), (512, 483)]
)
def test_a_request_of_five_models(tokens: int, gflop: float) -> None:
    total = flops.of_texts([(REAL, [tokens])] * 5)
    assert total == 5 * (tokens * (169_869_312 + 36_864 * tokens) + 2 * 768**2)
    assert total / 1e9 == pytest.approx(gflop, rel=5e-3)


def test_models_count_their_own_tokens() -> None:
    one, other = flops.of_text(REAL, 10), flops.of_text(REAL, 30)
    assert flops.of_texts([(REAL, [10, 30]), (REAL, [30])]) == one + 2 * other


def test_a_layers_products_are_its_share_of_a_token() -> None:
    products = flops.layer_products(REAL)
    operations = sum(2 * rows * columns * n for (rows, columns), n in products.items())
    assert operations * REAL.layers == flops.per_token(REAL)
