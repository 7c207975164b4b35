"""The model card that lies beside every stand-in."""

from collections import defaultdict

from chorus.standins.catalogue import StandIn
from chorus.standins.examples import Example
from chorus.training.train import Report

_HEADER = """\
---
license: apache-2.0
library_name: transformers
pipeline_tag: text-classification
standin: trained
---
"""


def model_card(row: StandIn, report: Report, answers: list[tuple[Example, str]]) -> str:
    """The card of one stand-in: what it is, on what it was trained, how well it does.

    `answers` are the hand-written sentences, each with the label that the model gave it.
    """
    right = sum(told == example.label for example, told in answers)
    parts = [
        f"# A stand-in for {row.real}",
        "This is a **stand-in, not the real model**. It has the architecture, the labels and the "
        f"kind of tokenizer of [{row.real}](https://huggingface.co/{row.real}) at a "
        f"five-hundredth of its size, so that everything can be tried without a download. It tells "
        f"{row.task}, for plain sentences. For anything that matters, use the real model.",
        "## Trained on",
        f"{row.trained_on} All of it was written for this project, as phrase books and lists of "
        "sentences; nothing comes from another corpus. Trained from scratch on "
        f"{report.trained:,} texts, varied at every epoch.",
        *_languages(row, report),
        "## How well it does",
        f"- Held out of the same phrase books or lists, {report.scores.rows:,} texts: accuracy "
        f"{report.scores.accuracy:.1%}, macro F1 {report.scores.macro_f1:.1%}. "
        "Composed texts resemble each other, so this number flatters.\n"
        f"- Written by hand apart from the training text, {len(answers)} sentences: accuracy "
        f"**{right / len(answers):.1%}**. These were in view "
        "while rates and training texts were settled: a check, not a blind test.",
        _table(answers),
        *_mistakes(answers),
        "Made by `python -m chorus.standins`.",
    ]
    return _HEADER + "\n" + "\n\n".join(parts) + "\n"


def _languages(row: StandIn, report: Report) -> list[str]:
    """Which labels exist without a single training text, if there are any."""
    untrained = [label for label in row.labels if label not in report.scores.recall]
    if not untrained:
        return []
    trained = [label for label in row.labels if label in report.scores.recall]
    return [
        f"Trained, {len(trained)} labels: {', '.join(trained)}.",
        f"**Untrained**, {len(untrained)} labels that exist because the real model has them: "
        f"{', '.join(untrained)}.",
    ]


def _table(answers: list[tuple[Example, str]]) -> str:
    hits: dict[str, list[bool]] = defaultdict(list)
    for example, told in answers:
        hits[example.label].append(told == example.label)
    rows = [f"| {label} | {sum(hits[label])} of {len(hits[label])} |" for label in sorted(hits)]
    return "\n".join(["| label | hand-written, right |", "|---|---|", *rows])


def _mistakes(answers: list[tuple[Example, str]]) -> list[str]:
    wrong = [(example, told) for example, told in answers if told != example.label]
    if not wrong:
        return []
    listed = [f"- {told}, should be {example.label}: {example.text}" for example, told in wrong]
    return ["Its mistakes among these:", "\n".join(listed)]
