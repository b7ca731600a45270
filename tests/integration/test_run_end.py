"""How a run ends: signals at any moment, reports that cannot be written, descriptors missing."""
import json
import os
import resource
import signal
import subprocess

import pytest

from helpers.process import wait_for
from helpers.shoal import Report, shoal_path

LIVE = ("--stream", "name=live,segment=1s,bitrates=300k")


@pytest.fixture
def live_url(origin):
    return f"{origin(*LIVE).base}/live/index.m3u8"


def arguments(url, *more):
    return [shoal_path(), "run", "--no-tui", "--listen", "off", "--viewers", "20", "--ramp",
            "0s", *[str(word) for word in more], url]


def wait_playing(run):
    wait_for(lambda: " of 20 viewers" in run.log_text(), "a progress line", 20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_ends_the_run_with_its_report(shoal, live_url, number):
    run = shoal.start("--viewers", 20, live_url)
    wait_playing(run)
    os.kill(run.pid, number)
    report = run.finish(30)
    assert report.status == 130, report.output
    assert report["segments"] > 0
    report.check_balance()


def test_nohup_is_honoured(live_url, tmp_path):
    out = tmp_path / "out.json"
    done = subprocess.run(["sh", "-c", 'trap "" HUP; "$@" & sleep 1; kill -HUP $!; wait $!', "sh",
                           *arguments(live_url, "--duration", "3s", "--out", out)],
                          capture_output=True, text=True, timeout=40, check=False)
    report = Report(done.returncode, done.stderr, out)
    report.check_status(0)
    assert report.json["duration_s"] >= 2.9


@pytest.mark.parametrize("pause_s", [0.003, 0.02])
def test_an_impatient_operator_still_gets_the_report(shoal, live_url, pause_s):
    run = shoal.start("--viewers", 20, live_url)
    wait_playing(run)
    while run.alive():
        os.kill(run.pid, signal.SIGINT)
        try:
            run.wait(pause_s)
        except subprocess.TimeoutExpired:
            pass
    report = run.finish(30)
    assert report.status == 130, report.output
    assert report["segments"] > 0
    report.check_balance()


def test_an_interrupt_in_the_grace_is_one(shoal, origin):
    server = origin(*LIVE, "--fault", "slow_drip,path=*.ts")
    run = shoal.start("--viewers", 20, "--duration", "1500ms", f"{server.base}/live/index.m3u8")
    wait_for(lambda: "ending" in run.log_text() or "0:02" in run.log_text(), "the grace", 20)
    os.kill(run.pid, signal.SIGINT)
    report = run.finish(8)
    assert report.status == 130, report.output
    assert report["bodies_aborted"] > 0
    report.check_balance()


def test_output_that_goes_away_does_not_hide_the_verdict(live_url, tmp_path):
    out = tmp_path / "out.json"
    words = arguments(live_url, "--duration", "2s", "--out", out, "--threshold", "count(segments)<1")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as run:
        run.stdout.close()
        errors = run.stderr.read()
        status = run.wait(30)
    report = Report(status, errors, out)
    report.check_status(1)
    assert "cannot be written" in errors
    assert report["segments"] > 0


def test_one_report_that_fails_does_not_cost_the_others(live_url, tmp_path):
    html = tmp_path / "out.html"
    done = subprocess.run(arguments(live_url, "--duration", "2s", "--out", "/dev/full", "--html",
                                    html), capture_output=True, text=True, timeout=40,
                          check=False)
    trusted = "not to be trusted" not in done.stdout
    assert done.returncode == (3 if trusted else 4), done.stderr
    assert "shoal: /dev/full: cannot be written: No space left on device" in done.stderr
    assert html.stat().st_size > 1000


@pytest.mark.parametrize("option", ["--csv", "--failures"])
def test_rows_that_cannot_be_written_are_told(origin, tmp_path, option):
    out = tmp_path / "out.json"
    url = f"{origin(*LIVE, '--fault', 'status=404,path=*.ts,p=0.5').base}/live/index.m3u8"
    done = subprocess.run(arguments(url, "--duration", "2s", "--out", out, option, "/dev/full"),
                          capture_output=True, text=True, timeout=40, check=False)
    trusted = "not to be trusted" not in done.stdout
    assert done.returncode == (3 if trusted else 4), done.stderr
    assert "shoal: /dev/full: cannot be written: No space left on device" in done.stderr
    assert json.loads(out.read_text())["counters"]["segments"] > 0


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-"])
def test_closed_descriptors_stay_out_of_connections(live_url, tmp_path, closed):
    out = tmp_path / "out.json"
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh",
                           *arguments(live_url, "--duration", "2s", "--out", out)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=40,
                          check=False)
    report = Report(done.returncode, "", out)
    report.check_status(0)
    assert report["segments"] > 0
    assert report["requests_failed"] == 0


@pytest.mark.parametrize("option", ["--out", "--html", "--junit", "--csv", "--failures",
                                    "--hgrm", "--hlog"])
def test_unwritable_output_is_refused_before_the_run(shoal, option):
    status, out, err = shoal.command("run", option, "/nowhere/x", "http://127.0.0.1:9/x.m3u8")
    assert (status, out) == (2, ""), err
    assert "/nowhere/x" in err


def test_a_demo_fails_for_more_than_its_machine():
    """The swarm is short of descriptors, which is its machine's fault, and of what was asked."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (240, 240))

    words = [shoal_path(), "demo", "--no-tui", "--listen", "off", "--viewers", "100", "--ramp",
             "0s", "--variant", "all", "--duration", "3s"]
    statuses = []
    for more in ([], ["--threshold", "count(segments)<1"]):
        done = subprocess.run(words + more, capture_output=True, text=True, timeout=60,
                              check=False, preexec_fn=limit)
        assert "not to be trusted" in done.stdout + done.stderr, done.stdout + done.stderr
        statuses.append(done.returncode)
    assert statuses == [0, 1]
