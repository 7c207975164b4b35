"""The engine without a server, beside what the machine's own fp32 arithmetic allows.

The limit is the rate of matrix products of a layer's sizes, divided by the arithmetic of a text
(flops.py, every layer counted in full). The engine runs the same texts over and over in batches of
its own token budget: collating counts, tokenising does not. Both take turns. The last two rows are
one text at a time through all five models: the bare transformers modules, the engine's forwards.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

from benchmarks import flops, gpu, weights
from benchmarks import options as shared
from benchmarks.machine import circumstances
from benchmarks.report import Columns, Row, progress, publish
from benchmarks.shapes import Shape

if TYPE_CHECKING:  # torch: seconds, and --help needs none
    from benchmarks.offline import Encoded
ALONE_TEXTS = 5
COLUMNS: Columns = {
    "what": "what",
    "gflop_per_s": "GFLOP/s",
    "gflop_per_s_range": "range",
    "texts_per_s": "texts/s",
    "limit_texts_per_s": "limit texts/s",
    "share": "of the limit",
    "text_ms": "ms per text",
    "text_ms_range": "range",
    "sm_mhz": "SM MHz",
    "watts": "W",
    "celsius": "°C",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--seconds", type=shared.positive_float, default=5.0, help="per repeat")
    parser.add_argument("--repeats", type=shared.positive_int, default=5)
    shared.add_subject(parser)
    shared.add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and publish."""
    from benchmarks.offline import Encoded, load_engine

    folders = weights.folders(options.weights)
    texts = shared.TEXTS[options.texts](options.count)
    progress("loading the five models")
    encoded = Encoded(load_engine(folders, options.device), texts)
    shapes = {key: Shape.of(folder) for key, folder in folders.items()}
    with gpu.watched(options.device) as seen:
        rows = _throughput(encoded, shapes, options)
    rows = [row | seen for row in rows]
    rows += _one_at_a_time(encoded, folders, options)
    subject = {name: getattr(options, name) for name in ("weights", "device", "texts", "count")}
    subject |= {"tokens": mean(len(encoding.ids) for encoding in encoded.of_model("cardiffnlp"))}
    subject |= {"parts": [part.name for part in encoded.parts]}
    around = {"benchmark": "ceiling"} | subject | circumstances(options.device)
    publish(
        [row | around for row in rows], COLUMNS, markdown=options.markdown, output=options.output
    )
    return 0


def _throughput(
    encoded: Encoded, shapes: dict[str, Shape], options: argparse.Namespace
) -> list[Row]:
    """Matrix products and engine in turns, GFLOP/s of each."""
    from benchmarks.offline import Task, layer_product, rate

    product = layer_product(shapes["cardiffnlp"], options.device)
    batches = [
        Task(partial(encoded.forward, texts), _flop(encoded, shapes, texts))
        for texts in encoded.batches()
    ]
    for task in (product, batches[0]):
        task.work()  # the first of each sets things up
    products, engine = [], []
    turns = cycle(batches)
    for repeat in range(1, options.repeats + 1):
        products.append(rate(cycle([product]), options.seconds) / 1e9)
        engine.append(rate(turns, options.seconds) / 1e9)
        progress(
            f"repeat {repeat} of {options.repeats}: matrix products {products[-1]:.0f}, "
            f"engine {engine[-1]:.0f} GFLOP/s"
        )
    per_text = sum(task.flop for task in batches) / options.count / 1e9
    limit, reached = median(products), median(engine)
    return [
        {
            "what": "matrix products",
            "gflop_per_s": limit,
            "gflop_per_s_range": [min(products), max(products)],
            "limit_texts_per_s": limit / per_text,
            "gflop_per_text": per_text,
        },
        {
            "what": "engine, batches",
            "gflop_per_s": reached,
            "gflop_per_s_range": [min(engine), max(engine)],
            "texts_per_s": reached / per_text,
            "limit_texts_per_s": limit / per_text,
            "share": reached / limit,
            "gflop_per_text": per_text,
        },
    ]


def _flop(encoded: Encoded, shapes: dict[str, Shape], texts: slice) -> int:
    return flops.of_texts(
        (shape, [len(encoding.ids) for encoding in encoded.of_model(key)[texts]])
        for key, shape in shapes.items()
    )


def _one_at_a_time(
    encoded: Encoded, folders: dict[str, Path], options: argparse.Namespace
) -> list[Row]:
    """Milliseconds of one text through all models, bare and in the engine; texts in turn."""
    from benchmarks.offline import load_bare, timed

    texts = range(min(ALONE_TEXTS, options.count))
    bare_ms = dict.fromkeys(texts, 0.0)
    engine_ms: dict[int, list[float]] = {text: [] for text in texts}
    for key, folder in folders.items():
        progress(f"one text at a time: {key}")
        bare = load_bare(folder, options.device)  # and forgotten again: it is large
        column = encoded.of_model(key)
        for text in texts:
            works = (partial(bare, column[text]), partial(encoded.forward, slice(text, text + 1)))
            for work in works:
                work()
            pairs = [[timed(work) * 1e3 for work in works] for _ in range(options.repeats)]
            bare_ms[text] += median(pair[0] for pair in pairs)
            engine_ms[text] += [pair[1] for pair in pairs]
    named = {
        "bare forwards, one text": list(bare_ms.values()),
        "engine's forwards, one text": [median(times) for times in engine_ms.values()],
    }
    return [
        {"what": what, "text_ms": median(ms), "text_ms_range": [min(ms), max(ms)]}
        for what, ms in named.items()
    ]
