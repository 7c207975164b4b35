"""`chorus bench`: loads a server that runs, and says how fast and how well it answers."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from chorus.terminal import console

if TYPE_CHECKING:
    from chorus.measurement.probe import Subject
    from chorus.measurement.rounds import Load, Measured

EXAMPLE = """
[bold]Example[/bold]: one server; a steady rate, whatever it can do; two servers, turn by turn

  chorus bench --clients 64
  chorus bench http://10.0.0.7:8000 --rate 200 --seconds 60 --json
  chorus bench --against http://127.0.0.1:9000 --rounds 5
"""
INTERRUPTED: Final = 130
KEY: Final = "CHORUS_API_KEY"
OTHER_KEY: Final = "CHORUS_AGAINST_API_KEY"
GATEWAY: Final = "http://127.0.0.1:8000"
MODEL_SERVER: Final = "http://127.0.0.1:8080"
CLIENTS: Final = 64
MOST_IN_FLIGHT: Final = 1024  # of an open loop, unless told
ROUNDS: Final = 3  # of a comparison: a median needs as many


def bench(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            show_default=f"{GATEWAY}; with --v2 {MODEL_SERVER}",
            help="The server, which runs.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="/process: all five at once",
            help="Ask this model by its name instead.",
        ),
    ] = None,
    v2: Annotated[
        bool, typer.Option("--v2", help="Over V2 REST, of any server that speaks it.")
    ] = False,
    clients: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=50_000,
            metavar="N",
            show_default=f"{CLIENTS}; with --rate {MOST_IN_FLIGHT}",
            help="Each asks again when it is answered; with --rate, the most at one time.",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1_000_000,
            metavar="N",
            show_default="as many as are answered",
            help="Requests a second, whether or not it keeps up; latency counts from when "
            "each was due.",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=86_400, metavar="N", help="How long it measures.")
    ] = 10.0,
    warmup: Annotated[
        float, typer.Option(min=0, max=3600, metavar="N", help="Seconds before, not counted.")
    ] = 2.0,
    texts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default="a mix of lengths and languages",
            help="The texts to send, one a line.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Another server, under the same load turn by turn."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            metavar="N",
            show_default=f"1; with --against {ROUNDS}",
            help="How often each has its turn; medians are shown.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The results as JSON.")] = False,
) -> None:
    """Load a server that runs: answers a second, latencies, failures.

    A server that asks for a key is shown CHORUS_API_KEY, that of --against
    CHORUS_AGAINST_API_KEY. With any failure the exit code is 1.
    """
    from chorus.measurement.rounds import Load
    from chorus.measurement.texts import read

    load = Load(
        clients=clients or (CLIENTS if rate is None else MOST_IN_FLIGHT),
        rate=rate,
        seconds=seconds,
        warmup=warmup,
    )
    sent = read(texts)
    default = MODEL_SERVER if v2 else GATEWAY
    places = [(url or default, KEY), *([(against, OTHER_KEY)] if against else [])]
    subjects = [_subject(place, key, sent[0], model, v2) for place, key in places]
    measured = _measure(subjects, sent, load, rounds or (ROUNDS if against else 1))
    raise typer.Exit(_tell(subjects, measured, load, as_json=as_json))


def _subject(url: str, key: str, text: str, model: str | None, v2: bool) -> "Subject":
    from chorus.measurement.probe import probe
    from chorus.measurement.server import server

    return probe(server(url, os.environ.get(key, ""), key), text, model=model, v2=v2)


def _measure(
    subjects: "Sequence[Subject]", texts: Sequence[str], load: "Load", rounds: int
) -> "Measured":
    from chorus.measurement.rounds import measure
    from chorus.measurement.watch import Shown

    with (
        Shown(console(stderr=True), load, rounds) as watch,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        return runner.run(measure(subjects, texts, load, rounds, watch))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop where it is installed: the client takes less of its core."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _tell(
    subjects: "Sequence[Subject]", measured: "Measured", load: "Load", *, as_json: bool
) -> int:
    """Print the results; the exit code."""
    from chorus.measurement import shown
    from chorus.measurement.results import ratios, result

    both = list(zip(subjects, measured.reports, strict=True))
    results = [result(subject, reports) for subject, reports in both if reports]
    if not results:
        typer.echo("chorus: interrupted before anything was measured", err=True)
        return INTERRUPTED
    compared = ratios(*measured.reports) if len(results) > 1 else None
    if as_json:
        document: dict[str, Any] = shown.document(load, results, compared)
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        shown.show(console(), load, results, compared)
    for line in shown.remarks(load, results):
        typer.echo(f"chorus: {line}", err=True)
    if measured.interrupted:
        typer.echo("chorus: interrupted; this is what there is until now", err=True)
        return INTERRUPTED
    return int(any(one.failed for one in results))
