"""The training itself: one epoch at a time, so that a run can be left between two."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

from chorus.training import batches
from chorus.training.recipe import Augment, Recipe, Row

_WARM_UP = 0.1
_FEW_STEPS = 10  # of which a tenth is no warm-up
_LONGER_WARM_UP = 0.3


class Fit:
    """A model with its optimiser, its schedule and its random numbers, on the model's device.

    `class_weights` is a factor per label, [labels], for the loss.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        rows: Sequence[Row],
        recipe: Recipe,
        rng: random.Random,
        *,
        augment: Augment | None = None,
        class_weights: torch.Tensor | None = None,
    ) -> None:
        self.model = model
        self.steps = -(-len(rows) // recipe.batch_size)
        self._tokenizer = tokenizer
        self._rows = rows
        self._recipe = recipe
        self._rng = rng
        self._augment = augment
        self._class_weights = None if class_weights is None else class_weights.to(model.device)
        self._optimizer = _optimizer(model)
        steps = recipe.epochs * self.steps
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            max_lr=[recipe.embedding_rate, recipe.learning_rate],
            total_steps=steps,
            pct_start=_WARM_UP if steps > _FEW_STEPS else _LONGER_WARM_UP,
        )

    def epoch(self) -> Iterator[float]:
        """Train on every row once; yields the loss of each step."""
        self.model.train()
        for batch in batches.epoch(self._rows, self._recipe.batch_size, self._rng, self._augment):
            yield self._step(batch)

    def _step(self, batch: Sequence[Row]) -> float:
        inputs, labels = batches.encode(self._tokenizer, batch, self._recipe, self.model.device)
        loss = functional.cross_entropy(
            self.model(**inputs).logits, labels, weight=self._class_weights
        )
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        return loss.item()

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on; tensors stay where they are."""
        device = self.model.device
        return {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "rng": self._rng.getstate(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._rng.setstate(state["rng"])
        torch.set_rng_state(state["torch"])
        if self.model.device.type == "cuda" and state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"], self.model.device)


def _optimizer(model: Any) -> torch.optim.AdamW:
    """The token embeddings in a group of their own, before the other weights."""
    embeddings = list(model.get_input_embeddings().parameters())
    others = [weight for weight in model.parameters() if all(weight is not e for e in embeddings)]
    return torch.optim.AdamW([{"params": embeddings}, {"params": others}])


@contextmanager
def deterministic(seed: int, device: torch.device) -> Iterator[None]:
    """Seeded, deterministic torch inside; the caller's generators and setting are restored."""
    before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
