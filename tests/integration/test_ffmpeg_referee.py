"""Is `--player ffmpeg` what ffmpeg does? Both play one stream at the same time, and the server's
log tells them apart: which URLs, how often, in which order, when, over how many connections.
What differs on purpose is in docs/player-referee.md."""
import statistics

import pytest

from helpers.traces import Trace, check_same_segments, median_shift


def play_both(shoal, server, path, seconds, variant="first", once=False):
    length = ["--once"] if once else ["--duration", f"{seconds}s"]
    runs = [shoal.start(*which, "--viewers", 1, *length, "--variant", variant,
                        server.url(path))
            for which in (("--engine", "ffmpeg", "--user-agent", "real"),
                          ("--player", "ffmpeg", "--user-agent", "model"))]
    reports = [run.finish(seconds + 40) for run in runs]
    server.quit()
    log = server.log()
    real, model = Trace(log, "real"), Trace(log, "model")
    for report in reports:
        assert report.failures() == {}, report.output
        report.check_balance()
    assert real.ranges() == model.ranges() == {"bytes=0-"}
    return real, model, reports


@pytest.mark.slow
def test_live(shoal, nginx, live, tmp_path):
    live(tmp_path / "www", kind="muxed", segment_s=2)
    real, model, _ = play_both(shoal, nginx(tmp_path / "www"), "live.m3u8", 40)
    check_same_segments(real, model, "")
    # Two segments at once at the start, then one each segment's length.
    for trace in (real, model):
        times = sorted(trace.times().values())
        assert times[1] < 0.5
        assert statistics.median(trace.gaps(trace.media()[""])[1:]) == pytest.approx(2, abs=0.1)
    assert abs(median_shift(real, model)) < 0.5
    # A playlist comes with every segment or every other: the boundary of a segment and the age of
    # the playlist are equally old, and which comes first turns on fractions of a frame.
    for trace in (real, model):
        share = len(trace.playlists()) / len(trace.segments())
        assert 0.45 <= share <= 1.05, share
    assert real.connections() == 4
    assert 2 <= model.connections() <= real.connections()


@pytest.mark.slow
def test_live_abr_with_audio_apart(shoal, nginx, live, tmp_path):
    live(tmp_path / "www", kind="abr", segment_s=2)
    real, model, _ = play_both(shoal, nginx(tmp_path / "www"), "main.m3u8", 30, variant="all")
    for folder in ("/v0", "/v1", "/v2"):
        check_same_segments(real, model, folder)
        assert abs(median_shift(real, model, folder)) < 0.5
    for trace in (real, model):
        # The multivariant playlist and each media playlist once, two segments of each, at once.
        burst = [row["uri"] for row in trace.rows if row["asked"] - trace.start < 1]
        assert len(burst) == 10
        assert burst[0] == "/main.m3u8"
        assert sorted(burst[1:4]) == [f"/v{i}/index.m3u8" for i in range(3)]
    assert abs(len(real.rows) - len(model.rows)) <= len(real.rows) * 0.25
    assert real.connections() == 8
    assert 4 <= model.connections() <= real.connections()


def test_vod(shoal, nginx, vod):
    real, model, reports = play_both(shoal, nginx(vod("ts", duration_s=14, segment_s=2)),
                                     "main.m3u8", 20, once=True)
    assert [row["uri"] for row in real.rows] == [row["uri"] for row in model.rows]
    for uri, at in real.times().items():
        assert model.times()[uri] == pytest.approx(at, abs=0.5), uri
    assert [report["segments"] for report in reports] == [7, 7]
    assert real.connections() == 3 and model.connections() == 2


def test_vod_abr_all(shoal, nginx, vod):
    real, model, _ = play_both(shoal, nginx(vod("abr", duration_s=8, segment_s=1)), "main.m3u8",
                               20, variant="all", once=True)
    assert (sorted(row["uri"] for row in real.rows) ==
            sorted(row["uri"] for row in model.rows))
    for folder in ("/v0", "/v1", "/v2"):
        assert real.segments(folder) == model.segments(folder)
