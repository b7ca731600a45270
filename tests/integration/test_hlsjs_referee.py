"""Is `--player hlsjs` what hls.js does? It plays in headless Chromium beside a native viewer, and
the server's log tells them apart.

Needs npm's hls.js and playwright-core in the folder named by SHOAL_NODE_MODULES (`npm install
--prefix FOLDER hls.js@1 playwright-core`), and Chromium; left out otherwise."""
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess

import pytest

from helpers.media import start_live
from helpers.nginx import Nginx
from helpers.process import wait_for
from helpers.shoal import Shoal
from helpers.traces import Trace, check_same_segments, median_shift

MODULES = pathlib.Path(os.environ.get("SHOAL_NODE_MODULES", "/nonexistent"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = pathlib.Path(__file__).parent / "referee"

pytestmark = [
    pytest.mark.skipif(not (MODULES / "hls.js").exists() or CHROMIUM is None,
                       reason="no hls.js or no Chromium: see the module's first lines"),
    # One worker, which plays the streams once for all tests.
    pytest.mark.xdist_group("hlsjs_referee"),
]


SECONDS = 22
STREAMS = {"live": "live/live.m3u8", "vod": "vod/main.m3u8"}


class Played:
    """Both players of each stream, and what became of them."""

    def __init__(self, server, outcomes, runs):
        self.root = server.root
        self.outcomes = dict(zip(STREAMS, outcomes))
        self.reports = {name: run.finish(SECONDS + 40) for name, run in runs.items()}
        server.quit()
        log = [row for row in server.log() if not row["uri"].startswith(("/page", "/hls."))]
        self.real = {name: Trace(log, f"real {name}") for name in STREAMS}
        self.model = {name: Trace(log, f"model {name}") for name in STREAMS}


@pytest.fixture(scope="module")
def played(tmp_path_factory, vod):
    """Both streams at the same time: one browser, a page for each, and a viewer beside each."""
    folder = tmp_path_factory.mktemp("hlsjs")
    root = folder / "www"
    shutil.copytree(vod("ts", duration_s=24, segment_s=2), root / "vod")
    shutil.copy(HERE / "page.html", root)
    shutil.copy(MODULES / "hls.js/dist/hls.min.js", root)
    server = Nginx(folder / "nginx", root,
                   server="location = /page.html { default_type text/html; } "
                          "location = /hls.min.js { default_type text/javascript; }")
    shoal = Shoal(folder)
    with contextlib.ExitStack() as ends:
        packager = start_live(root / "live", kind="muxed", segment_s=1, ready_segments=6)
        ends.callback(packager.end)
        ends.callback(server.end)
        ends.callback(shoal.end)
        server.start()
        packager.wait_ready()
        pages = [word for name, path in STREAMS.items()
                 for word in (server.url(f"page.html?stream={path}"), f"real {name}")]
        browser = subprocess.Popen(["node", HERE / "play.mjs", MODULES, CHROMIUM, str(SECONDS),
                                    *pages], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        ends.callback(browser.wait, 10)
        ends.callback(browser.kill)
        # Both at once: a browser takes seconds to be there on a busy machine.
        wait_for(lambda: {f"/{path}" for path in STREAMS.values()} <= set(server.paths()),
                 "the browser asking for its playlists", 60)
        runs = {name: shoal.start("--player", "hlsjs", "--user-agent", f"model {name}",
                                  "--viewers", 1, "--duration", f"{SECONDS}s", server.url(path))
                for name, path in STREAMS.items()}
        outcomes = json.loads(browser.communicate(timeout=SECONDS + 60)[0])
        yield Played(server, outcomes, runs)


def pair(played, name):
    assert played.outcomes[name]["errors"] == []
    assert played.reports[name].failures() == {}
    return played.real[name], played.model[name]


@pytest.mark.slow
def test_live(played):
    real, model = pair(played, "live")
    check_same_segments(real, model, "/live", played.root)
    for trace in (real, model):
        # A playlist each target duration, from request to request.
        gaps = trace.gaps(trace.playlists())[2:]
        assert statistics.median(gaps) == pytest.approx(1, abs=0.05), gaps
        segments = trace.gaps(trace.media()["/live"])[4:]
        assert statistics.median(segments) == pytest.approx(1, abs=0.15), segments
    share = len(model.rows) / (model.rows[-1]["asked"] - model.start)
    share_real = len(real.rows) / (real.rows[-1]["asked"] - real.start)
    assert share == pytest.approx(share_real, rel=0.15)
    assert played.outcomes["live"]["position"] > SECONDS / 2
    assert model.connections() <= 2 and real.connections() <= 3
    assert played.reports["live"]["stalls"] == 0


@pytest.mark.slow
def test_vod(played):
    """The whole stream fits into its buffer, and is fetched in order as fast as it comes."""
    real, model = pair(played, "vod")
    assert [row["uri"] for row in real.rows] == [row["uri"] for row in model.rows]
    for trace in (real, model):
        assert trace.rows[-1]["asked"] - trace.start < 5
    assert abs(median_shift(real, model, "/vod")) < 2
