"""Is `--player hlsjs` what hls.js does? It plays in headless Chromium beside a native viewer, and
the server's log tells them apart.

Needs npm's hls.js and playwright-core in the folder named by SHOAL_NODE_MODULES (`npm install
--prefix FOLDER hls.js@1 playwright-core`), and Chromium; left out otherwise."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess

import pytest

from helpers.process import wait_for
from helpers.traces import Trace, check_same_segments, median_shift

MODULES = pathlib.Path(os.environ.get("SHOAL_NODE_MODULES", "/nonexistent"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = pathlib.Path(__file__).parent / "referee"

pytestmark = pytest.mark.skipif(not (MODULES / "hls.js").exists() or CHROMIUM is None,
                                reason="no hls.js or no Chromium: see the module's first lines")


def play_both(shoal, nginx, folder, path, seconds):
    shutil.copy(HERE / "page.html", folder)
    shutil.copy(MODULES / "hls.js/dist/hls.min.js", folder)
    server = nginx(folder, server="location = /page.html { default_type text/html; } "
                                  "location = /hls.min.js { default_type text/javascript; }")
    browser = subprocess.Popen(["node", HERE / "play.mjs", MODULES, CHROMIUM,
                                server.url(f"page.html?stream={path}"), str(seconds), "real"],
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        # Both at once: a browser takes seconds to be there on a busy machine.
        wait_for(lambda: any(row["uri"] == f"/{path}" for row in server.log()),
                 "the browser asking for its playlist", 60)
        run = shoal.start("--player", "hlsjs", "--user-agent", "model", "--viewers", 1,
                          "--duration", f"{seconds}s", server.url(path))
        report = run.finish(seconds + 40)
        outcome = json.loads(browser.communicate(timeout=seconds + 60)[0])
    finally:
        browser.kill()
        browser.wait(10)
    server.quit()
    log = [row for row in server.log() if not row["uri"].startswith(("/page", "/hls."))]
    assert outcome["errors"] == [] and report.failures() == {}
    return Trace(log, "real"), Trace(log, "model"), outcome, report


@pytest.mark.slow
def test_live(shoal, nginx, live, tmp_path):
    live(tmp_path / "www", kind="muxed", segment_s=2, ready_segments=6)
    real, model, outcome, report = play_both(shoal, nginx, tmp_path / "www", "live.m3u8", 40)
    check_same_segments(real, model, "", ends=2)
    for trace in (real, model):
        # A playlist each target duration, from request to request.
        gaps = trace.gaps(trace.playlists())[2:]
        assert statistics.median(gaps) == pytest.approx(2, abs=0.1), gaps
        segments = trace.gaps(trace.media()[""])[4:]
        assert statistics.median(segments) == pytest.approx(2, abs=0.3), segments
    share = len(model.rows) / (model.rows[-1]["asked"] - model.start)
    share_real = len(real.rows) / (real.rows[-1]["asked"] - real.start)
    assert share == pytest.approx(share_real, rel=0.15)
    assert outcome["position"] > 25
    assert model.connections() <= 2 and real.connections() <= 3
    assert report["stalls"] == 0


@pytest.mark.slow
def test_vod(shoal, nginx, vod, tmp_path):
    """The whole stream fits into its buffer, and is fetched in order as fast as it comes."""
    folder = tmp_path / "www"
    shutil.copytree(vod("ts", duration_s=24, segment_s=2), folder)
    real, model, _, _ = play_both(shoal, nginx, folder, "main.m3u8", 15)
    assert [row["uri"] for row in real.rows] == [row["uri"] for row in model.rows]
    for trace in (real, model):
        assert trace.rows[-1]["asked"] - trace.start < 5
    assert abs(median_shift(real, model)) < 2
