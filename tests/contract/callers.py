"""Who asks a server on a platform, over both transports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import grpc
import httpx
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Runtime
from tests.contract.agent import MODEL, Control, over_grpc, over_rest
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import Answer, Grpc, Rest, request, tensor

ASKED = request(tensor([TEXTS[0]]))


@dataclass(frozen=True)
class Callers:
    """Both transports, open."""

    client: httpx.Client
    stub: Any

    @property
    def controls(self) -> Sequence[Control]:
        """Both repository APIs: REST's, gRPC's."""
        return over_rest(self.client), over_grpc(self.stub)

    def ask(self, name: str, version: str = "") -> list[Answer]:
        """One text over REST and over gRPC."""
        escaped = quote(name, safe="")
        return [
            Rest(self.client).infer(ASKED, escaped, version),
            Grpc(self.stub).infer(ASKED, name, version),
        ]

    def statuses(self, name: str) -> set[int]:
        return {answer.status for answer in self.ask(name)}

    def assert_served(self, name: str, version: str = "") -> None:
        for answer in self.ask(name, version):
            (row,) = answer.results
            assert_right([row], MODEL, TEXTS[0])


@contextmanager
def callers_of(server: Runtime) -> Iterator[Callers]:
    with (
        httpx.Client(base_url=server.url, timeout=60) as client,
        grpc.insecure_channel(server.grpc_address) as channel,
    ):
        yield Callers(client, GRPCInferenceServiceStub(channel))
