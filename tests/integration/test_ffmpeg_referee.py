"""Is `--player ffmpeg` what ffmpeg does? Both play one stream at the same time, and the server's
log tells them apart: which URLs, how often, in which order, when, over how many connections.
What differs on purpose is in docs/player-referee.md."""
import contextlib
import statistics

import pytest

from helpers.media import start_live
from helpers.nginx import Nginx
from helpers.players import ENGINE
from helpers.shoal import Shoal
from helpers.traces import Trace, check_same_segments, median_shift

# One worker, which plays the streams once for all tests.
pytestmark = pytest.mark.xdist_group("ffmpeg_referee")

SEGMENT_S = 1
LIVE_S = 20
STARTS_WITH = ["/main.m3u8", *(f"/v{i}/index.m3u8" for i in (2, 0, 1))]


class Stream:
    """A stream on a server of its own, and both players of it."""

    def __init__(self, folder, root, path, variant, once):
        self.path, self.variant, self.once = path, variant, once
        self.server = Nginx(folder / "nginx", root, server=f"if (-f {folder}/gone$uri) "
                                                           "{ return 404; }")
        self.shoal = Shoal(folder)
        self.runs = []

    def begin(self):
        length = ["--once"] if self.once else ["--duration", f"{LIVE_S}s"]
        self.runs = [self.shoal.start(*which, "--viewers", 1, *length, "--variant",
                                      self.variant, self.server.url(self.path))
                     for which in ((*ENGINE, "--user-agent", "real"),
                                   ("--player", "ffmpeg", "--user-agent", "model"))]

    def finish(self):
        self.reports = [run.finish(LIVE_S + 40) for run in self.runs]
        self.server.quit()
        log = self.server.log()
        self.real, self.model = Trace(log, "real"), Trace(log, "model")

    def end(self):
        self.shoal.end()
        self.server.end()


@pytest.fixture(scope="module")
def streams(tmp_path_factory, vod):
    """All streams at the same time: each player's time is its media's, and none takes more than a
    few per cent of a core once it plays."""
    folder = tmp_path_factory.mktemp("referee")
    with contextlib.ExitStack() as ends:
        for kind in ("muxed", "abr"):
            packager = start_live(folder / f"www-{kind}", kind=kind, segment_s=SEGMENT_S)
            ends.callback(packager.end)
            packager.wait_ready()
        found = {}
        abr = vod("abr", duration_s=8, segment_s=1)
        for name, root, path, variant in (
                ("live", folder / "www-muxed", "live.m3u8", "first"),
                ("live_abr", folder / "www-abr", "main.m3u8", "all"),
                ("vod", vod("ts", duration_s=14, segment_s=2), "main.m3u8", "first"),
                ("vod_abr", abr, "main.m3u8", "all"),
                ("vod_fmp4", vod("fmp4", duration_s=8, segment_s=1), "main.m3u8", "first"),
                ("vod_aes", vod("aes", duration_s=8, segment_s=1), "main.m3u8", "first"),
                ("vod_hole", abr, "v0/index.m3u8", "first"),
                ("vod_hole_first", abr, "v0/index.m3u8", "first")):
            (folder / name / "gone/v0").mkdir(parents=True)
            found[name] = Stream(folder / name, root, path, variant, name.startswith("vod"))
            ends.callback(found[name].end)
            found[name].server.start()
        (folder / "vod_hole/gone/v0/s004.ts").touch()
        (folder / "vod_hole_first/gone/v0/s000.ts").touch()
        for stream in found.values():
            stream.begin()
        for stream in found.values():
            stream.finish()
        yield found


def pair(streams, name):
    stream = streams[name]
    for report in stream.reports:
        assert report.failures() == {}, report.output
        report.check_balance()
    assert stream.real.ranges() == stream.model.ranges() == {"bytes=0-"}
    return stream.real, stream.model, stream


@pytest.mark.slow
def test_live(streams):
    real, model, stream = pair(streams, "live")
    check_same_segments(real, model, "", stream.server.root)
    # Two segments at once at the start, then one each segment's length.
    for trace in (real, model):
        times = sorted(trace.times().values())
        assert times[1] < 0.25
        gaps = trace.gaps(trace.media()[""])[1:]
        assert statistics.median(gaps) == pytest.approx(SEGMENT_S, abs=0.05)
        assert len(gaps) >= LIVE_S - 4
    assert abs(median_shift(real, model)) < 0.25
    # A playlist comes with every segment or every other: the boundary of a segment and the age of
    # the playlist are equally old, and which comes first turns on fractions of a frame.
    for trace in (real, model):
        share = len(trace.playlists()) / len(trace.segments())
        assert 0.45 <= share <= 1.05, share
    assert real.connections() == 4
    assert real.kinds_carried() == model.kinds_carried()


@pytest.mark.slow
def test_live_abr_with_audio_apart(streams):
    real, model, stream = pair(streams, "live_abr")
    for folder in ("/v0", "/v1", "/v2"):
        check_same_segments(real, model, folder, stream.server.root)
        assert abs(median_shift(real, model, folder)) < 0.25
        assert len(model.segments(folder)) >= LIVE_S - 3
    for trace in (real, model):
        # The multivariant playlist and each media playlist once, two segments of each, at once.
        burst = [row["uri"] for row in trace.rows if row["asked"] - trace.start < 0.5]
        assert len(burst) == 10
        # One playlist after the other, as the multivariant playlist names them: audio first.
        assert burst[:4] == STARTS_WITH
    assert abs(len(real.rows) - len(model.rows)) <= len(real.rows) * 0.25
    assert real.connections() == 8
    assert real.kinds_carried() == model.kinds_carried()


@pytest.mark.slow
def test_vod(streams):
    real, model, stream = pair(streams, "vod")
    assert [row["uri"] for row in real.rows] == [row["uri"] for row in model.rows]
    for uri, at in real.times().items():
        assert model.times()[uri] == pytest.approx(at, abs=0.5), uri
    assert [report["segments"] for report in stream.reports] == [7, 7]
    assert real.connections() == 3
    assert real.carried() == model.carried()


@pytest.mark.slow
def test_vod_abr_all(streams):
    real, model, _ = pair(streams, "vod_abr")
    assert real.connections() == 8
    assert real.carried() == model.carried()
    assert (sorted(row["uri"] for row in real.rows) ==
            sorted(row["uri"] for row in model.rows))
    for trace in (real, model):
        assert [row["uri"] for row in trace.rows[:4]] == STARTS_WITH
    for folder in ("/v0", "/v1", "/v2"):
        assert real.segments(folder) == model.segments(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ("vod_fmp4", "vod_aes"))
def test_vod_init_section_and_key(streams, name):
    real, model, _ = pair(streams, name)
    assert [row["uri"] for row in real.rows] == [row["uri"] for row in model.rows]
    assert real.carried() == model.carried()


@pytest.mark.slow
@pytest.mark.parametrize("name,missing,tries", (("vod_hole", 4, 5), ("vod_hole_first", 0, 1)))
def test_missing_segment(streams, name, missing, tries):
    """Asked for twice at once, with each 32 KiB that is played of the segment before, of which
    there is but one, and twice when playing comes to it; the first of a session once. Each time
    over another connection."""
    stream = streams[name]
    asked = ["/v0/index.m3u8"]
    for number in range(8):
        asked += [f"/v0/s{number:03d}.ts"] * (tries if number == missing else 1)
    for trace in (stream.real, stream.model):
        assert [row["uri"] for row in trace.rows] == asked
        failed = [row["connection"] for row in trace.rows if row["status"] == 404]
        assert len(failed) == len(set(failed)) == tries
        assert trace.after_errors() == []
    assert stream.real.connections() == stream.model.connections()
    for report in stream.reports:
        report.check_balance()
        assert report["segments"] == 7 and report["segments_skipped"] == 1
        assert report.failures() == {"status_4xx": tries}
