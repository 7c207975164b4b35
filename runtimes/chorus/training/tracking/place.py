"""Which run a workspace belongs to, so that a training that goes on goes on in it."""

import json
from pathlib import Path

_NAME = "mlflow.json"


def load(workspace: Path, server: str) -> str | None:
    """The run's id; None where there is none, or one of another server."""
    try:
        kept = json.loads((workspace / _NAME).read_text(encoding="utf-8"))
        return str(kept["run_id"]) if kept["server"] == server else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(workspace: Path, server: str, run_id: str) -> None:
    """Keep it. Raises OSError."""
    content = json.dumps({"server": server, "run_id": run_id})
    (workspace / _NAME).write_text(content, encoding="utf-8")
