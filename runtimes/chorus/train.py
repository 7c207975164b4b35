"""`chorus train`: a classifier from labelled texts, ready to serve."""

import json
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from chorus import catalog, trained
from chorus.errors import Failed, UsageError
from chorus.interruption import terminated_as_interrupted
from chorus.terminal import console

EXAMPLE = """
[bold]Example[/bold]: what an idea is about, from two columns of a table, then served

  chorus train ideas.csv --text title --text map --label topic
  chorus serve --models ideas
"""
INTERRUPTED = 130
_NEEDED = ("torch", "transformers", "matplotlib")


def train(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help=".csv, .tsv, .jsonl or a .json list; .gz of these."),
    ],
    text: Annotated[
        list[str],
        typer.Option("--text", metavar="COLUMN", help="The text; several columns are joined."),
    ],
    label: Annotated[str, typer.Option("--label", metavar="COLUMN", help="What is to be told.")],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", show_default="the file's", help="What the model is called."
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="FOLDER|ORG/NAME",
            show_default="none: a small model from scratch",
            help="The checkpoint to fine-tune: a folder, or on the hub, pinned as by pull.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            envvar="CHORUS_MODELS_DIR",
            metavar="DIR",
            show_default="./models, else the repository's",
            help="The folder of models.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            metavar="N",
            show_default="3; 30 from scratch",
            help="Times that all rows are trained on, at most.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, max=4096, metavar="N", show_default="16", help="Rows of a step."),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            min=1e-9,
            max=1,
            metavar="RATE",
            show_default="2e-5; 1e-3 from scratch",
            help="The highest of the run.",
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            min=8,
            max=8192,
            metavar="N",
            show_default="256; 128 from scratch",
            help="Tokens after which a text is cut.",
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.5,
            metavar="PART",
            help="How much of each label is held out to judge by.",
        ),
    ] = 0.1,
    validation_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows to judge by, instead of a part.")
    ] = None,
    class_weights: Annotated[
        Literal["auto", "none"],
        typer.Option(help="auto: rare labels weigh as much as common ones."),
    ] = "auto",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of all that is random.")
    ] = 1,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="cpu|cuda|cuda:N",
            show_default="a GPU where there is one",
            help="Where it computes.",
        ),
    ] = None,
    patience: Annotated[
        int,
        typer.Option(
            min=1, max=10_000, metavar="N", help="Epochs without a better one before it stops."
        ),
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="The results as JSON.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget a run that was interrupted.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of one trained before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the file, say what would be trained, and end.")
    ] = False,
    mlflow: Annotated[
        bool,
        typer.Option(
            "--mlflow", help="Follow it in the MLflow of MLFLOW_TRACKING_URI, register the model."
        ),
    ] = False,
    mlflow_experiment: Annotated[
        str | None,
        typer.Option(
            envvar="MLFLOW_EXPERIMENT_NAME",
            metavar="NAME",
            show_default="the model's name",
            help="The experiment that the run is of.",
        ),
    ] = None,
    mlflow_alias: Annotated[
        str | None,
        typer.Option(metavar="ALIAS", help="Move this alias to the new version: champion."),
    ] = None,
) -> None:
    """Train a text classifier on the rows of a file.

    Interrupted, the same command goes on.
    """
    try:
        _require_libraries()
        from chorus.training import job, place, plan

        wanted = job.Job(
            file=file,
            texts=tuple(text),
            label=label,
            name=name or file.name.partition(".")[0],
            base=base,
            recipe=job.recipe(
                fine_tuned=base is not None,
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                max_length=max_length,
                validation=validation,
            ),
            patience=patience,
            validation_file=validation_file,
            balanced=class_weights == "auto",
            seed=seed,
        )
        goal = place.Place(
            into=(into or catalog.default_folder()).resolve(), fresh=fresh, replace=replace
        )
        if mlflow_alias and not mlflow:
            raise UsageError("--mlflow-alias needs --mlflow")
        if dry_run:
            _tell(plan.plan(wanted, goal), trained.show_plan, as_json=as_json)
            return
        out = console(stderr=True)
        goal.require_free(wanted.name)  # before anybody else is asked
        tracker = None
        if mlflow:
            from chorus.training.tracking import opened

            tracker = opened.tracker(wanted.name, mlflow_experiment, mlflow_alias, out)
        from chorus.training import session  # torch is slow to import, --help is not

        with terminated_as_interrupted():
            results = session.train(
                wanted,
                goal,
                device=device,
                is_length_chosen=max_length is not None,
                console=out,
                tracker=tracker,
            )
    except OSError as error:
        raise Failed(f"the models folder cannot be written: {error.strerror}") from None
    except KeyboardInterrupt:
        typer.echo("chorus: interrupted; the same command goes on after the last epoch", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if tracker:
        results |= {"mlflow": tracker.document}
    _tell(results, partial(trained.show, into=goal.into), as_json=as_json)
    if tracker and tracker.problem:
        raise Failed(tracker.problem)


def _tell(
    document: dict[str, Any], show: Callable[[dict[str, Any]], None], *, as_json: bool
) -> None:
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        show(document)


def _require_libraries() -> None:
    missing = [library for library in _NEEDED if find_spec(library) is None]
    if missing:
        raise UsageError(
            f"training needs {', '.join(missing)}: pip install 'chorus-serve[runtime,train]'"
        )
