"""Stalls as reported against stalls as they must have been by nginx's log."""
import collections
import statistics

import pytest

from helpers.process import let_pass

SEGMENT_S = 1.0
VIEWERS = 200

# Each viewer is told apart by a cookie that its first answer sets.
COOKIES = """
    location / {
        if ($http_cookie = "") { add_header Set-Cookie "viewer=$connection"; }
    }
"""


def stalls_by_log(log):
    """Lengths of the stalls of all viewers, from when nginx had served their segments.

    A viewer plays from its first whole segment. Its buffer ends where the media that has
    arrived does; a segment that is complete later than that ends a stall.
    """
    viewers = collections.defaultdict(list)
    for row in log:
        if row["uri"].endswith(".ts"):
            viewers[row["cookie"]].append(row["at"])
    found = []
    for times in viewers.values():
        times.sort()
        end_s = times[0]
        for at in times:
            if at > end_s:
                found.append(at - end_s)
                end_s = at
            end_s += SEGMENT_S
    return found, len(viewers)


def play(shoal, server, during):
    run = shoal.start("--viewers", VIEWERS, "--ramp", "2s", "--duration", "20s", "--live-offset",
                      "2s", "--player", "hlsjs", server.url("live.m3u8"))
    during()
    report = run.finish()
    server.quit()
    report.check_balance()
    assert report["sessions_started"] == VIEWERS
    assert report["segments_skipped"] == 0
    return report


@pytest.fixture
def stream(nginx, live, tmp_path):
    live(tmp_path / "www", kind="muxed", segment_s=SEGMENT_S, window=8, ready_segments=6)
    return nginx(tmp_path / "www", server=COOKIES)


@pytest.mark.slow
def test_a_frozen_nginx_stalls_every_viewer_as_long_as_its_log_says(shoal, stream):
    def freeze():
        # The scenario: play, four seconds without an answer, play on. Buffers hold up to two, so
        # that for longer than the second between two rows of the report nobody plays.
        let_pass(9)
        stream.freeze()
        let_pass(4)
        stream.thaw()

    report = play(shoal, stream, freeze)
    expected, viewers = stalls_by_log(stream.log())
    assert viewers == VIEWERS
    assert report["stalls"] == len(expected) >= VIEWERS
    stall = report.json["histograms"]["stall"]
    assert stall["count"] == len(expected)
    for name, value in (("min_s", min(expected)), ("p50_s", statistics.median(expected)),
                        ("max_s", max(expected))):
        assert stall[name] == pytest.approx(value, abs=0.1), name
    assert stall["sum_s"] / len(expected) == pytest.approx(statistics.mean(expected), abs=0.1)
    assert report["stall_time_us"] / 1e6 == pytest.approx(stall["sum_s"], abs=0.01)
    rows = report.json["timeline"]
    assert max(row["viewers_stalled"] for row in rows) == VIEWERS


@pytest.mark.slow
def test_without_the_freeze_nobody_stalls(shoal, stream):
    report = play(shoal, stream, lambda: None)
    assert report["stalls"] == 0
    assert stalls_by_log(stream.log())[0] == []
    assert report.json["qoe"]["rebuffer_ratio"] == 0
