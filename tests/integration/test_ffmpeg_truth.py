"""Real ffmpeg processes as viewers, and what is counted of them from their logs, against the
access log of a real nginx: equal, not about equal.

A segment that a process had asked for and not yet read to its end when it left is in the
server's log and is no segment: it is counted as a body given up, so the two together are what the
log holds."""
import collections
import os
import signal
import subprocess

import pytest

from helpers.players import ENGINE, children_of, program_of
from helpers.process import has_ipv6, wait_for


def is_segment(row):
    return row["uri"].endswith((".ts", ".m4s"))


def check_equal(report, log):
    """Requests, statuses, connections, playlists and segments are those of the server. A request
    that a process had just sent when it was asked to leave is aborted here and may be answered in
    the server's log; nothing else may differ."""
    status = collections.Counter(str(row["status"]) for row in log)
    good = [row for row in log if row["status"] in (200, 206)]
    report.check_balance()
    late = len(log) - report["http_responses"]
    assert 0 <= late <= report["requests_aborted"]
    if late == 0:
        assert report.labels("http_responses") == dict(status)
    assert (report["http_requests"] ==
            report["http_responses"] + report["requests_failed"] + report["requests_aborted"])
    assert report["tcp_connects"] == len({row["connection"] for row in log})
    playlists = sum(row["uri"].endswith(".m3u8") for row in good)
    segments = sum(map(is_segment, good))
    assert 0 <= playlists - report["playlists"] <= late
    assert 0 <= segments - report["segments"] - report["bodies_aborted"] <= late
    assert report["segment_bytes"] <= sum(row["bytes"] for row in good if is_segment(row))
    assert report["player_processes_started"] == report["player_processes_ended"]
    assert report["player_log_unknown"] * 200 <= report["player_log_lines"]


@pytest.mark.slow
def test_twenty_for_a_minute_on_live_abr_with_audio_apart(shoal, nginx, live, tmp_path):
    live(tmp_path / "www")
    server = nginx(tmp_path / "www")
    report = shoal.run(*ENGINE, "--viewers", 20, "--ramp", "4/s", "--duration", "60s",
                       "--variant", "all", server.url("main.m3u8"), status=None)
    server.quit()
    log = server.log()
    check_equal(report, log)
    kinds = collections.Counter("multivariant" if row["uri"].endswith("main.m3u8") else
                                "media_playlist" if row["uri"].endswith(".m3u8") else "segment"
                                for row in log)
    if report["requests_aborted"] == 0:
        assert report.labels("http_requests") == dict(kinds)
    # Two segments of each of three playlists had been asked for when each left.
    assert report["bodies_aborted"] <= 20 * 6
    assert report["sessions_started"] == report["sessions_played"] == 20
    assert report.failures() == {} and report["stalls"] == 0
    assert report["tcp_connects"] == 20 * 8
    # The first playlist, its three renditions and then the reloads, most of them over
    # connections that were open already.
    assert report["playlists"] > 20 * 4 * 8
    # Every viewer that plays is a minute's part of media.
    assert report["media_played_us"] > 20 * 50e6


def test_vod_is_read_whole_and_paced(shoal, nginx, vod):
    folder = vod("abr", duration_s=8, segment_s=1)
    server = nginx(folder)
    report = shoal.run(*ENGINE, "--viewers", 5, "--ramp", "5/s", "--once", "--variant", "all",
                       server.url("main.m3u8"), status=None)
    server.quit()
    log = server.log()
    check_equal(report, log)
    assert report["bodies_aborted"] == 0
    assert report["body_bytes"] == sum(row["bytes"] for row in log)
    counts = collections.Counter(row["uri"] for row in log)
    assert set(counts.values()) == {5}
    assert report["sessions_ended"] == 5 and report["sessions_failed"] == 0
    # As long as the media, not as fast as the server.
    assert report["watched_time_us"] > 5 * 6e6


@pytest.mark.parametrize("kind, count, init, key", [("fmp4", 4, 1, 0), ("aes", 4, 0, 1)])
def test_init_sections_and_keys_are_told_apart(shoal, nginx, vod, kind, count, init, key):
    folder = vod(kind, duration_s=4, segment_s=1)
    server = nginx(folder)
    report = shoal.run(*ENGINE, "--viewers", 3, "--ramp", "5/s", "--once",
                       server.url("main.m3u8"), status=None)
    server.quit()
    log = server.log()
    assert report["segments"] == 3 * count
    assert report["init_sections"] == sum(row["uri"].endswith("init.mp4") for row in log)
    assert report["init_sections"] >= 3 * init
    assert report["keys"] == 3 * key == sum(row["uri"].endswith("key.bin") for row in log)
    assert report["http_requests"] == len(log)
    assert report["tcp_connects"] == len({row["connection"] for row in log})


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"], check=True,
                   stderr=subprocess.DEVNULL)
    return folder / "cert.pem", folder / "key.pem"


def test_https_is_counted_as_http(shoal, nginx, vod, tmp_path):
    server = nginx(vod("ts", duration_s=4, segment_s=1), tls=make_certificate(tmp_path))
    report = shoal.run(*ENGINE, "--viewers", 2, "--ramp", "5/s", "--once", "--cacert",
                       tmp_path / "cert.pem", server.url("main.m3u8"), status=None)
    server.quit()
    check_equal(report, server.log())
    assert report["segments"] == 2 * 4
    assert report["tls_handshakes"] == report["tcp_connects"] == report.count("tls_handshake")


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_ipv6_is_counted_as_ipv4(shoal, nginx, vod):
    server = nginx(vod("ts", duration_s=4, segment_s=1), address="::1")
    report = shoal.run(*ENGINE, "--viewers", 2, "--ramp", "5/s", "--once",
                       server.url("main.m3u8"), status=None)
    server.quit()
    check_equal(report, server.log())
    assert report["segments"] == 2 * 4
    assert report.count("tcp_connect") == report["tcp_connects"]


@pytest.mark.slow
def test_killed_players_neither_lose_nor_double_a_count(shoal, nginx, live, tmp_path):
    live(tmp_path / "www", kind="muxed", segment_s=1)
    server = nginx(tmp_path / "www")
    run = shoal.start(*ENGINE, "--viewers", 8, "--ramp", "8/s", "--duration", "20s",
                      server.url("live.m3u8"))
    killed = 0
    for _ in range(3):
        goal = len(server.log()) + 40
        wait_for(lambda goal=goal: len(server.log()) > goal, "the swarm to play", 20)
        for pid in children_of(run.pid)[:3]:
            if program_of(pid) == "ffmpeg":
                os.kill(pid, signal.SIGKILL)
                killed += 1
    report = run.finish()
    server.quit()
    log = server.log()
    assert killed >= 6
    assert report["player_restarts"] == killed
    assert report["player_processes_started"] == 8 + killed
    assert report["sessions_started"] == report["sessions_ended"] == 8
    report.check_balance()
    # A request that was on its way when its player was killed may be in the server's log.
    open_at_death = len(log) - report["http_responses"]
    assert 0 <= open_at_death <= report["requests_aborted"] + report["requests_failed"]
    good = [row for row in log if row["status"] in (200, 206)]
    whole = report["segments"] + report["bodies_aborted"] + report["playlists"]
    assert 0 <= len(good) - whole <= open_at_death
    # A player's death is a stall of its viewer; the latencies know nothing of it.
    assert 3 <= report["stalls"] <= killed
    assert report["stall_time_us"] >= report["stalls"] * 0.4e6
    assert report.json["histograms"]["segment_first_byte"]["max_s"] < 1


ABSENT_COUNTERS = {"dns_lookups", "cookies_dropped", "playlists_unchanged", "segments_gap",
                   "variant_switches", "deadline_missed"}
ABSENT_HISTOGRAMS = {"dns", "segment_download", "edge_latency", "deadline_slack"}


def test_what_a_log_does_not_tell_is_absent(shoal, nginx, vod):
    server = nginx(vod("ts", duration_s=4, segment_s=1), server="add_header X-Cache HIT;")
    report = shoal.run(*ENGINE, "--viewers", 1, "--once", server.url("main.m3u8"), status=None)
    assert report["segments"] == 4
    assert set(report.json["absent"]) == (ABSENT_COUNTERS | ABSENT_HISTOGRAMS |
                                          {"playlist_unchanged_ratio"})
    assert not ABSENT_COUNTERS & set(report.json["counters"])
    assert not ABSENT_HISTOGRAMS & set(report.json["histograms"])
    assert "Not told by this engine" in report.output
    assert report.count("segment_first_byte") == 4
    # What it does tell besides: who answered, and what caches said.
    assert report.labels("server_responses") == {"127.0.0.1": 5}
    assert report["cache_hits"] == 5 and report["cache_misses"] == 0
    status, _, errors = shoal.command("run", *ENGINE, "--threshold",
                                      "p99(segment_download)<1s", server.url("main.m3u8"))
    assert status == 2 and "cannot tell" in errors
