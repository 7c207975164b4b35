"""The null peer for real: the gateway in front of its constant V2 server."""

import http.client
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psutil
from benchmarks.answers import Answers, Result
from benchmarks.peers import PEERS
from benchmarks.peers.process import running

from chorus.load.texts import short_texts


def test_the_gateway_answers_for_the_constant_server_and_both_end() -> None:
    (peer,) = PEERS["null"].candidates({}, "cpu")
    peer.prepare()

    def ask(text: str) -> tuple[int, Answers]:
        ((path, body),) = peer.posts(text)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("POST", path, body, {"content-type": "application/json"})
        reply = connection.getresponse()
        answers = peer.read(0, reply.read())
        connection.close()
        return reply.status, answers

    with running(peer, set(os.sched_getaffinity(0))) as server:
        parent = psutil.Process(server.process.pid)
        family = [parent, *parent.children(recursive=True)]
        with ThreadPoolExecutor(16) as crowd:
            # Together, so that one call to the server behind carries several texts.
            replies = list(crowd.map(ask, [*short_texts(100), ""]))
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics").read().decode()
    assert len(family) >= 2
    # The gateway asks again, text by text, when a reply makes no sense: that must never be needed.
    assert "chorus_gateway_coalesced_texts_count" in metrics
    assert "chorus_gateway_upstream_errors_total{" not in metrics
    assert {status for status, _ in replies} == {200}
    assert replies[0][1]["cardiffnlp"] == Result("NEUTRAL", 0.5)
    assert all(answers == replies[0][1] for _, answers in replies)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
