"""The server's side beside the swarm's: exporters, and what a dead one does (nothing)."""
import pytest

from helpers.process import free_port, wait_for
from view_tools import check_status, snapshot, url_of


@pytest.mark.slow
def test_origin_metrics(shoal, origin):
    server = origin("--stream", "name=live,segment=1s,bitrates=300k")
    dead = f"http://127.0.0.1:{free_port()}/metrics"
    run = shoal.start("--viewers", 20, "--ramp", "100ms", "--duration", "12s", "--listen",
                      "127.0.0.1:0", "--origin-metrics", f"{server.base}/_origin/metrics",
                      "--origin-metrics", dead, f"{server.base}/live/index.m3u8")
    base = url_of(run)
    wait_for(lambda: (snapshot(base)["origin"] or [{}])[0].get("requests_per_s"),
             "a rate from the origin", 12)
    now = snapshot(base)["origin"]
    assert now[0]["ok"] and now[0]["connections"] >= 20
    assert not now[1]["ok"] and now[1]["why"]
    report = run.finish(60)
    check_status(report)
    rows = [row for row in report.json["timeline"] if row["origin_requests_per_s"] is not None]
    assert len(rows) >= 3
    late = [row for row in rows if 6 < row["time_s"] < 11]
    mean = sum(row["origin_requests_per_s"] for row in late) / len(late)
    assert mean == pytest.approx(40, rel=0.35)  # a playlist and a segment each second
    assert all(row["origin_cpu"] is None for row in report.json["timeline"])


def test_unusable_exporter(shoal, origin):
    server = origin("--stream", "name=live,segment=1s,bitrates=300k")
    status, _, said = shoal.command("run", "--listen", "off", "--duration", "1s",
                                    "--origin-metrics", "https://x/", f"{server.base}/live/index.m3u8")
    assert status == 2 and "--origin-metrics" in said
