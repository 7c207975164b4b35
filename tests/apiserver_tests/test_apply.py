"""Server-side apply: who owns which field."""

from __future__ import annotations

from typing import Any

import httpx
from tests.apiserver.kinds import Item
from tests.apiserver.server import ApiServer
from tests.apiserver_tests.client import DEPLOYMENTS, Client


def deployment(labels: Item, *containers: Item) -> Item:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "labels": labels},
        "spec": {"template": {"spec": {"containers": list(containers)}}},
    }


def _apply(client: Client, item: Item, manager: str, **query: Any) -> httpx.Response:
    form = "apply-patch+yaml"
    return client.patch(f"{DEPLOYMENTS}/d", item, form, fieldManager=manager, **query)


def _containers(answer: httpx.Response) -> list[Item]:
    found: list[Item] = answer.json()["spec"]["template"]["spec"]["containers"]
    return found


def test_an_apply_creates_and_then_changes(client: Client) -> None:
    assert _apply(client, deployment({}, {"name": "a"}), "me").status_code == 201
    answer = _apply(client, deployment({}, {"name": "a", "image": "x"}), "me")
    assert (answer.status_code, _containers(answer)) == (200, [{"name": "a", "image": "x"}])


def test_the_same_again_changes_nothing(client: Client) -> None:
    item = deployment({"a": "b"}, {"name": "a"})
    first, second = (_apply(client, item, "me").json() for _ in range(2))
    assert first == second


def test_what_one_no_longer_applies_goes(client: Client) -> None:
    full = {"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}]}
    _apply(client, deployment({"a": "b", "c": "d"}, full, {"name": "b"}), "me")
    answer = _apply(client, deployment({"a": "b"}, {"name": "a", "image": "x"}), "me")
    assert answer.json()["metadata"]["labels"] == {"a": "b"}
    assert _containers(answer) == [{"name": "a", "image": "x"}]


def test_what_another_has_set_stays(client: Client) -> None:
    _apply(client, deployment({}, {"name": "a", "image": "x"}), "me")
    _apply(client, deployment({"their": "s"}, {"name": "b"}), "they")
    answer = _apply(client, deployment({}, {"name": "a"}), "me")
    assert answer.json()["metadata"]["labels"] == {"their": "s"}
    assert _containers(answer) == [{"name": "a"}, {"name": "b"}]


def test_what_two_have_set_stays_until_both_no_longer_apply_it(client: Client) -> None:
    full, less = (deployment({}, {"name": "a", **extra}) for extra in ({"image": "x"}, {}))
    _apply(client, full, "they")
    _apply(client, full, "me")
    assert _containers(_apply(client, less, "me")) == [{"name": "a", "image": "x"}]
    assert _containers(_apply(client, less, "they")) == [{"name": "a"}]


def test_what_is_taken_by_force_is_no_longer_theirs(client: Client) -> None:
    _apply(client, deployment({}, {"name": "a", "image": "x"}), "they")
    _apply(client, deployment({}, {"name": "a", "image": "y"}), "me", force="true")
    answer = _apply(client, deployment({}, {"name": "a"}), "me")
    assert _containers(answer) == [{"name": "a"}]


def test_lists_of_custom_resources_are_one_value(client: Client) -> None:
    path = "/apis/serving.kserve.io/v1alpha1/namespaces/default/servingruntimes/r"
    runtime = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "r"},
    }
    for manager, name in (("they", "a"), ("me", "b")):
        item = runtime | {"spec": {"containers": [{"name": name}]}}
        query = {"fieldManager": manager, "force": "true"}
        answer = client.patch(path, item, "apply-patch+yaml", **query)
    assert answer.json()["spec"] == {"containers": [{"name": "b"}]}


def test_a_field_of_another_is_a_conflict_unless_it_is_the_same_or_forced(client: Client) -> None:
    _apply(client, deployment({}, {"name": "a", "image": "x"}), "they")
    assert _apply(client, deployment({}, {"name": "a", "image": "x"}), "me").is_success
    mine = deployment({}, {"name": "a", "image": "y"})
    answer = _apply(client, mine, "me")
    assert answer.status_code == 409
    assert answer.json()["message"] == (
        'Apply failed with 1 conflict: conflict with "they": '
        '.spec.template.spec.containers[name="a"].image'
    )
    assert _containers(_apply(client, mine, "me", force="true")) == [{"name": "a", "image": "y"}]
    assert _apply(client, deployment({}, {"name": "a", "image": "x"}), "they").status_code == 409


def test_an_update_takes_the_fields_that_it_changes(server: ApiServer, client: Client) -> None:
    _apply(client, deployment({}, {"name": "a", "image": "x"}), "me")
    patch = {"metadata": {"labels": {"tier": "gpu"}}}
    query = {"fieldManager": "kubectl-label"}
    client.patch(f"{DEPLOYMENTS}/d", patch, "merge-patch+json", **query)
    answer = _apply(client, deployment({"tier": "cpu"}, {"name": "a", "image": "x"}), "me")
    assert answer.status_code == 409
    assert 'conflict with "kubectl-label": .metadata.labels.tier' in answer.json()["message"]


def test_ownership_ends_with_the_object(server: ApiServer, client: Client) -> None:
    _apply(client, deployment({}, {"name": "a", "image": "x"}), "they")
    server.delete("Deployment", "default", "d")
    assert _apply(client, deployment({}, {"name": "a", "image": "y"}), "me").status_code == 201
    assert _apply(client, deployment({}, {"name": "a", "image": "z"}), "me").status_code == 200


def test_a_refused_apply_and_a_dry_run_leave_ownership_alone(client: Client) -> None:
    _apply(client, deployment({}, {"name": "a", "image": "x"}), "they")
    mine = deployment({}, {"name": "a", "image": "y"})
    _apply(client, mine, "me", force="true", dryRun="All")
    assert _apply(client, mine, "me").status_code == 409
