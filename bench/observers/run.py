#!/usr/bin/env python3
"""What observers cost the swarm: worker CPU with nobody looking and with a crowd, in turns.

    bench/observers/run.py [--shoal build/shoal] [--viewers 10000] [--pairs 10] [--seconds 20]

The crowd: the dashboard in a real terminal (tmux), 50 clients of the event stream, and a scraper
of /metrics ten times a second. The figure is CPU time of the worker threads (their own clocks,
as the report states it) for each request; the clients' and the origin's own CPU are not in it,
though they take cycles and caches from it on a small machine.
"""
import argparse
import json
import pathlib
import re
import shlex
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

PAGES, SCRAPE_S = 50, 0.1


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def read_events(port, over):
    """One page: reads what comes and forgets it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
            one.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            one.settimeout(1)
            while not over.is_set():
                try:
                    if not one.recv(65536):
                        return
                except TimeoutError:
                    pass
    except OSError:
        return


def scrape(port, over):
    while not over.wait(SCRAPE_S):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read()
        except OSError:
            pass


def crowd(port):
    over = threading.Event()
    threads = [threading.Thread(target=read_events, args=(port, over)) for _ in range(PAGES)]
    threads.append(threading.Thread(target=scrape, args=(port, over)))
    for one in threads:
        one.daemon = True
        one.start()
    return over, threads


def play(shoal, url, arguments, folder, watched):
    """One run; returns worker CPU in µs a request, and the report."""
    out, port = folder / "report.json", free_port()
    words = [shoal, "run", "--viewers", str(arguments.viewers), "--ramp", "3s", "--duration",
             f"{arguments.seconds}s", "--seed", "1", "--out", str(out), "--listen",
             f"127.0.0.1:{port}", url]
    out.unlink(missing_ok=True)
    if watched:
        sock = str(folder / "tmux.sock")
        subprocess.run(["tmux", "-S", sock, "-f", "/dev/null", "new-session", "-d", "-x", "120",
                        "-y", "40", shlex.join(words)], check=True)
        time.sleep(2)
        over, threads = crowd(port)
        while subprocess.run(["tmux", "-S", sock, "has-session"], capture_output=True,
                             check=False).returncode == 0:
            time.sleep(0.2)
        over.set()
        for one in threads:
            one.join(3)
    else:
        subprocess.run([*words, "--no-tui", "-q"], capture_output=True, check=False)
    report = json.loads(out.read_text())
    cpu_us = sum(report["labels"]["worker_cpu_us"]["values"].values())
    return cpu_us / report["counters"]["http_requests"], report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shoal", default="build/shoal")
    parser.add_argument("--viewers", type=int, default=10000)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    shoal = str(pathlib.Path(arguments.shoal).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        origin = subprocess.Popen([shoal, "origin", "--listen", "127.0.0.1:0", "--stream",
                                   "name=live,segment=2s,bitrates=150k"],
                                  stdout=subprocess.PIPE, text=True)
        try:
            line = origin.stdout.readline()
            base = re.search(r"http://[^/\s]+", line).group(0)
            rises = []
            print(f"{'pair':>4} {'alone':>16} {'watched':>16} {'change':>8}")
            for pair in range(arguments.pairs):
                order = (False, True) if pair % 2 == 0 else (True, False)
                cost = {watched: play(shoal, f"{base}/live/index.m3u8", arguments, folder,
                                      watched)[0] for watched in order}
                rises.append(cost[True] / cost[False] - 1)
                print(f"{pair + 1:>4} {cost[False]:>10.2f} us/req {cost[True]:>9.2f} us/req "
                      f"{rises[-1] * 100:>+7.1f}%", flush=True)
            print(f"median change {statistics.median(rises) * 100:+.1f} %, "
                  f"{arguments.viewers} viewers, {PAGES} pages, dashboard, "
                  f"{1 / SCRAPE_S:.0f} scrapes a second")
        finally:
            origin.kill()
            origin.wait()


if __name__ == "__main__":
    main()
