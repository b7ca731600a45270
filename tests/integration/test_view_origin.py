"""The server's side beside the swarm's: exporters, and what a dead one does (nothing)."""
import csv
import re
import shutil
import socket

import pytest

from helpers.process import Process, free_port, wait_for
from view_tools import check_status, get, snapshot, url_of

FIGURES = ("cpu", "bytes_per_s", "requests_per_s", "connections")


@pytest.fixture
def exporters(tmp_path):
    """Starts the real exporters of Debian; returns their URLs."""
    for name in ("prometheus-node-exporter", "prometheus-nginx-exporter"):
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}")
    running = []

    def start(*command):
        running.append(Process([str(word) for word in command],
                               tmp_path / f"exporter{len(running)}.log"))

    def make(stub_status):
        node, nginx = free_port(), free_port()
        start("prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node}")
        start("prometheus-nginx-exporter", "-web.listen-address", f"127.0.0.1:{nginx}",
              "-nginx.scrape-uri", stub_status)
        urls = [f"http://127.0.0.1:{node}/metrics", f"http://127.0.0.1:{nginx}/metrics"]
        for url in urls:
            wait_for(lambda url=url: answers(url), url, 15)
        return urls
    yield make
    for process in running:
        process.end()


def answers(url):
    try:
        return get(url)[0] == 200
    except OSError:
        return False


@pytest.fixture
def silent():
    """An exporter that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/metrics"


def with_rates(exporters):
    """The exporters, once all that answer were asked twice."""
    rated = [known(one) & {"cpu", "requests_per_s"} for one in exporters[:4]]
    return exporters if rated and all(rated) else None


def known(exporter):
    return {name for name in FIGURES if exporter[name] is not None}


@pytest.mark.slow
def test_every_kind_of_exporter_on_one_time_axis(shoal, origin, nginx, exporters, silent, tmp_path):
    server = origin("--stream", "name=live,segment=1s,bitrates=300k")
    stub = nginx(tmp_path, server="location /stub { stub_status; }").base + "/stub"
    dead = f"http://127.0.0.1:{free_port()}/metrics"
    sources = [f"{server.base}/_origin/metrics", *exporters(stub), stub, dead, silent]
    options = [word for url in sources for word in ("--origin-metrics", url)]
    files = {name: tmp_path / f"run.{name}" for name in ("csv", "html")}
    run = shoal.start("--viewers", 20, "--ramp", "100ms", "--duration", "12s", "--listen",
                      "127.0.0.1:0", "--csv", files["csv"], "--html", files["html"], *options,
                      f"{server.base}/live/index.m3u8")
    base = url_of(run)
    now = wait_for(lambda: with_rates(snapshot(base)["origin"]), "rates", 12)
    assert [one["kind"] for one in now[:4]] == ["shoal origin", "node_exporter",
                                                "nginx exporter", "stub_status"]
    assert known(now[0]) == set(FIGURES) and now[0]["connections"] >= 20
    assert known(now[1]) == {"cpu", "bytes_per_s", "connections"}
    assert known(now[2]) == known(now[3]) == {"requests_per_s", "connections"}
    # What fails says so, and nothing else of it or of the others changes.
    assert [one["ok"] for one in now] == [True] * 4 + [False] * 2
    assert "refused" in now[4]["why"] and "in time" in now[5]["why"]
    assert not known(now[4]) and not known(now[5])
    report = run.finish(60)
    check_status(report)

    timeline, told = report.json["timeline"], report.json["origin"]
    assert [one["url"] for one in told] == sources
    assert [one["failed"] == 0 for one in told[:4]] == [True] * 4
    assert all(one["failed"] == one["asked"] > 0 and not one["timeline"] for one in told[4:])
    # A silent one beside them delays none: each is asked every two seconds.
    assert all(one["asked"] >= 5 for one in told[:4])
    requests = told[0]["timeline"]["requests_per_s"]
    assert len(requests) == len(timeline)
    late = [value for row, value in zip(timeline, requests) if 6 < row["time_s"] < 11]
    assert sum(late) / len(late) == pytest.approx(40, rel=0.35)  # playlist and segment a second
    # On one host the machine tells the CPU, the server its connections; until it has, the others
    # do.
    for column, by, figure in (("cpu", 1, "cpu"), ("connections", 0, "connections")):
        values = told[by]["timeline"][figure]
        rows = [(row[f"origin_{column}"], value) for row, value in zip(timeline, values)
                if value is not None]
        assert len(rows) > 4 and all(one == other for one, other in rows)
    with open(files["csv"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["origin_cpu"] for row in rows] == \
        ["" if row["origin_cpu"] is None else f"{row['origin_cpu']:.12g}" for row in timeline]
    assert sources[0] in files["html"].read_text()
    shown = report.output[report.output.index("Origin"):]
    assert re.search(r"_origin/metrics\n    cores +\S+ +\S+\n    sends .*\n    requests a second"
                     r".*\n    connections +\S+ +2\d", shown), shown
    assert re.search(r"no figures \d+ of \d+ times, the last: Connection refused", shown), shown


def test_unusable_exporter(shoal, origin):
    server = origin("--stream", "name=live,segment=1s,bitrates=300k")
    status, _, said = shoal.command("run", "--listen", "off", "--duration", "1s",
                                    "--origin-metrics", "https://x/", f"{server.base}/live/index.m3u8")
    assert status == 2 and "--origin-metrics" in said
