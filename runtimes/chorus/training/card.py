"""The model card that lies beside a trained classifier."""

from chorus.training.data import Data
from chorus.training.job import Job
from chorus.training.run import Outcome
from chorus.training.start import Start
from chorus.training.table import SEPARATOR


def model_card(job: Job, data: Data, start: Start, outcome: Outcome) -> str:
    """What it is, on what it was trained, and how well it does."""
    parts = [
        _header(start),
        f"# {job.name}",
        _what(job, start),
        "## Trained on",
        _rows(job, data),
        "## How well it does",
        _scores(outcome),
        _table(data, outcome),
        "![confusion matrix](confusion.png)",
        "## How it was made",
        _how(job, data, outcome),
        f"```sh\n{job.command}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _header(start: Start) -> str:
    repository, at, _ = start.origin.partition("@")
    base = [f"base_model: {repository}"] if at else []
    lines = ["library_name: transformers", "pipeline_tag: text-classification", *base]
    return "\n".join(["---", *lines, "---"])


def _what(job: Job, start: Start) -> str:
    origin = f"fine-tuned from `{start.origin}`" if start.origin else "trained from scratch"
    said = f"A text classifier, {origin}. It tells the column {_code(job.label)} from "
    if len(job.texts) == 1:
        return said + f"the column {_code(job.texts[0])}."
    columns = ", ".join(map(_code, job.texts))
    return said + (
        f"the columns {columns}, joined by `{SEPARATOR}` where they are not empty: join them "
        "likewise to ask it."
    )


def _rows(job: Job, data: Data) -> str:
    held = (
        f"{len(data.held):,} rows of `{job.validation_file.name}`"
        if job.validation_file
        else f"{len(data.held):,} distinct ones, the same part of each label, were held out to "
        "judge by"
    )
    weighed = (
        "In the loss, rare labels weigh as much as common ones."
        if job.balanced
        else "In the loss, every row weighs the same."
    )
    return (
        f"{sum(data.balance.values()):,} rows of `{job.file.name}` with {len(data.names)} labels. "
        f"Trained on {len(data.kept):,}; {held}. {weighed} The labels are the file's: what they "
        "mean, and whether they are right, is up to who wrote it."
    )


def _scores(outcome: Outcome) -> str:
    scores = outcome.scores
    return (
        f"On the {scores.rows:,} rows held out: accuracy **{scores.accuracy:.1%}**, macro F1 "
        f"**{scores.macro_f1:.1%}**. The best epoch was chosen by these rows, so the numbers "
        "flatter a little; few rows make them coarse."
    )


def _table(data: Data, outcome: Outcome) -> str:
    lines = ["| | label | rows | held out | precision | recall | F1 |", "|-:|---|-:|-:|-:|-:|-:|"]
    for number, (name, one) in enumerate(outcome.scores.labels.items()):
        scored = f"{one.precision:.1%} | {one.recall:.1%} | {one.f1:.1%}"
        count = f"{data.balance[name]:,} | {one.support:,}"
        lines.append(f"| #{number} | {_code(name)} | {count} | {scored} |")
    return "\n".join(lines)


def _how(job: Job, data: Data, outcome: Outcome) -> str:
    return (
        f"{len(outcome.history)} of at most {job.recipe.epochs} epochs, the weights those of epoch "
        f"{outcome.best}; seed {job.seed}; texts cut after {job.recipe.max_length} tokens. The "
        f"rows have the SHA-256 `{data.digest[:16]}…`. All numbers are in `training.json`."
    )


def _code(text: str) -> str:
    """A column or label as code, whatever is in it, a table's bars included."""
    fence = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text.replace('|', chr(92) + '|')}{space}{fence}".replace("\n", " ")
