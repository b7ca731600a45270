#!/usr/bin/env python3
"""What observers cost the swarm: worker CPU with nobody looking and with a crowd, in turns.

    bench/observers/run.py [--shoal build/shoal] [--viewers 10000] [--pairs 10] [--phase 6]

One swarm plays one stream of small segments all the time. Every few seconds a crowd comes or
goes: the dashboard in a real terminal (tmux; while nobody looks it is paused by its key, and a
paused dashboard reads and draws nothing), 50 clients of the event stream, a scraper of /metrics
ten times a second. A phase lasts whole segments, so that each sees every viewer equally often.

The figure is CPU time of the worker threads for each request. Both come from one sample, which a
worker publishes between two events, so no error of time is in it. What the crowd itself takes
(clients, tmux, the serving threads) is not in it, though it takes cycles and caches away.

And every observer's rates are held against the truth, which is the origin's own count.
"""
import argparse
import json
import pathlib
import re
import selectors
import shlex
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

PAGES, SCRAPE_S, SEGMENT_S, SETTLE_S = 50, 0.1, 2, 1


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def total(text, name):
    """Sum of a counter over its labels."""
    return sum(float(value) for value in
               re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


def sample(port):
    """CPU seconds of the workers and requests so far, both of one moment."""
    text = get(f"http://127.0.0.1:{port}/metrics")
    return total(text, "shoal_worker_cpu_seconds_total"), total(text, "shoal_http_requests_total")


class Crowd:
    """Pages and the scraper while somebody looks; what each of them was told."""

    def __init__(self, port):
        self.port, self.over = port, threading.Event()
        self.page_rates, self.scraped = [], []
        self.threads = [threading.Thread(target=self.read_pages, daemon=True),
                        threading.Thread(target=self.scrape, daemon=True)]
        for one in self.threads:
            one.start()

    def read_pages(self):
        """Keeps the last two events of each page at most and reads them when all is over."""
        chosen, texts = selectors.DefaultSelector(), {}
        for _ in range(PAGES):
            one = socket.create_connection(("127.0.0.1", self.port), timeout=5)
            one.sendall(b"GET /api/v1/events HTTP/1.0\r\n\r\n")  # 1.0: not in chunks
            one.setblocking(False)
            chosen.register(one, selectors.EVENT_READ)
            texts[one] = b""
        while not self.over.is_set():
            for key, _ in chosen.select(0.2):
                got = key.fileobj.recv(1 << 20)
                texts[key.fileobj] = texts[key.fileobj][-100000:] + got
        for one, text in texts.items():
            one.close()
            events = re.findall(rb"data: (\{.*?\})\n\n", text)
            self.page_rates.append(json.loads(events[-1])["windows"]["1s"]["rates"]["segments"])

    def scrape(self):
        while not self.over.wait(SCRAPE_S):
            text = get(f"http://127.0.0.1:{self.port}/metrics")
            self.scraped.append((time.monotonic(), total(text, "shoal_segments_total")))

    def end(self):
        self.over.set()
        for one in self.threads:
            one.join()
        (first_s, first), (last_s, last) = self.scraped[0], self.scraped[-1]
        return {"pages": self.page_rates, "scraper": [(last - first) / (last_s - first_s)]}


class Dashboard:
    """The swarm in a real terminal."""

    def __init__(self, folder, words):
        self.sock = str(folder / "tmux.sock")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "60", "-s", "t",
                  f"env TERM=xterm-256color LC_ALL=C.UTF-8 {shlex.join(words)}")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.sock, *words], check=True, text=True,
                              capture_output=True).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "t")

    def pause(self, wanted):
        """Presses the key until the screen says so."""
        for _ in range(20):
            if ("PAUSED" in self.screen()) == wanted:
                return
            self.tmux("send-keys", "-t", "t", "p")
            time.sleep(0.2)
        raise SystemExit(f"the dashboard does not pause:\n{self.screen()}")

    def rate(self):
        """Segments a second over the last second, as shown; figures may be shortened to 12.3k."""
        row = re.search(r"segments +(\S+)", self.screen()).group(1).replace(",", "")
        return float(row[:-1]) * 1000 if row.endswith("k") else float(row)

    def frame_cost(self):
        """CPU time of a frame, as the help tells it."""
        self.tmux("send-keys", "-t", "t", "h")
        time.sleep(1)
        return re.search(r"a frame takes (.* ms) ", self.screen()).group(1)

    def end(self):
        subprocess.run(["tmux", "-S", self.sock, "kill-server"], capture_output=True, check=False)


class Bench:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.shoal = str(pathlib.Path(arguments.shoal).resolve())
        self.origin = subprocess.Popen(
            [self.shoal, "origin", "--listen", "127.0.0.1:0", "--stream",
             f"name=live,segment={SEGMENT_S}s,bitrates=120k"], stdout=subprocess.PIPE, text=True)
        self.base = re.search(r"http://[^/\s]+", self.origin.stdout.readline()).group(0)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.dashboard = Dashboard(folder, [
            self.shoal, "run", "--viewers", str(arguments.viewers), "--ramp", "8s", "--threads",
            "1", "--seed", "1", "--listen", f"127.0.0.1:{self.port}",
            f"{self.base}/live/index.m3u8"])

    def segments_sent(self):
        return json.loads(get(f"{self.base}/_origin/stats.json"))["requests_by_kind"]["segment"]

    def phase(self, watched):
        """µs of worker CPU a request, the observers' rates, and the true one."""
        self.dashboard.pause(not watched)
        crowd = Crowd(self.port) if watched else None
        time.sleep(SETTLE_S)
        before, sent, since = sample(self.port), self.segments_sent(), time.monotonic()
        time.sleep(self.arguments.phase)
        shown = self.dashboard.rate()
        after, sent = sample(self.port), self.segments_sent() - sent
        true_rate = sent / (time.monotonic() - since)
        rates = crowd.end() if watched else {}
        if watched:
            rates["terminal"] = [shown]
        return (after[0] - before[0]) / (after[1] - before[1]) * 1e6, rates, true_rate

    def end(self):
        self.dashboard.end()
        self.origin.kill()
        self.origin.wait()


def measure(bench, arguments):
    rises, seen, truth = [], {}, []
    print("| pair | alone, µs a request | watched | change |\n| ---: | ---: | ---: | ---: |")
    for pair in range(arguments.pairs):
        cost = {}
        for watched in ((False, True) if pair % 2 == 0 else (True, False)):
            cost[watched], rates, true_rate = bench.phase(watched)
            truth.append(true_rate)
            for who, values in rates.items():
                seen.setdefault(who, []).extend(values)
        rises.append(cost[True] / cost[False] - 1)
        print(f"| {pair + 1} | {cost[False]:.2f} | {cost[True]:.2f} | {rises[-1] * 100:+.1f} % |",
              flush=True)
    spread = statistics.stdev(rises) / len(rises) ** 0.5 if len(rises) > 1 else 0
    print(f"\nchange: mean {statistics.mean(rises) * 100:+.2f} % (standard error "
          f"{spread * 100:.2f}), median {statistics.median(rises) * 100:+.2f} %")
    print(f"segments a second, by the origin: {min(truth):.0f} to {max(truth):.0f}")
    for who, values in seen.items():
        print(f"segments a second, by {who}: {len(values)} readings, "
              f"{min(values):.0f} to {max(values):.0f}")
    print(f"CPU of a frame of the dashboard at 200 x 60: {bench.dashboard.frame_cost()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shoal", default="build/shoal")
    parser.add_argument("--viewers", type=int, default=10000)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--phase", type=int, default=6, help="seconds, whole segments of 2 s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(arguments, pathlib.Path(name))
        try:
            time.sleep(14)  # the ramp, and a window's length after it
            measure(bench, arguments)
        finally:
            bench.end()


if __name__ == "__main__":
    main()
