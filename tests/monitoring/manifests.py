"""The monitoring component as it lies in the repository, and every query that is relied upon."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parents[2]
K8S: Final = ROOT / "k8s"
COMPONENT: Final = K8S / "components" / "monitoring"
DASHBOARD: Final = COMPONENT / "dashboards" / "chorus.json"
OPERATIONS: Final = ROOT / "docs" / "operations.md"

# A metric of ours with its selector, where it has one.
_SELECTOR: Final = re.compile(r"(chorus_[a-z0-9_]+)(?:\{([^}]*)\})?")
_LABEL: Final = re.compile(r"([a-z_]+)\s*[=!]~?")
_GROUPED: Final = re.compile(r"\bby\s*\(([^)]*)\)")
# An autoscaler's: KEDA asks a query, the HPA names a metric of its pods.
_SCALED: Final = re.compile(
    r"^\s*(?:query: (?P<quoted>['\"]?)(.+)(?P=quoted)|.*\bname: (chorus_\w+).*)$", re.M
)


class Use(NamedTuple):
    """A metric in a query, and the labels that the query expects of it."""

    metric: str
    labels: frozenset[str]


def documents(path: Path) -> list[Any]:
    """The YAML documents of a file."""
    return list(yaml.safe_load_all(path.read_text()))


def alerts() -> dict[str, Any]:
    """Each alerting rule by its name."""
    (rules,) = documents(COMPONENT / "rules.yaml")
    return {rule["alert"]: rule for group in rules["spec"]["groups"] for rule in group["rules"]}


def dashboard() -> Any:
    """The dashboard as Grafana reads it."""
    return json.loads(DASHBOARD.read_text())


def panels() -> dict[str, list[str]]:
    """The queries of each panel by its title."""
    return {
        panel["title"]: [target["expr"] for target in panel["targets"]]
        for panel in dashboard()["panels"]
        if panel["type"] != "row"
    }


def variables() -> list[str]:
    """The queries that fill the dashboard's variables."""
    return [
        variable["definition"]
        for variable in dashboard()["templating"]["list"]
        if variable["type"] == "query"
    ]


def scaling() -> list[str]:
    """What the autoscalers ask for, wherever below k8s/ that is."""
    texts = (path.read_text() for path in sorted(K8S.rglob("*.yaml")))
    return [query or name for text in texts for _, query, name in _SCALED.findall(text)]


def queries() -> list[str]:
    """Every query of the dashboard, the alerts and the autoscalers."""
    of_panels = [query for queries in panels().values() for query in queries]
    return [*of_panels, *variables(), *(rule["expr"] for rule in alerts().values()), *scaling()]


def uses(query: str) -> Iterator[Use]:
    """The metrics of ours in a query, with the labels that it selects or groups by."""
    grouped = {name.strip() for names in _GROUPED.findall(query) for name in names.split(",")}
    for metric, selector in _SELECTOR.findall(query):
        yield Use(metric, frozenset(grouped | set(_LABEL.findall(selector))))
