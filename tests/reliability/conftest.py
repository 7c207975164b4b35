"""Servers whose models fail on demand: see faulty/chorus_faulty.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from tests.conftest import FAULTY as FAULTY
from tests.conftest import Launch, Runtime
from tests.reliability import keyed as keyed_servers
from tests.reliability.audit import Audit
from tests.reliability.media_servers import MediaServers, media_servers

sys.path.insert(0, str(FAULTY))  # what the models answer, for whoever checks it


@pytest.fixture(scope="session")
def faulty(launch: Launch) -> Iterator[Runtime]:
    """`left`, `right` and their ensemble `process`, as fast as they can; shared by the session."""
    server = launch(FAULTY).wait_until_ready("left", "right", "process")
    yield server
    assert server.terminate() == 0, server.log


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Of the files that the keyed server opens."""
    return Audit(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="session")
def keyed(
    launch: Launch, audit: Audit, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    """The same models behind keys; shared by the session."""
    keys = keyed_servers.keys(tmp_path_factory.mktemp("keys"))
    server = keyed_servers.start(launch, FAULTY, keys | audit.environment())
    yield server
    assert server.terminate() == 0, server.log


@pytest.fixture(scope="session")
def media(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaServers]:
    """A model of images, one of recordings, and a gateway before them; shared by the session."""
    with media_servers(launch, tmp_path_factory.mktemp("media")) as servers:
        yield servers
