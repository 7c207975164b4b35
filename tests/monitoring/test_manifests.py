from __future__ import annotations

from tests.monitoring.exported import missing
from tests.monitoring.manifests import (
    OPERATIONS,
    Use,
    alerts,
    dashboard,
    panels,
    scaling,
    uses,
)

ROWS = [
    *("Load", "Latency by stage", "Queue age", "Batch sizes", "Padding saved", "Refusals"),
    *("Errors by model", "Device memory", "Discovery"),
]


def test_the_autoscalers_queries_are_found() -> None:
    assert any("chorus_gateway_in_flight" in query for query in scaling())


def test_the_labels_of_a_query_are_found() -> None:
    query = 'sum by (model, le) (rate(chorus_a_bucket{pod=~"p", kind!="x"}[5m])) / sum(chorus_b)'
    assert list(uses(query)) == [
        Use("chorus_a_bucket", frozenset({"model", "le", "pod", "kind"})),
        Use("chorus_b", frozenset({"model", "le"})),
    ]


def test_what_is_not_exported_is_missing() -> None:
    there = {"chorus_a": frozenset({"model"})}
    expected = [Use("chorus_a", frozenset({"model", "pod"})), Use("chorus_a", frozenset({"kind"}))]
    assert missing(expected, there) == ["chorus_a has no label kind"]
    assert missing([Use("chorus_b", frozenset())], there) == ["chorus_b is not exported"]


def test_every_alert_says_what_it_means_and_where_to_read_on() -> None:
    headings = {
        line.lstrip("# ").strip()
        for line in OPERATIONS.read_text().splitlines()
        if line.startswith("### Chorus")
    }
    assert headings == set(alerts())
    for name, rule in alerts().items():
        said = rule["annotations"]
        assert set(said) == {"summary", "description", "runbook_url"}, name
        assert said["runbook_url"] == f"docs/operations.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning"), name


def test_the_dashboard_has_a_row_for_every_question() -> None:
    titles = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert titles == ROWS


def test_the_dashboard_is_what_grafana_reads() -> None:
    board = dashboard()
    assert board["schemaVersion"] >= 39, "Grafana 11"
    assert [v["name"] for v in board["templating"]["list"]] == ["datasource", "namespace", "pod"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [cell for panel in board["panels"] for cell in covered(panel["gridPos"])]
    assert len(set(cells)) == len(cells), "panels lie over each other"
    assert max(column for column, _ in cells) < 24
    for panel in board["panels"]:
        if panel["type"] != "row":
            own = [panel, *panel["targets"]]
            assert {one["datasource"]["uid"] for one in own} == {"${datasource}"}
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"]["unit"]


def covered(place: dict[str, int]) -> list[tuple[int, int]]:
    return [
        (place["x"] + column, place["y"] + row)
        for column in range(place["w"])
        for row in range(place["h"])
    ]


def test_every_panel_is_of_the_chosen_pods() -> None:
    chosen = {"namespace", "pod"}
    for title, queries in panels().items():
        for query in queries:
            assert all(chosen <= use.labels for use in uses(query)), title
