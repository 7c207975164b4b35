"""From samples and counts to what the verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.soak.sampling import Sample, processes
from tests.soak.tally import MINUTE_S, Tally
from tests.soak.verdict import Record, Series


def record_of(
    warmup_s: float,
    samples: Sequence[Sample],
    metrics: Mapping[str, tuple[int, int]],
    tally: Tally,
    exit_code: int | None,
) -> Record:
    """Put every process's samples in a row; what was there only now and then is a stray."""
    seen = processes(samples)
    constant = [name for name, times in seen.items() if times == len(samples)]
    first, last = int(warmup_s // MINUTE_S), int(samples[-1].seconds // MINUTE_S)
    return Record(
        warmup_s=warmup_s,
        processes={name: _series(name, samples) for name in constant},
        strays=sorted(seen.keys() - set(constant)),
        metrics=metrics,
        minutes=tally.minutes()[first:last],
        others_cores=[_others_cores(samples, number) for number in range(first, last)],
        requests=tally.requests,
        wrong=tally.wrong,
        unexpected=tally.unexpected,
        exit_code=exit_code,
    )


def _series(name: str, samples: Sequence[Sample]) -> Series:
    held = [sample.held[name] for sample in samples]
    return Series(
        [sample.seconds for sample in samples],
        [one.rss_mib for one in held],
        [one.descriptors for one in held],
        [one.threads for one in held],
    )


def _others_cores(samples: Sequence[Sample], minute: int) -> float:
    """Cores that the rest of the machine used in a minute; from the samples around its edges."""
    begin = max(i for i, one in enumerate(samples) if one.seconds <= minute * MINUTE_S or i == 0)
    end = max(i for i, one in enumerate(samples) if one.seconds <= (minute + 1) * MINUTE_S)
    seconds = samples[end].seconds - samples[begin].seconds
    used = samples[end].others_cpu_s - samples[begin].others_cpu_s
    return used / seconds if seconds else 0.0
