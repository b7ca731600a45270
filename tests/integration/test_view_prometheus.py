"""A real Prometheus scrapes a run; the rules and the dashboard fit what it finds."""
import json
import math
import pathlib
import re
import shutil
import subprocess
import time
import urllib.parse

import pytest

from helpers.process import Process, free_port, wait_for
from view_tools import check_status, get, url_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
LIVE = ("--stream", "name=live,segment=1s,bitrates=300k+600k")


def promtool(*arguments):
    return subprocess.run(["promtool", *[str(word) for word in arguments]], capture_output=True,
                          text=True, check=False, timeout=60)


needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")


@needs_promtool
def test_alert_rules():
    rules = PACKAGING / "prometheus/alerts.yml"
    config = promtool("check", "config", PACKAGING / "prometheus/prometheus.yml")
    assert config.returncode == 0 and "1 rule files" in config.stdout, config.stderr
    checked = promtool("check", "rules", rules)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", PACKAGING / "prometheus/alerts_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_tested():
    declared = re.findall(r"alert: (\w+)", (PACKAGING / "prometheus/alerts.yml").read_text())
    tested = re.findall(r"alertname: (\w+)\n +exp_alerts:\n",
                        (PACKAGING / "prometheus/alerts_test.yml").read_text())
    assert set(declared) == set(tested)


def test_both_texts_are_what_they_say_they_are():
    parser = pytest.importorskip("prometheus_client.parser")
    openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")
    plain = (ROOT / "tests/golden/metrics.prom").read_text()
    families = list(openmetrics.text_string_to_metric_families(
        (ROOT / "tests/golden/metrics.openmetrics").read_text()))
    assert all(family.documentation for family in families)
    assert {family.name for family in families if family.unit} == \
        {family.name for family in families if re.search("_(seconds|bytes)$", family.name)}
    kinds = {family.name: family.type for family in families}
    assert kinds["shoal_segments"] == "counter" and kinds["shoal_build"] == "info"
    samples = {(one.name, tuple(one.labels.items())): one.value
               for family in families for one in family.samples}
    assert samples == {(one.name, tuple(one.labels.items())): one.value
                       for family in parser.text_string_to_metric_families(plain)
                       for one in family.samples}


def names_used(text):
    """Names of our metrics in expressions of rules or a dashboard."""
    return set(re.findall(r"\bshoal_[a-z0-9_]+", text))


def test_every_name_used_is_exported():
    exported = (ROOT / "tests/golden/metrics.prom").read_text()
    known = {re.split(r"[{ ]", line)[0] for line in exported.splitlines()
             if line and not line.startswith("#")}
    known |= {line.split()[2] for line in exported.splitlines() if line.startswith("# TYPE")}
    for path in (PACKAGING / "prometheus/alerts.yml", PACKAGING / "grafana/shoal.json"):
        used = names_used(path.read_text())
        assert used and used <= known, (path.name, used - known)


def test_dashboard_is_whole():
    dashboard = json.loads((PACKAGING / "grafana/shoal.json").read_text())
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers)) > 10
    for panel in dashboard["panels"]:
        assert panel["targets"] and panel["title"]


def panel_queries():
    """What each panel asks, with Grafana's variables filled in."""
    dashboard = json.loads((PACKAGING / "grafana/shoal.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$instance", ".*") \
                .replace("$__rate_interval", "30s")


@pytest.fixture
def prometheus(tmp_path):
    """Starts a real Prometheus that scrapes the address twice a second."""
    if shutil.which("prometheus") is None:
        pytest.skip("needs prometheus")
    servers = []

    def start(base):
        port = free_port()
        config = tmp_path / "prometheus.yml"
        config.write_text("global: {scrape_interval: 500ms}\n"
                          "scrape_configs:\n  - job_name: shoal\n    static_configs:\n"
                          f"      - targets: [\"{urllib.parse.urlsplit(base).netloc}\"]\n")
        server = Process(["prometheus", f"--config.file={config}",
                          f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                          f"--web.listen-address=127.0.0.1:{port}"], tmp_path / "prometheus.log")
        servers.append(server)
        return f"http://127.0.0.1:{port}"
    yield start
    for server in servers:
        server.end()


def ask(server, expression):
    """The value of an instant query with one result, or None."""
    query = urllib.parse.urlencode({"query": expression})
    status, _, body = get(f"{server}/api/v1/query?{query}")
    found = json.loads(body)["data"]["result"] if status == 200 else []
    return float(found[0]["value"][1]) if len(found) == 1 else None


def is_answered(server, expression):
    """Whether a query finds at least one number."""
    status, _, body = get(f"{server}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert status == 200, body
    values = [float(one["value"][1]) for one in json.loads(body)["data"]["result"]]
    return any(not math.isnan(value) for value in values)


@pytest.mark.slow
@pytest.mark.timed
def test_rate_agrees_with_the_report(shoal, origin, prometheus):
    server = origin(*LIVE, "--fault", "status=404,path=*.ts,p=0.02")
    run = shoal.start("--viewers", 40, "--ramp", "6s", "--duration", "24s", "--listen",
                      "127.0.0.1:0", f"{server.base}/live/index.m3u8")
    watch = prometheus(url_of(run))
    wait_for(lambda: port_ready(watch), "Prometheus", 20)
    wait_for(lambda: (ask(watch, "count_over_time(shoal_viewers_active[30s])") or 0) > 36,
             "18 s of scrapes", 30)
    at = time.time()
    rates = {name: ask(watch, f"sum(rate({metric}[10s]))") for name, metric in {
        "segments_per_s": "shoal_segments_total", "http_requests_per_s": "shoal_http_requests_total",
        "bytes_per_s": "shoal_body_bytes_total"}.items()}
    p95 = ask(watch, "histogram_quantile(0.95, rate(shoal_segment_download_seconds_bucket[10s]))")
    empty = [query for query in panel_queries() if not is_answered(watch, query[1])]
    assert empty == []
    # What alerts ask of is there too: none of them looks at nothing.
    rules = (PACKAGING / "prometheus/alerts.yml").read_text()
    missing = [name for name in names_used(rules) if not is_answered(watch, name)]
    assert missing == []
    report = run.finish(60)
    check_status(report)
    end_s = at - report.json["started_us"] / 1e6
    rows = [row for row in report.json["timeline"] if end_s - 10 < row["time_s"] <= end_s]
    for name, rate in rates.items():
        mean = sum(row[name] for row in rows) / len(rows)
        assert rate == pytest.approx(mean, rel=0.1), (name, rate, mean)
    assert p95 is not None and 0 < p95 < 1


def port_ready(server):
    try:
        return get(f"{server}/-/ready")[0] == 200
    except OSError:
        return False
