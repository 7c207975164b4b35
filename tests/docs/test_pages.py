"""Pages as a reader goes through them, from zero, with servers of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.environment import python_with
from tests.docs.blocks import Block, blocks, pages
from tests.docs.playing import missing, play, quick, serves
from tests.docs.reader import USUAL, Reader
from tests.docs.rules import ELSEWHERE
from tests.docs.serving import Serving
from tests.docs.shell import lines
from tests.stack.conftest import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

READ = {page: blocks(page) for page in pages() if page not in ELSEWHERE}
LONG = [page for page, found in READ.items() if len(quick(found)) < len(found)]
FOREIGN = [block for found in READ.values() for block in found if missing(block)]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    folder = tmp_path / "project"
    folder.mkdir()
    return Reader(folder, free_ports(len(USUAL)))


@pytest.fixture
def serving(reader: Reader, tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(reader, tmp_path / "serve.log")
    yield serving
    serving.stop()


@pytest.mark.parametrize("page", LONG)
def test_a_page_works_as_it_is_read(page: str, reader: Reader, serving: Serving) -> None:
    play([block for block in READ[page] if not missing(block)], reader, serving)


@pytest.mark.interop
@pytest.mark.parametrize("block", FOREIGN, ids=str)
def test_a_program_that_needs_more(block: Block, reader: Reader, serving: Serving) -> None:
    """With an environment of its own: NAME-requirements.txt of what it imports."""
    (name,) = missing(block)
    interpreter = python_with(Path(__file__).with_name(f"{name}-requirements.txt"))
    before = [one for one in READ[block.page] if one.section == block.section and _starts(one)]

    play([*before, block], reader, serving, interpreter)


def _starts(block: Block) -> bool:
    return block.is_shell and any(map(serves, lines(block.text)))
