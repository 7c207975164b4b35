"""The challenge's eleven checks on a reply: one on its form, five on scores, five on labels."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.answers import KEYS, Answers
from benchmarks.shapes import LANGUAGES

BINARY = frozenset({"LABEL_0", "LABEL_1"})
ALLOWED = {
    "cardiffnlp": frozenset({"POSITIVE", "NEGATIVE", "NEUTRAL"}),
    # As /process spells it; the checkpoint itself says "Mangolian".
    "ivanlau": frozenset({*LANGUAGES, "Mongolian"} - {"Mangolian"}),
    "svalabs": frozenset({"SPAM", "HAM"}),
    "EIStakovskii": BINARY,
    "jy46604790": BINARY,
}
# Check 1 is the status 200 with a JSON body; 2-6 are the scores, 7-11 the labels, in this order.
FIRST_SCORE, FIRST_LABEL = 2, 7


def violations(answers: Answers | None, keys: Sequence[str] = KEYS) -> list[int]:
    """Numbers of the checks that a reply fails; None is one that could not be read at all.

    `keys` are the models that the reply has to answer for; a missing one fails both its checks.
    """
    if answers is None:
        return [1]
    failed = []
    for number, key in enumerate(KEYS):
        if key not in keys:
            continue
        answer = answers.get(key)
        if answer is None or not answer.score > 0:
            failed.append(FIRST_SCORE + number)
        if answer is None or answer.label not in ALLOWED[key]:
            failed.append(FIRST_LABEL + number)
    return sorted(failed)
