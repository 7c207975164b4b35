import io
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.conftest import free_port

from chorus import summary
from chorus.catalog import Model
from chorus.readiness import Weights
from chorus.runtime import Runtime
from chorus.terminal import Terminal

from .conftest import Serve

MODELS_DIR = Path(__file__).parents[2] / "models"
MEMBERS = ["cardiffnlp", "EIStakovskii", "ivanlau", "jy46604790", "svalabs"]


def test_serves_until_sigterm(serve: Serve, tmp_path: Path, ports: dict[str, str]) -> None:
    run = serve(CHORUS_DEVICE="cpu")
    run.until_served()
    assert run.stop() == 0

    assert all(f"{name} " in run.shown for name in [*MEMBERS, "process"])
    assert f"http://127.0.0.1:{ports['CHORUS_PORT']}/process" in run.shown
    assert f"curl -s localhost:{ports['CHORUS_PORT']}/process -H" in run.shown
    assert "Stand-ins: small models" in run.shown
    assert "For the real ones: the same with --weights hub" in run.shown
    assert "chorus: 6/6 models ready: cardiffnlp" in run.said
    assert "[runtime] WARNING a loud line" in run.said
    assert "quiet" not in run.said
    assert "\x1b" not in run.shown + run.said

    log = (tmp_path / "log").read_text().splitlines()
    assert log[-2:] == ["gateway stopped", "runtime stopped"]
    folder, args, device = json.loads(next(x for x in log if x.startswith("runtime ["))[8:])
    assert (folder, device) == (str(MODELS_DIR), "cpu")
    assert args == {
        "--host": "127.0.0.1",
        "--http-port": ports["CHORUS_V2_PORT"],
        "--grpc-port": ports["CHORUS_GRPC_PORT"],
        "--metrics-port": ports["CHORUS_METRICS_PORT"],
        "--models": ",".join([*MEMBERS, "process"]),
    }
    env = json.loads(next(x for x in log if x.startswith("gateway {"))[8:])
    assert env["CHORUS_HOST"] == "127.0.0.1"
    assert env["CHORUS_PORT"] == ports["CHORUS_PORT"]
    assert env["CHORUS_V2_PORT"] == ports["CHORUS_V2_PORT"]
    assert env["CHORUS_UPSTREAM"] == f"http://127.0.0.1:{ports['CHORUS_V2_PORT']}"
    assert env["CHORUS_MODELS"] == ",".join([*MEMBERS, "process"])
    assert "CHORUS_WORKERS" not in env
    assert "CHORUS_UPSTREAM_KEY" not in env
    assert "$KEY" not in run.shown


def test_with_keys_the_servers_have_one_between_them(serve: Serve, tmp_path: Path) -> None:
    secret = "the-key-of-an-application"
    run = serve("--models", "ivanlau", CHORUS_API_KEYS=secret)
    run.until_served()
    arguments = [word for server in run.servers() for word in server.cmdline()]
    assert run.stop() == 0
    log = (tmp_path / "log").read_text().splitlines()
    env = json.loads(next(x for x in log if x.startswith("gateway {"))[8:])
    key = env["CHORUS_UPSTREAM_KEY"]
    assert "Stand-ins" in run.shown, "the model server has told of its weights"
    assert "Every request needs a key" in run.shown
    assert '/models/ivanlau -H "authorization: Bearer $KEY" \\\n' in run.shown
    for text in (run.shown, run.said, *arguments):
        assert key not in text
        assert secret not in text


def test_one_model_server_per_device(serve: Serve, tmp_path: Path, ports: dict[str, str]) -> None:
    run = serve("--models", "ivanlau", "--device", "cuda:1, cpu", "--host", "0.0.0.0")
    run.until_served()
    assert len(run.servers()) == 3
    next(one for one in run.servers() if "127.0.0.1" in one.cmdline()).kill()
    run.until_said("chorus: runtime-2 was killed by SIGKILL; starting it again in 0.5 s\n")
    run.until_said("chorus: runtime-2 is ready again\n")
    assert run.stop() == 0

    log = (tmp_path / "log").read_text().splitlines()
    assert log[-3:] == ["gateway stopped", "runtime stopped", "runtime stopped"]
    started = [json.loads(x[8:]) for x in log if x.startswith("runtime [")]
    by_device = {device: args for _, args, device in started}
    first, second = by_device["cuda:1"], by_device["cpu"]
    assert [args for _, args, device in started if device == "cpu"] == [second, second]
    assert (first["--host"], second["--host"]) == ("0.0.0.0", "127.0.0.1")
    assert first["--http-port"] == ports["CHORUS_V2_PORT"]
    listened = [args[flag] for args in (first, second) for flag in args if "port" in flag]
    assert len({*listened, ports["CHORUS_PORT"]}) == 7
    env = json.loads(next(x for x in log if x.startswith("gateway {"))[8:])
    urls = [f"http://127.0.0.1:{args['--http-port']}" for args in (first, second)]
    assert env["CHORUS_UPSTREAM"] == ",".join(urls)

    assert "2 processes: cuda:1, cpu; V2 clients reach the first" in run.shown
    assert f"metrics of the others: 127.0.0.1:{second['--metrics-port']}" in run.shown


def test_the_workers_are_the_gateways_to_start(serve: Serve, tmp_path: Path) -> None:
    run = serve("--models", "ivanlau", "--workers", "2")
    run.until_served()
    assert run.stop() == 0
    assert '"CHORUS_WORKERS": "2"' in (tmp_path / "log").read_text()


def test_every_interface_is_called_by_the_loopback_address(
    serve: Serve, ports: dict[str, str], tmp_path: Path
) -> None:
    run = serve("--host", "0.0.0.0", "--models", "ivanlau")
    run.until_served()
    assert run.stop(signal.SIGINT) == 0
    assert f"http://127.0.0.1:{ports['CHORUS_PORT']}/docs" in run.shown
    assert "0.0.0.0" not in run.shown
    assert "/process" not in run.shown
    assert f"curl -s localhost:{ports['CHORUS_PORT']}/models/ivanlau -H" in run.shown
    assert '"CHORUS_HOST": "0.0.0.0"' in (tmp_path / "log").read_text()


def test_the_page_comes_beside_the_servers(
    serve: Serve, tmp_path: Path, ports: dict[str, str]
) -> None:
    ui = str(free_port())
    secrets = {"CHORUS_API_KEYS": "the-key-of-an-application", "HF_TOKEN": "hf_mine"}
    run = serve("--models", "ivanlau", "--ui", "--ui-port", ui, CHORUS_LOG_LEVEL="ERROR", **secrets)
    run.until_served()
    log = tmp_path / "log"
    run.until(lambda: "page [" in log.read_text())
    run.until(lambda: _answers(f"http://127.0.0.1:{ui}/healthz"))
    assert run.stop() == 0

    assert re.search(rf"\npage +http://127.0.0.1:{ui}(?: \(in a moment\))? *\nmodels ", run.shown)
    assert "true happiness" in run.shown.splitlines()[-1]
    lines = log.read_text().splitlines()
    assert lines[-3:] == ["page stopped", "gateway stopped", "runtime stopped"]
    nice, env = json.loads(next(line for line in lines if line.startswith("page ["))[5:])
    assert nice == min(os.nice(0) + 10, 19)
    assert {name: env[name] for name in env if name.startswith("CHORUS_")} == {
        "CHORUS_LOG_LEVEL": "ERROR",
        "CHORUS_UI_HOST": "127.0.0.1",
        "CHORUS_UI_PORT": ui,
        "CHORUS_UI_GATEWAY": f"http://127.0.0.1:{ports['CHORUS_PORT']}",
        "CHORUS_UI_PUBLIC_GATEWAY": f"http://127.0.0.1:{ports['CHORUS_PORT']}",
    }
    assert not set(secrets.values()) & set(env.values())


@pytest.mark.slow
def test_a_page_that_does_not_start_is_given_up_and_the_rest_serves(serve: Serve) -> None:
    port = str(free_port())
    ui = {"CHORUS_UI": "1", "CHORUS_UI_PORT": port, "FAKE_UI_REFUSAL": "chorus: no room for it"}
    run = serve("--models", "ivanlau", **ui)
    run.until_served()
    gone = "chorus: page exited with code 1, 5 times in a row: no room for it; "
    run.until_said(f"{gone}all else goes on without it, and --verbose shows what it says\n")
    assert len(run.servers()) == 2
    assert run.stop() == 0


def test_no_page_where_it_is_not_wanted(serve: Serve, tmp_path: Path) -> None:
    run = serve("--models", "ivanlau", "--no-ui", CHORUS_UI="true")
    run.until_served()
    assert run.stop() == 0
    assert "page" not in run.shown + run.said + (tmp_path / "log").read_text()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def test_an_ensemble_brings_its_members(serve: Serve) -> None:
    run = serve("--models", "process")
    run.until_said("6/6 models ready")
    added = ", ".join(MEMBERS)
    assert f"chorus: serving {added} too: an ensemble needs its members\n" in run.said


def test_a_folder_of_weights_is_handed_on_by_its_full_path(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    run = serve("--models", "ivanlau", "--weights", "own")
    run.until_served()
    assert f"{tmp_path / 'own'} x/ivanlau" in run.shown
    assert "tand-in" not in run.shown


def test_a_server_that_refuses_gives_its_reason(serve: Serve) -> None:
    run = serve(FAKE_REFUSAL="chorus: svalabs: no such checkpoint")
    assert run.process.wait(10) == 1
    assert run.shown == ""
    last = run.said.splitlines()[-1]
    assert last == "chorus: runtime exited with code 1: svalabs: no such checkpoint"
    assert "Traceback" not in run.said
    assert "INFO" not in run.said


def test_a_server_that_fails_without_a_word_of_its_own_shows_its_last_lines(
    serve: Serve,
) -> None:
    run = serve(FAKE_REFUSAL="out of memory")
    assert run.process.wait(10) == 1
    assert run.said.splitlines()[-4:] == [
        "chorus: the last lines of runtime:",
        "[runtime] INFO loading",
        "[runtime] out of memory",
        "chorus: runtime exited with code 1: out of memory",
    ]


def test_verbose_shows_everything(serve: Serve) -> None:
    serve(CHORUS_VERBOSE="1").until_said("[runtime] INFO a quiet line\n")


def test_a_killed_server_is_started_again(serve: Serve) -> None:
    run = serve("--models", "ivanlau")
    run.until_served()
    next(one for one in run.servers() if "mlserver_chorus.server" in one.cmdline()).kill()
    run.until_said("chorus: runtime was killed by SIGKILL; starting it again in 0.5 s\n")
    run.until_said("chorus: runtime is ready again\n")
    assert run.stop() == 0


def test_a_second_signal_kills(serve: Serve) -> None:
    run = serve("--models", "ivanlau", FAKE_STUBBORN="1")
    run.until_served()
    servers = run.servers()
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert run.stop(signal.SIGINT) == 1
    assert not any(server.is_running() for server in servers)


def test_a_signal_while_starting_stops_cleanly(serve: Serve) -> None:
    run = serve()
    run.until_said("starting")
    assert run.stop() == 0
    assert run.shown == ""
    assert "Traceback" not in run.said


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_the_servers_die_with_their_supervisor(serve: Serve) -> None:
    run = serve("--models", "ivanlau")
    run.until_served()
    servers = run.servers()
    assert len(servers) == 2
    run.process.kill()
    _, alive = psutil.wait_procs(servers, timeout=5)
    assert not alive


@pytest.mark.parametrize(
    ("lines", "loud"),
    [
        (["INFO: a", "WARNING: b", "ERROR c", "chorus: d"], ["WARNING: b", "ERROR c", "chorus: d"]),
        (["t INFO chorus.access a", '{"level": "ERROR"}'],) * 2,
        (
            ["x", "Traceback (most recent call last):", "  at a", "ValueError: b", "y"],
            ["Traceback (most recent call last):", "  at a", "ValueError: b"],
        ),
    ],
)
def test_only_what_is_loud_passes(
    lines: list[str], loud: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    for line in lines:
        terminal.child_line("runtime", line)
    assert capsys.readouterr().err.splitlines() == [f"[runtime] {line}" for line in loud]


def test_each_model_that_becomes_ready_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.start(3)
    for ready in (["b"], ["b"], ["a", "b"], ["a", "b", "c"]):
        terminal.progress(ready, 3)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "chorus: 1/3 models ready: b",
        "chorus: 1/3 models ready",
        "chorus: 2/3 models ready: a",
        "chorus: 3/3 models ready: c",
    ]


ONE = Runtime("runtime", "", "127.0.0.1", 65534, 65533, 65532)
EIGHT = [Runtime("", f"cuda:{n}", "127.0.0.1", 65535, 65535, 65535) for n in range(8)]


@pytest.mark.parametrize("runtimes", [[ONE], EIGHT], ids=len)
@pytest.mark.parametrize("kind", ["standin", "hub", "folder", ""])
def test_the_summary_fits_80_columns(kind: str, runtimes: list[Runtime]) -> None:
    models = [Model(name) for name in MEMBERS] + [Model("process", tuple(MEMBERS))]
    weights = dict.fromkeys(MEMBERS, Weights(kind, "x/" + "long" * 20)) | {"process": Weights()}
    page = io.StringIO()
    console = Console(file=page, width=80, force_terminal=True, no_color=True)
    ui = "http://127.0.0.1:65535 (7860 is taken, in a moment)"
    summary.show(console, models, weights, "127.0.0.1:65535", runtimes, page=ui)
    text = re.sub("\x1b\\[[0-9;]*m", "", page.getvalue())
    assert all(cell_len(line) <= 80 for line in text.splitlines())
    assert ("Stand-ins: " in text) == (kind == "standin")
    assert ("8 processes: cuda:0, cuda:1" in text) == (runtimes == EIGHT)
    assert ("processes" in text) == (runtimes == EIGHT)


def test_random_stand_ins_are_told_from_trained_ones() -> None:
    page = io.StringIO()
    models = [Model("a"), Model("b")]
    weights = {"a": Weights("standin", "", "trained"), "b": Weights("standin", "", "random")}
    summary.show(Console(file=page), models, weights, "h:1", [ONE])
    rows = dict(line.split(maxsplit=1) for line in page.getvalue().splitlines()[1:3])
    assert "random" not in rows["a"]
    assert rows["b"].startswith("stand-in, random weights")
    assert "Stand-ins for a: " in page.getvalue()
    assert "Random weights: answers have the right form and mean nothing." in page.getvalue()


def test_only_the_models_on_standins_are_named() -> None:
    page = io.StringIO()
    models = [Model("a"), Model("b")]
    weights = {"a": Weights("hub"), "b": Weights("standin")}
    summary.show(Console(file=page), models, weights, "h:1", [ONE])
    assert "Stand-ins for b: " in page.getvalue()
