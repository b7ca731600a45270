"""Is `--player gstreamer` what GStreamer does? gst-launch-1.0 and a native viewer play one stream
at the same time, and the server's log tells them apart: which URLs, how often, in which order,
when, over how many connections. What differs is in docs/player-referee.md.

Needs GStreamer 1.22, the version that the profile stands for, with the elements named below;
left out otherwise."""
import contextlib
import shutil
import statistics
import subprocess

import pytest

from helpers.media import segments_of, start_live
from helpers.nginx import PREFLIGHT, Nginx
from helpers.process import Process, wait_for
from helpers.shoal import Shoal
from helpers.traces import Trace, check_same_segments, median_shift, number_of

ELEMENTS = ("playbin3", "hlsdemux2", "souphttpsrc", "tsdemux", "qtdemux", "h264parse", "aacparse",
            "avdec_h264", "avdec_aac", "fakesink")
# What a real-time sink is; without `sync` it plays as fast as it can.
SINK = "fakesink sync=true"

# How long both play, where nothing ends it before.
SECONDS, STORM_S = 12, 4


def why_not():
    """Why there is no such GStreamer here; empty when there is."""
    if shutil.which("gst-launch-1.0") is None or shutil.which("gst-inspect-1.0") is None:
        return "no gst-launch-1.0"
    version = subprocess.run(["gst-launch-1.0", "--version"], capture_output=True, text=True,
                             check=False).stdout
    if " 1.22." not in version:
        return f"not GStreamer 1.22: {version.splitlines()[:1]}"
    missing = [name for name in ELEMENTS
               if subprocess.run(["gst-inspect-1.0", "--exists", name], check=False,
                                 capture_output=True).returncode != 0]
    return f"GStreamer without {', '.join(missing)}" if missing else ""


WHY_NOT = why_not()

pytestmark = [
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "all is there"),
    # One worker, which plays the streams once for all tests.
    pytest.mark.xdist_group("gstreamer_referee"),
]


class Stream:
    """A stream on a server of its own, and both players of it. What is in the folder 404, 503 or
    444 under its own path is answered with that status (444: the connection is closed)."""

    def __init__(self, folder, root, path, seconds=SECONDS, server=""):
        self.folder, self.path, self.seconds = folder, path, seconds
        for status in (404, 503, 444):
            server += f" if (-f {folder}/{status}$uri) {{ return {status}; }}"
        self.server = Nginx(folder / "nginx", root, server=server)
        self.shoal = Shoal(folder)

    def fail(self, path, status):
        name = self.folder / str(status) / path
        name.parent.mkdir(parents=True, exist_ok=True)
        name.touch()

    def begin(self):
        self.server.start()
        # It dumps no core where it aborts.
        self.player = Process(["prlimit", "--core=0", "gst-launch-1.0", "playbin3",
                               f"uri={self.server.url(self.path)}", f"video-sink={SINK}",
                               f"audio-sink={SINK}"], self.folder / "gst.log")

    def join(self):
        """The viewer comes once the player has got there: on a busy machine it takes a while."""
        wait_for(self.server.log, "GStreamer's first request", 30)
        self.run = self.shoal.start("--player", "gstreamer", "--user-agent", "model", "--viewers", 1,
                                    "--once", "--duration", f"{self.seconds}s",
                                    self.server.url(self.path))

    def asked(self, path):
        """How often each of the two has asked for it, the one that did so less often first."""
        log = self.server.log()
        return sorted(sum(row["uri"] == path and (row["agent"] == "model") == model for row in log)
                      for model in (False, True))

    def finish(self):
        self.report = self.run.finish(SECONDS + 40)
        self.ended = not self.player.alive()
        self.player.end()
        self.server.quit()
        log = self.server.log()
        agents = {row["agent"] for row in log} - {"model"}
        assert len(agents) == 1, agents
        self.real, self.model = Trace(log, agents.pop()), Trace(log, "model")

    def end(self):
        if hasattr(self, "player"):
            self.player.end()
        self.shoal.end()
        self.server.end()


def make_streams(folder, lives, ts, abr):
    """All of them, by name; `lives` are the folders of the live ones by kind."""
    found = {}

    def add(name, root, path, **options):
        (folder / name).mkdir()
        found[name] = Stream(folder / name, root, path, **options)
        return found[name]

    add("live", lives["muxed"], "live.m3u8")
    add("live_abr", lives["abr"], "main.m3u8")
    add("live_fmp4", lives["fmp4"], "live.m3u8")
    add("live_gone", lives["muxed"], "live.m3u8")
    add("live_hole", lives["muxed"], "live.m3u8")
    add("vod", ts, "main.m3u8")
    add("vod_abr", abr, "main.m3u8")
    add("vod_503", ts, "main.m3u8", seconds=STORM_S).fail("s004.ts", 503)
    add("vod_404", ts, "main.m3u8").fail("s004.ts", 404)
    add("vod_444", ts, "main.m3u8").fail("s004.ts", 444)
    # Missing playlists are there for the look that Shoal takes before a run.
    for name, path in (("no_multivariant", "multi.m3u8"), ("no_media", "main.m3u8")):
        add(name, ts, "multi.m3u8", server=f"location = /{path} {{ if ($http_user_agent !~ "
                                           f"^{PREFLIGHT}) {{ return 404; }} }}")
    return found


def fail_while_playing(streams, live):
    """The playlist of one goes, and of the other a segment that is yet to come."""
    for name in ("live_gone", "live_hole"):
        wait_for(lambda name=name: streams[name].asked("/live.m3u8")[0] >= 3, "both to play", 30)
    newest = number_of(f"/{segments_of(live / 'live.m3u8')[-1]}")
    streams["live_hole"].fail(f"s{newest + 2:05d}.ts", 404)
    streams["live_gone"].fail("live.m3u8", 404)


@pytest.fixture(scope="module")
def streams(tmp_path_factory, vod):
    """All streams at the same time: each player's time is its media's, and none takes more than a
    few per cent of a core once it plays."""
    folder = tmp_path_factory.mktemp("gstreamer")
    ts = folder / "ts"
    shutil.copytree(vod("ts", duration_s=50, segment_s=2), ts)
    (ts / "multi.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=200000\nmain.m3u8\n")
    abr = vod("abr", duration_s=50, segment_s=2)
    lives = {kind: folder / kind for kind in ("muxed", "abr", "fmp4")}
    with contextlib.ExitStack() as ends:
        packagers = [start_live(root, kind=kind, segment_s=1.6 if kind == "fmp4" else 1,
                                ready_segments=4 if kind == "fmp4" else 6)
                     for kind, root in lives.items()]
        for packager in packagers:
            ends.callback(packager.end)
        for packager in packagers:
            packager.wait_ready()
        found = make_streams(folder, lives, ts, abr)
        for stream in found.values():
            ends.callback(stream.end)
            stream.begin()
        for stream in found.values():
            stream.join()
        fail_while_playing(found, lives["muxed"])
        for stream in found.values():
            stream.finish()
        yield found


def pair(streams, name):
    stream = streams[name]
    stream.report.check_balance()
    assert stream.report["tcp_connects"] == stream.model.connections()
    for trace in (stream.real, stream.model):
        assert trace.ranges() == {""}
        for row in trace.rows:
            first, playlist = row is trace.rows[0], row["uri"].endswith(".m3u8")
            assert row["encoding"] == ("identity" if first else "gzip, deflate" if playlist else "")
        first = trace.rows[0]["connection"]
        assert [row["uri"] for row in trace.rows if row["connection"] == first] == [
            trace.rows[0]["uri"]]
        assert trace.after_errors() == []
    return stream.real, stream.model, stream


def pair_that_plays_on(streams, name):
    """The same, both to where the first of them was stopped."""
    real, model, stream = pair(streams, name)
    seconds = min(trace.rows[-1]["asked"] - trace.start for trace in (real, model))
    for trace in (real, model):
        trace.cut(seconds)
    return real, model, stream


def answers(trace):
    return [(row["uri"], row["status"]) for row in trace.rows]


def check_cadence(trace, playlist, segments, every_s):
    gaps = trace.gaps([row for row in trace.playlists() if row["uri"] == playlist])[1:]
    assert statistics.median(gaps) == pytest.approx(every_s, abs=0.05), gaps
    # One playlist a segment after those of the start.
    return len(segments) - len(gaps)


@pytest.mark.slow
def test_live(streams):
    real, model, stream = pair_that_plays_on(streams, "live")
    check_same_segments(real, model, "", stream.server.root)
    for trace in (real, model):
        # Four segments at once, then a playlist and a segment each segment's length.
        kinds = "".join("P" if row["uri"].endswith(".m3u8") else "s" for row in trace.rows)
        assert kinds.startswith("PssssPs"), kinds
        check_cadence(trace, "/live.m3u8", trace.segments(), 1)
        assert statistics.median(trace.gaps(trace.media()[""])[4:]) == pytest.approx(1, abs=0.1)
        assert trace.connections() == 2
    assert abs(median_shift(real, model)) < 0.5
    assert stream.report.failures() == {} and stream.report["stalls"] == 0


@pytest.mark.slow
def test_live_abr_with_audio_apart(streams):
    real, model, stream = pair_that_plays_on(streams, "live_abr")
    for folder in ("/v0", "/v2"):
        check_same_segments(real, model, folder, stream.server.root)
        for trace in (real, model):
            check_cadence(trace, f"{folder}/index.m3u8", trace.segments(folder), 1)
    for trace in (real, model):
        assert not [row for row in trace.rows if row["uri"].startswith("/v1")]
        assert trace.rows[0]["uri"] == "/main.m3u8"
        assert {row["uri"] for row in trace.playlists()[1:3]} == {"/v0/index.m3u8",
                                                                  "/v2/index.m3u8"}
        assert 2 <= trace.connections() <= 3
    assert stream.report.failures() == {} and stream.report["stalls"] == 0


@pytest.mark.slow
def test_live_reloads_by_version(streams):
    """EXT-X-VERSION 7, segments of 1.6 s, a target duration of 2 s: it takes the latter."""
    real, model, stream = pair_that_plays_on(streams, "live_fmp4")
    check_same_segments(real, model, "", stream.server.root, segment_s=1.6)
    for trace in (real, model):
        check_cadence(trace, "/live.m3u8", trace.segments(), 2)
        assert sum(row["uri"] == "/init.mp4" for row in trace.rows) == 1
        assert trace.rows[1]["uri"] == "/init.mp4"
        assert trace.connections() == 2


@pytest.mark.slow
@pytest.mark.parametrize("name, folders", [("vod", [""]), ("vod_abr", ["/v0", "/v2"])])
def test_vod(streams, name, folders):
    """As much as 30 s hold at once, 16 segments; then one each time there is room for it."""
    real, model, _ = pair_that_plays_on(streams, name)
    for folder in folders:
        for trace in (real, model):
            numbers = [number_of(uri) for uri in trace.segments(folder)]
            assert numbers == list(range(len(numbers))) and len(numbers) >= 16 + 4
            gaps = trace.gaps(trace.media()[folder])
            assert max(gaps[:15]) < 1 and gaps[15] > 1, gaps
            assert statistics.median(gaps[16:]) == pytest.approx(2, abs=0.1), gaps
        assert abs(len(real.segments(folder)) - len(model.segments(folder))) <= 1
    for trace in (real, model):
        assert {row["uri"] for row in trace.playlists()} == {
            "/main.m3u8", *(f"{folder}/index.m3u8" for folder in folders if folder)}
        assert len(trace.playlists()) == 1 + len([folder for folder in folders if folder])
        assert 2 <= trace.connections() <= 1 + len(folders)


@pytest.mark.slow
def test_segment_answered_with_503_without_end(streams):
    real, model, stream = pair(streams, "vod_503")
    for trace in (real, model):
        assert answers(trace)[:5] == [("/main.m3u8", 200),
                                      *((f"/s00{i}.ts", 200) for i in range(4))]
        storm = trace.rows[5:]
        assert {(row["uri"], row["status"]) for row in storm} == {("/s004.ts", 503)}
        # Each over a connection of its own, but for the first.
        assert len({row["connection"] for row in storm}) == len(storm)
        assert trace.connections() == 1 + len(storm)
        assert 0.010 <= statistics.median(trace.gaps(storm)) <= 0.030
    assert not stream.ended
    assert stream.report["retries"] == len(model.rows) - 6


@pytest.mark.slow
@pytest.mark.parametrize("name, tries, connections", [("vod_404", 4, 5), ("vod_444", 5, 6)])
def test_segment_that_fails_ends_it_soon(streams, name, tries, connections):
    """444: the kept connection is closed instead of an answer, which libsoup tries again of its
    own, as does our transport."""
    real, model, stream = pair(streams, name)
    assert answers(real) == answers(model)
    assert answers(real)[5:] == [("/s004.ts", int(name[-3:]))] * tries
    assert real.connections() == model.connections() == connections
    assert stream.ended and stream.report["sessions_failed"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("name, expected", [
    ("no_multivariant", [("/multi.m3u8", 404)]),
    ("no_media", [("/multi.m3u8", 200), ("/main.m3u8", 404)])])
def test_playlist_that_never_comes(streams, name, expected):
    real, model, stream = pair(streams, name)
    assert answers(real) == answers(model) == expected
    assert real.connections() == model.connections() == len(expected)
    assert stream.ended and stream.report["sessions_failed"] == 1


@pytest.mark.slow
def test_live_playlist_that_goes(streams):
    """Three more tries at the pace of reloads."""
    real, model, stream = pair(streams, "live_gone")
    for trace in (real, model):
        missing = [row for row in trace.rows if row["status"] == 404]
        assert {row["uri"] for row in missing} == {"/live.m3u8"}
        assert len(missing) == 4 and trace.rows[-4:] == missing
        assert trace.gaps(missing) == pytest.approx([1, 1, 1], abs=0.15)
        assert trace.connections() == 2 + 3
    assert stream.ended and stream.report["sessions_failed"] == 1


@pytest.mark.slow
def test_live_segment_that_is_missing(streams):
    """A storm, live for 4xx too, that an assertion ends at a reload: behind the window."""
    real, model, stream = pair(streams, "live_hole")
    reloads = []
    for trace in (real, model):
        begin = next(i for i, row in enumerate(trace.rows) if row["status"] == 404)
        storm = [row for row in trace.rows[begin:] if row["status"] == 404]
        assert len({row["uri"] for row in storm}) == 1
        assert len({row["connection"] for row in storm}) == len(storm)
        assert 0.010 <= statistics.median(trace.gaps(storm)) <= 0.030
        rest = [row["uri"] for row in trace.rows[begin:] if row["status"] != 404]
        assert set(rest) == {"/live.m3u8"}
        # A try may be on its way at that moment.
        assert trace.playlists()[-1]["asked"] >= storm[-1]["asked"] - 0.02
        reloads.append(len(rest))
    assert abs(reloads[0] - reloads[1]) <= 1 and max(reloads) <= 3, reloads
    assert stream.ended and stream.report["sessions_failed"] == 1
