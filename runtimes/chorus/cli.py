"""The `chorus` command: its options, and nothing else."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from chorus import bench as benching
from chorus import keys
from chorus import models as showing
from chorus import pull as pulling
from chorus import servers as finding
from chorus import train as training_command
from chorus.commands import Commands

EXAMPLE = """
[bold]Example[/bold]: serve the stand-ins, see what is ready, load it

  chorus serve
  chorus models
  chorus bench
"""

app = typer.Typer(
    cls=Commands,
    epilog=EXAMPLE,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)

SERVE_EXAMPLE = """
[bold]Example[/bold]: the real models, on two GPUs

  chorus serve --weights hub --device cuda:0,cuda:1
"""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chorus {version('chorus-serve')}")
        raise typer.Exit


def _port(variable: str, text: str, default: str | None = None) -> Any:
    return typer.Option(
        envvar=variable,
        min=1,
        max=65535,
        metavar="PORT",
        help=text,
        show_default=default or True,
    )


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Hugging Face models on MLServer: one text in, every model's answer out."""


@app.command(epilog=SERVE_EXAMPLE)
def serve(
    port: Annotated[int, _port("CHORUS_PORT", "The gateway.")] = 8000,
    v2_port: Annotated[int, _port("CHORUS_V2_PORT", "V2 over REST.")] = 8080,
    grpc_port: Annotated[int, _port("CHORUS_GRPC_PORT", "V2 over gRPC.")] = 8081,
    metrics_port: Annotated[int, _port("CHORUS_METRICS_PORT", "Prometheus metrics.")] = 8082,
    host: Annotated[
        str,
        typer.Option(envvar="CHORUS_HOST", metavar="HOST", help="Where all of them listen."),
    ] = "127.0.0.1",
    weights: Annotated[
        str,
        typer.Option(
            envvar="CHORUS_WEIGHTS",
            metavar="standin|hub|DIR",
            help="The small stand-ins, the real ones, or a folder with one checkpoint per model.",
        ),
    ] = "standin",
    models: Annotated[
        str,
        typer.Option(
            envvar="CHORUS_MODELS",
            metavar="NAME,…",
            show_default="those directly in the folder",
            help="The models to serve, or groups of them (subfolders of the folder), or all; "
            "an ensemble brings its members.",
        ),
    ] = "",
    models_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="CHORUS_MODELS_DIR",
            metavar="DIR",
            show_default="./models, else the repository's",
            help="One folder with a model-settings.json per model.",
        ),
    ] = None,
    lock: pulling.LockFile = None,
    device: Annotated[
        str | None,
        typer.Option(
            envvar="CHORUS_DEVICE",
            metavar="cpu|cuda|cuda:N[,…]",
            show_default="a GPU where there is one",
            help="Where the models compute; the model server has a process per device listed.",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            envvar="CHORUS_WORKERS",
            metavar="N|auto",
            show_default="auto: one for every 8 cores, at most 4",
            help="Processes of the gateway.",
        ),
    ] = None,
    ui: Annotated[
        bool,
        typer.Option("--ui/--no-ui", envvar="CHORUS_UI", help="A web page to try the models."),
    ] = False,
    ui_port: Annotated[
        int | None,
        _port("CHORUS_UI_PORT", "The web page.", "7860, or the next that is free"),
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", envvar="CHORUS_VERBOSE", help="Show all that the servers log."),
    ] = False,
) -> None:
    """Serve the models: the gateway and the model server, as one.

    If one of them dies it is started again; Ctrl-C finishes what is in flight, and ends both.
    """
    from chorus import serve as service  # its HTTP client is slow to import, --help is not
    from chorus.options import Options

    code = service.serve(
        Options(
            host=host,
            port=port,
            v2_port=v2_port,
            grpc_port=grpc_port,
            metrics_port=metrics_port,
            weights=weights,
            models=[name for name in map(str.strip, models.split(",")) if name],
            models_dir=models_dir,
            lock=lock,
            device=device,
            workers=workers,
            ui=ui,
            ui_port=ui_port,
            verbose=verbose,
        )
    )
    raise typer.Exit(code)


# In the order of the help, which begins with `serve`.
app.command(epilog=showing.EXAMPLE)(showing.models)
app.command(epilog=pulling.EXAMPLE)(pulling.pull)
app.command(epilog=training_command.EXAMPLE)(training_command.train)
app.command(epilog=benching.EXAMPLE)(benching.bench)
app.command(epilog=finding.EXAMPLE)(finding.servers)
app.add_typer(keys.app, name="keys")
