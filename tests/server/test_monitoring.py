"""Dashboard, alert rules and manual speak of the metrics that a real server has."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import httpx
import pytest

from tests.programs import ROOT, need

from .serving import Serving

MONITORING = ROOT / "deploy" / "monitoring"
NAMED = re.compile(r"\btrustyard_[a-z_]+")
PARTS = ("_bucket", "_count", "_sum")


@pytest.fixture(scope="module")
def scraped(server: Serving) -> str:
    answer = httpx.get(f"{server.url}/metrics", trust_env=False, timeout=30)
    assert answer.status_code == 200
    return answer.text


def metrics(scraped: str) -> set[str]:
    """Their names; of a histogram the one without an ending."""
    return {name for name in re.findall(r"^# TYPE (\S+)", scraped, re.MULTILINE) if name.startswith("trustyard_")}


def expressions(value: Any) -> list[str]:
    """Every query in the dashboard."""
    if isinstance(value, list):
        return [found for one in value for found in expressions(one)]
    if not isinstance(value, dict):
        return []
    own = [value[key] for key in ("expr", "query") if isinstance(value.get(key), str)]
    return own + [found for one in value.values() for found in expressions(one)]


def unended(name: str) -> str:
    return next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)


def test_the_dashboard_asks_for_metrics_that_there_are_and_shows_each_of_them(scraped: str) -> None:
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
    asked = {unended(name) for expression in expressions(dashboard) for name in NAMED.findall(expression)}
    assert asked == metrics(scraped)


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
    assert [one["name"] for one in dashboard["__inputs"]] == ["DS_PROMETHEUS"]
    assert dashboard["id"] is None
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}"
            assert panel["description"], panel["title"]


def test_the_rules_ask_for_metrics_and_states_that_there_are(scraped: str) -> None:
    rules = (MONITORING / "trustyard.rules.yml").read_text("utf-8")
    assert {unended(name) for name in NAMED.findall(rules)} <= metrics(scraped)
    for state in re.findall(r'trustyard_gateway\w*\{state="(\w+)"', rules):
        assert f'state="{state}"' in scraped, state


def test_each_alert_has_its_line() -> None:
    manual = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    rules = (MONITORING / "trustyard.rules.yml").read_text("utf-8")
    alerts = re.findall(r"^ +- alert: (\w+)$", rules, re.MULTILINE)
    assert re.findall(r"^\| `(Trustyard\w+)` \|", manual, re.MULTILINE) == alerts


def test_each_metric_has_its_line_and_no_line_is_left_over(scraped: str) -> None:
    manual = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(trustyard_\w+)` \|", manual, re.MULTILINE)) == metrics(scraped)


def test_the_rules_alert_when_they_should() -> None:
    promtool = need("promtool", package="prometheus")
    command = [promtool, "test", "rules", "tests/server/alerts.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
