"""Rates that many can read: whoever looks, however often, sees the same, and the right ones.

Viewers in lockstep fetch their segments in bursts, one each two seconds. Where observers share
one baseline, each of them splits the others' intervals and the rates of all become noise.
"""
import json
import shlex
import threading
import time

import pytest

from helpers.process import free_port, let_pass, wait_for
from helpers.shoal import shoal_path
from view_tools import Terminal, events, get, samples, snapshot, url_of

VIEWERS, SEGMENT_S, LENGTH_S = 40, 2, 21
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


def arguments(server, port, out):
    return ["--viewers", VIEWERS, "--ramp", "100ms", "--duration", f"{LENGTH_S}s", "--listen",
            f"127.0.0.1:{port}", "--out", out, f"{server.base}/live/index.m3u8"]


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


def exported_rates(bases, seconds):
    """The 10 s rates that each API exports, looked at twice a second."""
    for base in bases:
        wait_for(lambda base=base: snapshot(base)["run"]["at_s"] > 12, "12 s", 30)
    seen = [[] for _ in bases]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for base, rates in zip(bases, seen):
            now = snapshot(base)["windows"]["10s"]
            assert 9.5 < now["interval_s"] < 10.5
            rates.append(now["rates"]["segments"])
        let_pass(0.5)
    return seen


def prometheus_rates(client, from_s=2.5, window_s=10):
    """What rate(shoal_segments_total[10s]) makes of this client's scrapes, the start left out."""
    seen = [(at, total) for at, total in client.seen if at > client.seen[0][0] + from_s]
    rates = []
    for at, total in seen:
        first = next((one for one in seen if one[0] >= at - window_s), None)
        if at - seen[0][0] >= window_s:
            rates.append((total - first[1]) / (at - first[0]))
    return rates


def check_clients(clients):
    """Every scraper's own intervals add up to what it saw happen, none negative."""
    for one in clients:
        one.end()
        totals = [total for _, total in one.seen]
        assert len(totals) > 20 and totals == sorted(totals)
        assert one.seen[-1][0] - one.seen[0][0] > 10


def check_mean(report, server):
    """The rates of the whole run add up to its segments, and these are the server's."""
    counted = sum(row["segments_per_s"] * row["interval_s"] for row in report["timeline"])
    assert counted == pytest.approx(report["counters"]["segments"], abs=0.5)
    sent = server.stats()["requests_by_kind"]["segment"]
    assert counted == pytest.approx(sent, rel=0.01)


@pytest.mark.slow
def test_same_rates_whoever_looks(shoal, origin, tmp_path):
    """Two swarms at the same time: nobody but one client looks at the first; at the second a
    dashboard, pages and scrapers do."""
    servers = [origin(*LIVE), origin(*LIVE)]
    ports = [free_port(), free_port()]
    outs = [tmp_path / "alone.json", tmp_path / "watched.json"]
    bases = [f"http://127.0.0.1:{port}" for port in ports]
    alone_run = shoal.start(*arguments(servers[0], ports[0], outs[0]))
    url_of(alone_run)
    scrapers = [Client(lambda: segments_total(bases[0]), 0.5)]
    scrapers[0].start()
    terminal = Terminal(tmp_path, 80, 24)
    try:
        words = [shoal_path(), "run", *map(str, arguments(servers[1], ports[1], outs[1]))]
        terminal.type(shlex.join(words) + "; echo status=$?")
        terminal.wait("Rates")
        clients = crowd(bases[1])
        rates = exported_rates(bases, 7)
        terminal.wait(r"status=[04]", 60)
        scrapers += clients
        check_clients(scrapers)
    finally:
        terminal.end()
    alone_run.wait(30)

    # 40 viewers, a segment each two seconds, bursts or not, dashboard or not.
    expected = VIEWERS / SEGMENT_S
    for seen in [*rates, *map(prometheus_rates, scrapers)]:
        assert len(seen) >= 10
        assert sum(seen) / len(seen) == pytest.approx(expected, rel=0.05)
        assert min(seen) > expected * 0.75 and max(seen) < expected * 1.25
    for out, server in zip(outs, servers):
        check_mean(json.loads(out.read_text()), server)
