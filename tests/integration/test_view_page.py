"""The page in a real Chromium: its figures are the API's, its plots move, nothing complains."""
import json
import os
import pathlib
import shutil

import pytest

from helpers.process import wait_for
from view_tools import Browser, url_of

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")]
LIVE = ("--stream", "name=live,segment=1s,bitrates=300k+600k")


@pytest.fixture
def browser(tmp_path):
    browsers = []

    def start(**options):
        one = Browser(tmp_path, **options)
        browsers.append(one)
        return one
    yield start
    for one in browsers:
        one.end()


def keep(browser, tmp_path, name):
    """Screenshots are artefacts: in SHOAL_ARTEFACTS, or beside the test's other files."""
    folder = pathlib.Path(os.environ.get("SHOAL_ARTEFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    browser.screenshot(folder / name)
    assert (folder / name).stat().st_size > 20000


def test_live_page(shoal, origin, browser, tmp_path):
    server = origin(*LIVE, "--fault", "status=503,path=*.ts,p=0.05")
    run = shoal.start("--viewers", 30, "--ramp", "1s", "--duration", "90s", "--listen",
                      "127.0.0.1:0", "--threshold", "count(stalls)==0",
                      f"{server.base}/live/index.m3u8")
    page = browser()
    page.open(url_of(run) + "/")
    rows = wait_for(lambda: int(page.value("document.body.dataset.row") or 0) or None,
                    "the first event", 15)
    wait_for(lambda: int(page.value("document.body.dataset.row")) >= rows + 3, "three rows more")
    assert page.value("plots.charts.length") >= 6
    assert page.value("plots.charts[1].data.datasets[0].data.length") >= 3
    wait_for(lambda: page.value("document.getElementById('link').textContent") == "live", "live")

    # What is shown is what the API said, formatted.
    shown = page.value("""JSON.stringify({
        segments: document.getElementById('tile-segments').textContent,
        expected: format.number(newest.windows['1s'].rates.segments),
        active: document.getElementById('tile-active').textContent,
        expectedActive: format.count(newest.windows['1s'].figures.viewers_active),
        failures: newest.failures.length, rows: document.querySelectorAll('#failures tbody tr').length,
        thresholds: document.querySelectorAll('#thresholds tbody tr').length,
        variants: document.querySelectorAll('#variants tbody tr').length})""")
    shown = json.loads(shown)
    assert shown["segments"] == shown["expected"] != "0"
    assert shown["active"] == shown["expectedActive"] == "30"
    assert shown["failures"] > 0 and shown["rows"] >= shown["failures"]
    assert shown["thresholds"] == 1 and shown["variants"] >= 2
    keep(page, tmp_path, "page.png")

    # A run that is over stays to be read, and says so.
    run.interrupt()
    report = run.finish(60)
    wait_for(lambda: page.value("document.getElementById('link').textContent") ==
             "the run is over", "the end")
    assert "last figures" in page.value("document.getElementById('notice').textContent")
    assert page.value("newest.counters.segments") == report["segments"]
    # It may have asked once more before it knew; the browser itself tells the console of that.
    assert [text for text in page.complaints() if "ERR_CONNECTION_REFUSED" not in text] == []


def test_phone_and_dark(shoal, origin, browser, tmp_path):
    server = origin(*LIVE)
    run = shoal.start("--viewers", 5, "--duration", "20s", "--listen", "127.0.0.1:0",
                      f"{server.base}/live/index.m3u8")
    page = browser(width=500, height=900, dark=True)
    page.open(url_of(run) + "/")
    wait_for(lambda: int(page.value("document.body.dataset.row") or 0) >= 3, "rows", 20)
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 29)"
    keep(page, tmp_path, "phone.png")
    assert page.complaints() == []


def test_phone_and_wall(shoal, origin, browser, tmp_path):
    """Nothing is wider than a phone or stands letter below letter, whatever URLs are shown; a wall
    screen shows plots, verdict, times, quality and failures without scrolling."""
    server = origin(*LIVE, "--fault", "status=503,path=*.ts,p=0.2")
    run = shoal.start("--viewers", 40, "--duration", "40s", "--listen", "127.0.0.1:0",
                      "--origin-metrics", f"{server.base}/_origin/metrics", "--threshold",
                      "count(stalls)==0", f"{server.base}/live/index.m3u8")
    page = browser()
    page.open(url_of(run) + "/")
    page.resize(390, 844, mobile=True)
    wait_for(lambda: page.value("document.querySelectorAll('#samples tbody tr').length > 3 && "
                                "document.querySelectorAll('#origin tbody tr').length == 1"),
             "failures and the exporter", 20)
    assert page.value("document.documentElement.scrollWidth") == 390
    assert page.value("Math.max(...[...document.querySelectorAll('.stacked tr')]"
                      ".map((row) => row.offsetHeight))") < 120
    keep(page, tmp_path, "phone-failures.png")
    for width, height in ((1920, 1080), (2560, 1440), (3840, 2160)):
        page.resize(width, height)
        for name in ("thresholds", "times", "quality", "failures"):
            assert page.value(f"document.getElementById('{name}').getBoundingClientRect().bottom "
                              "<= innerHeight"), (name, width)
        assert page.value("[...document.querySelectorAll('#plots .plot')]"
                          ".every((plot) => plot.getBoundingClientRect().bottom <= innerHeight)")
        assert page.value("parseFloat(getComputedStyle(document.body).fontSize) / innerWidth") > 0.0075
    keep(page, tmp_path, "wall.png")
    assert page.complaints() == []


def test_page_without_the_token(shoal, origin, browser):
    """It says what is missing, and with the token it shows the figures and the controls."""
    server = origin(*LIVE)
    run = shoal.start("--viewers", 2, "--duration", "60s", "--listen", "127.0.0.1:0",
                      "--listen-token", "s3cret", "--max-viewers", 10,
                      f"{server.base}/live/index.m3u8")
    base = url_of(run)
    page = browser()
    page.open(base + "/")
    wait_for(lambda: "?token=" in (page.value("document.getElementById('notice').textContent") or ""),
             "the page to ask for the token", 15)
    page.open(base + "/?token=s3cret")
    wait_for(lambda: page.value("document.getElementById('tile-active').textContent") == "2",
             "figures", 15)
    page.value("document.getElementById('more').click()")
    wait_for(lambda: page.value("document.getElementById('tile-active').textContent") == "3",
             "one more viewer", 15)
    page.value("document.getElementById('stop').click()")
    assert run.finish(30).status == 130
    wait_for(lambda: page.value("document.getElementById('control').hidden"),
             "the controls to go with the run", 15)


def test_html_report(shoal, origin, browser, tmp_path):
    server = origin(*LIVE)
    html = tmp_path / "report.html"
    report = shoal.run("--viewers", 5, "--duration", "4s", "--html", html,
                       f"{server.base}/live/index.m3u8", status=None)
    page = browser()
    page.open(html.as_uri())
    wait_for(lambda: page.value("document.querySelectorAll('#counters tbody tr').length > 5"),
             "the tables", 15)
    assert page.value("report.counters.segments") == report["segments"]
    assert page.value("plots !== undefined") is not False
    assert page.value("document.getElementById('result').textContent") == \
        ("passed" if report.status == 0 else "not to be trusted")
    keep(page, tmp_path, "report.png")
    assert page.complaints() == []


def test_page_finds_the_swarm_again(shoal, origin, browser):
    """The page stays open between two runs on one port and goes on with the second."""
    server = origin(*LIVE)
    first = shoal.start("--viewers", 2, "--duration", "60s", "--listen", "127.0.0.1:0",
                        f"{server.base}/live/index.m3u8")
    base = url_of(first)
    page = browser()
    page.open(base + "/")
    wait_for(lambda: int(page.value("document.body.dataset.row") or 0) >= 1, "an event", 15)
    first.signal(9)
    wait_for(lambda: "trying again" in page.value("document.getElementById('link').textContent"),
             "the loss to show", 20)
    port = base.rsplit(":", 1)[1]
    shoal.start("--viewers", 3, "--duration", "30s", "--listen", f"127.0.0.1:{port}",
                f"{server.base}/live/index.m3u8")
    wait_for(lambda: page.value("document.getElementById('tile-active').textContent") == "3" and
             page.value("document.getElementById('link').textContent") == "live",
             "the second run", 30)
