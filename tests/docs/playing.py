"""A page's blocks, one after the other, as a reader would have them."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.docs import answers
from tests.docs.blocks import Block
from tests.docs.reader import Reader
from tests.docs.rules import How, rule_of
from tests.docs.serving import Serving
from tests.docs.shell import Line, lines

PLAIN = "make run"
"""What runs when a section begins."""
ASKS = re.compile(r"\b(localhost|127\.0\.0\.1):\d+|\bchorus bench\b")


def quick(found: Sequence[Block]) -> list[Block]:
    """What plain `make run` answers at once; of a section, what is above the first that waits."""
    slow: set[int] = set()
    kept = []
    for block in found:
        if block.is_shell and not all(map(_quick, lines(block.text))):
            slow.add(block.section)
        if block.section not in slow and not missing(block):
            kept.append(block)
    return kept


def missing(block: Block) -> list[str]:
    """What a program imports that is not installed."""
    if not block.is_program:
        return []
    named = re.findall(r"(?m)^(?:from|import) (\w+)", block.text)
    return [name for name in named if importlib.util.find_spec(name) is None]


def runs(block: Block) -> bool:
    """Whether something of it is run: a program, or a line of shell that starts no server."""
    return block.is_program or (block.is_shell and any(map(_pasted, lines(block.text))))


def serves(line: Line) -> bool:
    """Whether it starts a server."""
    return any((rule := rule_of(one)) and rule.how is How.SERVE for one in line.commands)


def play(
    found: Iterable[Block],
    reader: Reader,
    serving: Serving | None = None,
    interpreter: Path | None = None,
) -> None:
    """Run the blocks; a JSON block directly below one is what it must have answered.

    Without `serving`, the reader's server runs already, and no block starts another.
    """
    section, output = 0, ""
    for block in found:
        if serving and block.section != section:
            section = block.section
            if serving.command not in ("", PLAIN):
                serving.stop()
        try:
            if block.language == "json" and block.follows and output:
                _compare(block, output)
            output = _run(block, reader, serving, interpreter)
        except AssertionError as error:
            error.add_note(f"at {block}")
            raise


def _run(block: Block, reader: Reader, serving: Serving | None, interpreter: Path | None) -> str:
    if block.is_shell:
        return "".join(_paste(lines(block.text), reader, serving))
    if block.is_program:
        _have_a_server(block.text, serving)
        return reader.python(block.text, interpreter or Path(sys.executable))
    if block.mark and block.file:
        reader.save(block.file, block.text)
    return ""


def _paste(pasted: list[Line], reader: Reader, serving: Serving | None) -> Iterator[str]:
    for line in pasted:
        if serves(line):
            if serving:
                serving.start(line.text.partition("#")[0].strip())
        elif _pasted(line):
            _have_a_server(line.text, serving)
            printed = reader.paste(line.text)
            refused = [one for one in answers.values(printed) if _is_error(one)]
            assert not refused, f"{line.text}\n{refused}"
            yield printed


def _pasted(line: Line) -> bool:
    rules = [rule_of(command) for command in line.commands]
    return all(rule and rule.how in (How.QUICK, How.SLOW) for rule in rules)


def _have_a_server(text: str, serving: Serving | None) -> None:
    if serving and not serving.command and ASKS.search(text):
        serving.start(PLAIN)


def _quick(line: Line) -> bool:
    if serves(line):
        (command,) = line.commands
        return not command.variables and " ".join(command.words) in (PLAIN, "chorus serve")
    rules = [rule_of(command) for command in line.commands]
    return not any(rule and rule.how is How.SLOW for rule in rules)


def _is_error(answer: object) -> bool:
    return isinstance(answer, dict) and "error" in answer


def _compare(block: Block, output: str) -> None:
    shown = json.loads(block.text)
    (answer,) = answers.values(output)
    assert answers.same(shown, answer), f"shown: {shown}\nanswered: {answer}"
