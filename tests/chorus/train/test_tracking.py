"""What is written down of a training: names that MLflow takes, whatever the labels are called."""

from __future__ import annotations

import pytest

from chorus.training.tracking import facts

LABELS = ("cold", "größe", "größe 📏", "a/b", "..", " ", "label 1", "日本語", "50 % off", "x" * 200)


def test_every_label_has_metrics_of_its_own() -> None:
    from mlflow.utils.validation import _validate_metric_name  # slow to import

    scores = {"precision": 0.5, "recall": 0.25, "f1": 0.75, "support": 4}
    results = {"accuracy": 1.0, "macro_f1": 1.0, "best_epoch": 2}
    metrics = facts.of_results({**results, "labels": dict.fromkeys(LABELS, scores)})

    assert len(metrics) == 3 + 3 * len(LABELS)
    assert metrics["recall/cold"] == metrics["recall/日本語"] == 0.25
    assert metrics["f1/label 2"] == 0.75
    for name in metrics:
        _validate_metric_name(name)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("label", ["cold", "größe", "日本語"])
def test_a_label_keeps_its_name_where_mlflow_takes_it(label: str) -> None:
    scores = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    results = {"accuracy": 1.0, "macro_f1": 1.0, "best_epoch": 1, "labels": {label: scores}}
    assert facts.of_results(results)[f"f1/{label}"] == 1.0
