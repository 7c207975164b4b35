"""The results as tables, and as a document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chorus.measurement.histogram import Bucket
from chorus.measurement.refusal import said_in
from chorus.measurement.results import Failure, Figure, Ratios, Result
from chorus.measurement.rounds import Load

BAR: Final = 40
COLUMNS: Final = ("good/s", "p50 ms", "p90 ms", "p99 ms", "max ms", "good", "failed")


def document(load: Load, results: Sequence[Result], ratios: Ratios | None) -> dict[str, Any]:
    """What `--json` prints."""
    found: dict[str, Any] = {"load": asdict(load), "results": [asdict(one) for one in results]}
    return found | {"ratios": asdict(ratios)} if ratios else found


def show(console: Console, load: Load, results: Sequence[Result], ratios: Ratios | None) -> None:
    """Print the table, the ratios, the failures and how the latencies are spread."""
    console.print(Text(_caption(load, results)), soft_wrap=True)
    console.print(_figures(console, results, ratios))
    for one in results:
        if one.failures:
            console.print(Text(f"failed at {one.url}:", style="red"))
            console.print(_failures(console, one.failures))
        if one.histogram:
            console.print(Text(f"latency at {one.url}:"), soft_wrap=True)
            console.print(_spread(one.histogram))


def remarks(load: Load, results: Sequence[Result]) -> Iterator[str]:
    """What is to be known of the figures."""
    for one in results:
        if one.weights == "standin":
            yield f"stand-ins answered at {one.url}: small models, not the real ones"
        if one.late:
            yield (
                f"{one.late:,} requests at {one.url} waited for one of {load.clients:,} clients; "
                "their latency counts from when they were due. --clients allows more"
            )
        if one.is_client_late:
            yield (
                f"this client itself was up to {one.client_lag_ms:,.1f} ms late, so the latencies "
                f"of {one.url} are too long: give it a core that nobody else uses"
            )
        if one.is_client_busy:
            yield (
                f"this client was busy for {one.client_cpu:.0%} of a core, so {one.url} may be "
                "able to do more: share the load between several clients, or choose less of it"
            )


def _caption(load: Load, results: Sequence[Result]) -> str:
    how = f"{load.clients:,} clients" if load.rate is None else f"{load.rate:g} requests a second"
    rounds = max(one.rounds for one in results)
    each = f", {rounds} rounds each: medians and ranges" if rounds > 1 else ""
    return f"{how} for {load.seconds:g} s after {load.warmup:g} s to warm up{each}"


def _figures(console: Console, results: Sequence[Result], ratios: Ratios | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None)
    table.add_column("server", overflow="fold")
    for column in (*COLUMNS, "client CPU"):
        table.add_column(column, justify="right", overflow="fold")
    for one in results:
        figures = (one.good_per_s, one.p50_ms, one.p90_ms, one.p99_ms, one.max_ms)
        failed = Text(f"{one.failed:,}", style="red" if one.failed else "green")
        cells = (one.url, *map(_number, figures), f"{one.good:,}")
        table.add_row(*map(Text, cells), failed, f"{one.client_cpu:.0%}")
    if ratios:
        cells = ("first / second", _ratio(ratios.good_per_s), _ratio(ratios.p50_ms), "")
        table.add_row(*map(Text, cells), _ratio(ratios.p99_ms))
    return table


def _failures(console: Console, failures: Sequence[Failure]) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None)
    table.add_column("kind")
    table.add_column("count", justify="right")
    table.add_column("the first of them", overflow="fold")
    for one in failures:
        table.add_row(Text(one.kind), f"{one.count:,}", Text(said_in(one.example.encode())))
    return table


def _spread(buckets: Sequence[Bucket]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 1))
    table.add_column(justify="right")
    table.add_column()
    table.add_column(justify="right")
    most = max(bucket.count for bucket in buckets)
    for bucket in buckets:
        bar = "█" * math.ceil(BAR * bucket.count / most)
        table.add_row(f"≤ {bucket.up_to_ms:g} ms", Text(bar, style="cyan"), f"{bucket.count:,}")
    return table


def _number(figure: Figure | None) -> str:
    return _with_range(figure, ",.1f")


def _ratio(figure: Figure | None) -> str:
    return _with_range(figure, ".2f")


def _with_range(figure: Figure | None, form: str) -> str:
    if figure is None:
        return "-"
    middle = format(figure.median, form)
    if figure.least == figure.most:
        return middle
    return f"{middle} ({format(figure.least, form)}-{format(figure.most, form)})"
