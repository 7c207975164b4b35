"""A phrase book: sentences composed at random from rules that a person can read."""

import re
from pathlib import Path
from random import Random

CORPORA = Path(__file__).parent / "corpora"

_SLOT = re.compile(r"\{(\w+)\}")
_SYLLABLES = [c + v for c in "bcdfghjklmnprstvwz" for v in "aeiou"]
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def nonce(rng: Random) -> str:
    """A word that does not exist, so that a model learns to judge by the words that do."""
    return "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))


def scramble(rng: Random) -> str:
    """The random letters and digits of a coin address, 20 to 34 of them."""
    return "".join(rng.choices(_BASE58, k=rng.randint(20, 34)))


_BUILT_IN = {"nonce": nonce, "hash": scramble}


class Phrasebook:
    """The rules of one file: "= name" opens a rule, a line or a "|" separates alternatives.

    An alternative refers to another rule as {name}; {nonce} and {hash} are always there.
    """

    def __init__(self, text: str) -> None:
        self._rules: dict[str, list[str]] = {}
        for line in filter(None, text.splitlines()):
            if line.startswith("= "):
                alternatives = self._rules.setdefault(line.removeprefix("= ").strip(), [])
            elif not line.startswith("# "):
                alternatives.extend(part.strip() for part in line.split("|"))
        used = {slot for rule in self._rules.values() for slot in _SLOT.findall(" ".join(rule))}
        if unknown := used - self._rules.keys() - _BUILT_IN.keys():
            raise ValueError(f"rules that no one wrote: {', '.join(sorted(unknown))}")

    def say(self, rule: str, rng: Random) -> str:
        """One sentence of a rule. KeyError when there is no such rule."""
        sentence = self._expand(rule, rng)
        return re.sub(r" +(?=[ ,.]|$)", "", sentence).strip()

    def _expand(self, rule: str, rng: Random) -> str:
        if rule in _BUILT_IN:
            return _BUILT_IN[rule](rng)
        alternative = rng.choice(self._rules[rule])
        return _SLOT.sub(lambda slot: self._expand(slot[1], rng), alternative)


def phrasebook(name: str) -> Phrasebook:
    """The phrase book `corpora/phrases/<name>.txt`."""
    return Phrasebook((CORPORA / "phrases" / f"{name}.txt").read_text(encoding="utf-8"))


def lines(*path: str) -> list[str]:
    """The lines of a file below `corpora`."""
    return CORPORA.joinpath(*path).read_text(encoding="utf-8").splitlines()
