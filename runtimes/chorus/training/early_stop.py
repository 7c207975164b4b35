"""Which epoch was the best, and when the next ones are not worth their time."""

from collections.abc import Sequence
from dataclasses import dataclass

_CLEARLY = 0.01  # nats; a loss can creep down for ever without an answer changing


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: its mean loss, then loss and macro F1 of the rows held out."""

    loss: float
    validation_loss: float
    validation_f1: float


def best(history: Sequence[Epoch]) -> int:
    """The index of the last epoch that was better than all before it."""
    found = 0
    for number, epoch in enumerate(history):
        if _is_better(epoch, history[found]):
            found = number
    return found


def is_over(history: Sequence[Epoch], epochs: int, patience: int) -> bool:
    """Whether all epochs are done, or so many have passed without a better one."""
    done = len(history)
    return done >= epochs or (done > 0 and done - 1 - best(history) >= patience)


def _is_better(epoch: Epoch, other: Epoch) -> bool:
    """By F1; where it is the same, by a loss that is clearly less."""
    if epoch.validation_f1 != other.validation_f1:
        return epoch.validation_f1 > other.validation_f1
    return epoch.validation_loss < other.validation_loss - _CLEARLY
