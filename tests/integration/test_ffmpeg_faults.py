"""What real ffmpeg viewers meet when the server fails, reported as just that."""

import pytest

from helpers.players import ENGINE
from helpers.process import free_port, let_pass, wait_for
from helpers.shoal import read_failures


def test_missing_segment_is_no_segment(shoal, nginx, vod, tmp_path):
    server = nginx(vod("ts", duration_s=6, segment_s=1),
                   server="location = /s003.ts { return 404; }")
    report = shoal.run(*ENGINE, "--viewers", 2, "--ramp", "5/s", "--once",
                       "--failures", tmp_path / "failures.jsonl",
                       server.url("main.m3u8"), status=None)
    server.quit()
    log = server.log()
    missing = sum(row["status"] == 404 for row in log)
    assert missing >= 2
    assert report.label("http_responses", 404) == missing
    assert report.failures() == {"status_4xx": missing}
    assert report["segments"] == 2 * 5
    assert report["segments_skipped"] == 2
    assert report["sessions_ended"] == 2
    rows = read_failures(tmp_path / "failures.jsonl")
    assert len(rows) == missing
    assert {row["viewer"] for row in rows} == {0, 1}
    for row in rows:
        assert row["url"] == server.url("s003.ts")
        assert (row["failure"], row["status"]) == ("status_4xx", 404)
        assert row["address"] == f"127.0.0.1:{server.port}"
        assert 0 < row["time_s"] <= report.json["duration_s"]


def test_no_segment_at_all_is_a_failed_run(shoal, nginx, vod):
    server = nginx(vod("ts", duration_s=6, segment_s=1),
                   server="location ~ [.]ts$ { return 503; }")
    report = shoal.run(*ENGINE, "--viewers", 2, "--ramp", "5/s", "--duration", "6s",
                       server.url("main.m3u8"), status=1)
    server.quit()
    assert report["segments"] == 0 and report["sessions_played"] == 0
    assert report.label("failures", "status_5xx") == sum(row["status"] == 503
                                                          for row in server.log())
    # A crash loop is seen as one.
    assert report["player_restarts"] >= 2


def test_nothing_listens(shoal):
    report = shoal.run(*ENGINE, "--viewers", 2, f"http://127.0.0.1:{free_port()}/live.m3u8",
                       status=3)
    assert report.json is None


@pytest.mark.slow
def test_server_stopped_and_started_again(shoal, nginx, live, tmp_path):
    live(tmp_path / "www", kind="muxed", segment_s=1)
    server = nginx(tmp_path / "www")
    run = shoal.start(*ENGINE, "--viewers", 6, "--ramp", "6/s", "--duration", "35s",
                      server.url("live.m3u8"))
    wait_for(lambda: len(server.log()) > 80, "the swarm to play", 20)
    server.stop()
    let_pass(3)  # the outage: longer than what ffmpeg has buffered
    before = len(server.log())
    server.restart()
    report = run.finish()
    server.quit()
    log = server.log()
    # Every viewer was refused, came back by itself or by a restart, and played on.
    assert report.label("failures", "connect_refused") >= 6
    assert set(report.failures()) <= {"connect_refused", "closed_before_response",
                                      "reset_before_response", "body_truncated"}
    assert report["sessions_started"] == report["sessions_ended"] == 6
    assert report["player_restarts"] >= 6
    assert len({row["connection"] for row in log[before:]}) >= 6
    assert report["stalls"] >= 6
    report.check_balance()
    assert report["http_responses"] <= len(log)
    assert len(log) - report["http_responses"] <= report["requests_failed"]


@pytest.mark.slow
def test_frozen_server_is_seen_within_seconds(shoal, nginx, live, tmp_path):
    """At the end of a segment of one second ffmpeg waits for the answer to the next request, so
    three seconds are a stall of two at least."""
    live(tmp_path / "www", kind="muxed", segment_s=1)
    server = nginx(tmp_path / "www")
    run = shoal.start(*ENGINE, "--viewers", 5, "--ramp", "5/s", "--duration", "22s",
                      server.url("live.m3u8"))
    wait_for(lambda: len(server.log()) > 60, "the swarm to play", 20)
    server.freeze()
    let_pass(3)  # how long the server is frozen
    server.thaw()
    report = run.finish()
    server.quit()
    # It was slow and nothing else: no failure, no lost connection, a long first byte.
    assert report.failures() == {}
    assert report["player_restarts"] == 0
    longest = max(report.json["histograms"][name]["max_s"]
                  for name in ("segment_first_byte", "playlist_first_byte"))
    assert 2 < longest < 5
    assert report["stalls"] == 5
    assert 2e6 < report["stall_time_us"] / 5 < 4e6
    assert report["http_responses"] == len(server.log())
