"""The swarm's totals against the access log of a real nginx: equal, not about equal."""
import collections

import pytest

from helpers.process import let_pass, wait_for

KINDS = ["multivariant", "media_playlist", "segment", "init_section", "key"]


def kind_of(uri):
    name = uri.split("?")[0]
    if name.endswith("main.m3u8"):
        return "multivariant"
    if name.endswith(".m3u8"):
        return "media_playlist"
    if name.endswith("init.mp4"):
        return "init_section"
    if name.endswith(".bin"):
        return "key"
    return "segment"


def check_equal(report, log):
    """Requests by kind and by status, bytes, connections; the log holds all that was asked."""
    kinds = collections.Counter(kind_of(row["uri"]) for row in log)
    status = collections.Counter(str(row["status"]) for row in log)
    assert report["requests_aborted"] == 0 and report["bodies_aborted"] == 0
    assert report.labels("http_responses") == dict(status)
    assert report["http_requests"] == len(log) + report["requests_failed"]
    if report["requests_failed"] == 0:
        assert report.labels("http_requests") == dict(kinds)
    assert report["body_bytes"] == sum(row["bytes"] for row in log)
    report.check_balance()


@pytest.mark.slow
def test_live_abr_at_200_viewers_with_sessions_coming_and_going(shoal, nginx, live, tmp_path):
    live(tmp_path / "www")
    server = nginx(tmp_path / "www")
    report = shoal.run("--viewers", 200, "--ramp", "5s", "--session", "6s", "--duration", "20s",
                       "--variant", "random", "--seed", 7, server.url("main.m3u8"))
    server.quit()
    log = server.log()
    check_equal(report, log)
    assert report["sessions_started"] > 250
    assert report["segments"] == sum(row["uri"].endswith(".ts") for row in log)
    assert report["segment_bytes"] == sum(row["bytes"] for row in log
                                          if row["uri"].endswith(".ts"))
    assert report["playlists"] == sum(row["uri"].endswith(".m3u8") for row in log)
    assert report["tcp_connects"] == len({row["connection"] for row in log})
    assert report["stalls"] == 0 and report.failures() == {}
    # The preflight is told apart by its user agent and is in no counter.
    assert [kind_of(uri) for uri in server.paths(preflight=True)] == KINDS[:2]


@pytest.mark.slow
def test_nginx_stopped_and_started_again(shoal, nginx, live, tmp_path):
    live(tmp_path / "www")
    server = nginx(tmp_path / "www")
    run = shoal.start("--viewers", 100, "--ramp", "2s", "--duration", "40s", "--player", "hlsjs",
                      server.url("main.m3u8"))
    wait_for(lambda: len(server.log()) > 600, "the swarm to play", 20)
    server.stop()
    refused_since = len(server.log())
    # Long enough for every viewer to come by and be refused, short enough for its retries.
    let_pass(3)
    server.restart()
    report = run.finish()
    server.quit()
    log = server.log()
    assert len(log) > refused_since + 600
    assert report.label("failures", "connect_refused") >= 100
    assert set(report.failures()) <= {"connect_refused", "closed_before_response",
                                      "reset_before_response", "body_truncated", "body_reset",
                                      "playlist_stale", "segment_late"}
    # Every viewer recovered: nobody gave up, and all fetched segments after the restart.
    assert report["sessions_failed"] == 0
    assert report["sessions_started"] == 100
    after = [row for row in log[refused_since:] if row["uri"].endswith(".ts")]
    assert len({row["connection"] for row in after}) >= 100
    report.check_balance()
    # What nginx cut off when it was stopped is in its log and may have met nobody; all else is
    # equal.
    whole = sum(report.labels("http_responses").values())
    assert 0 <= len(log) - whole <= report["requests_failed"]


def test_vod_is_fetched_once_and_only_once_and_paced(shoal, nginx, vod):
    """60 s of media at 100 viewers that all stay to the end."""
    folder = vod("ts", duration_s=60)
    server = nginx(folder)
    report = shoal.run("--viewers", 100, "--ramp", "1s", "--once", "--player", "drain",
                       server.url("main.m3u8"))
    server.quit()
    log = server.log()
    check_equal(report, log)
    counts = collections.Counter(row["uri"] for row in log)
    assert len(counts) == 31 and set(counts.values()) == {100}
    assert report["sessions_ended"] == report["sessions_started"] == 100


@pytest.mark.slow
def test_vod_at_the_pace_of_hlsjs(shoal, nginx, vod):
    """A player with a bounded buffer asks for a segment when its buffer has room for it."""
    folder = vod("ts", duration_s=60)
    server = nginx(folder)
    report = shoal.run("--viewers", 100, "--ramp", "1s", "--once", "--player", "hlsjs",
                       "--buffer", "10s", server.url("main.m3u8"), deadline_s=100)
    server.quit()
    log = server.log()
    check_equal(report, log)
    counts = collections.Counter(row["uri"] for row in log)
    assert len(counts) == 31 and set(counts.values()) == {100}
    first = min(row["at"] for row in log)
    # Segment n may be asked for once (n - 5) × 2 s of media are behind the playhead: the last
    # one 50 s after the start, the eighth 6 s after it.
    at = {n: [row["at"] - first for row in log if row["uri"] == f"/s{n:03d}.ts"]
          for n in (7, 29)}
    assert 3 < min(at[7]) and max(at[7]) < 9
    assert 46 < min(at[29]) and max(at[29]) < 54
    assert report["stalls"] == 0
    assert report.json["duration_s"] == pytest.approx(61, abs=3)
