"""A small classifier that starts as the average of its tokens."""

from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, PretrainedConfig


def averaging_classifier(config: PretrainedConfig, seed: int) -> Any:
    """A fresh classifier whose attention hands the average of all tokens to the first one.

    From the usual random weights, so small a model with so few texts first learns sentences by
    heart; from an average it first learns what every word says, and order only where that pays.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = AutoModelForSequenceClassification.from_config(config)
        unit = torch.eye(config.hidden_size)
        for layer in model.base_model.encoder.layer:
            layer.attention.self.value.weight.copy_(unit)
            layer.attention.output.dense.weight.copy_(unit)
            layer.output.dense.weight.mul_(0.1)
        model.classifier.dense.weight.copy_(unit)
    return model
