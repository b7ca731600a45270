"""Rates that many can read: whoever looks, however often, sees the same, and the right ones.

Viewers in lockstep fetch their segments in bursts, one each two seconds. Where observers share
one baseline, each of them splits the others' intervals and the rates of all become noise.
"""
import shlex
import threading
import time

import pytest

from helpers.process import free_port, let_pass, wait_for
from helpers.shoal import shoal_path
from view_tools import Terminal, check_status, events, get, samples, snapshot, url_of

VIEWERS, SEGMENT_S = 40, 2
LIVE = ("--stream", f"name=live,segment={SEGMENT_S}s,bitrates=300k")


class Client(threading.Thread):
    """An observer that looks every so often until told to stop, and keeps what `look` gives."""

    def __init__(self, look, interval_s):
        super().__init__(daemon=True)
        self.look, self.interval_s, self.seen = look, interval_s, []
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(self.interval_s):
            try:
                self.seen.append((time.monotonic(), self.look()))
            except OSError:
                return

    def end(self):
        self.over.set()
        self.join()


def segments_total(base):
    found = samples(get(f"{base}/metrics")[2].decode())
    return sum(value for name, value in found.items() if name.startswith("shoal_segments_total"))


def arguments(server, seconds, port=0):
    return ["--viewers", VIEWERS, "--ramp", "100ms", "--duration", f"{seconds}s", "--listen",
            f"127.0.0.1:{port}", f"{server.base}/live/index.m3u8"]


def crowd(base):
    """A scraper ten times a second, one each half second, and twenty pages."""
    clients = [Client(lambda: segments_total(base), 0.1), Client(lambda: segments_total(base), 0.5)]
    for one in clients:
        one.start()
    pages = [threading.Thread(target=lambda: sum(1 for _ in events(base, 60)), daemon=True)
             for _ in range(20)]
    for one in pages:
        one.start()
    return clients


def exported_rate(base, seconds):
    """Mean of the 10 s rate that the API exports, looked at twice a second."""
    wait_for(lambda: snapshot(base)["run"]["at_s"] > 12, "12 s", 30)
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = snapshot(base)["windows"]["10s"]
        assert 9.5 < now["interval_s"] < 10.5
        seen.append(now["rates"]["segments"])
        let_pass(0.5)
    return seen


@pytest.mark.slow
def test_same_rates_whoever_looks(shoal, origin, tmp_path):
    server = origin(*LIVE)
    alone_run = shoal.start(*arguments(server, 24))
    alone = exported_rate(url_of(alone_run), 8)
    alone_run.finish(60)

    terminal = Terminal(tmp_path, 80, 24)
    try:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        words = [shoal_path(), "run", *map(str, arguments(server, 24, port))]
        terminal.type(shlex.join(words) + "; echo status=$?")
        terminal.wait("Rates a second")
        clients = crowd(base)
        watched = exported_rate(base, 8)
        terminal.wait(r"status=[04]", 60)
        for one in clients:
            one.end()
    finally:
        terminal.end()

    # 40 viewers, a segment each two seconds, bursts or not, dashboard or not.
    expected = VIEWERS / SEGMENT_S
    for seen in (alone, watched):
        assert len(seen) >= 10
        assert sum(seen) / len(seen) == pytest.approx(expected, rel=0.05)
        assert min(seen) > expected * 0.75 and max(seen) < expected * 1.25
    # Every scraper's own intervals add up to what it saw happen, none negative.
    for one in clients:
        totals = [total for _, total in one.seen]
        assert len(totals) > 20 and totals == sorted(totals)
        span = one.seen[-1][0] - one.seen[0][0]
        assert span > 15


@pytest.mark.slow
def test_mean_over_the_run_is_the_servers(shoal, origin):
    server = origin(*LIVE)
    run = shoal.start(*arguments(server, 12))
    base = url_of(run)
    clients = crowd(base)
    report = run.finish(60)
    for one in clients:
        one.end()
    check_status(report)
    sent = server.stats()["requests_by_kind"]["segment"]
    timeline = report.json["timeline"]
    counted = sum(row["segments_per_s"] * row["interval_s"] for row in timeline)
    assert counted == pytest.approx(report["segments"], abs=0.5)
    assert counted == pytest.approx(sent, rel=0.01)
