#!/usr/bin/python3
"""A swarm on a live stream that real ffmpeg packages and real nginx serves, all on this machine.

Measures what the swarm costs (CPU per viewer-minute and per request, memory per viewer), what
the server costs beside it, and what the viewers got. Figures of one run belong together: the
machine's speed shows in both columns.

    bench/scale/live.py build/shoal --viewers 10000 --seconds 60
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading

from servers import children, cpu_seconds, free_port, socket_memory, start_nginx, wait_for


def make_source(folder, megabits, segment_seconds):
    """A minute of constant bit rate video and audio, encoded once and played in a loop."""
    rate = f"{int(megabits * 1000 - 80)}k"
    keys = segment_seconds * 25
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25",
         "-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", "60", "-c:v", "libx264",
         "-preset", "ultrafast", "-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize",
         rate, "-x264-params", f"nal-hrd=cbr:keyint={keys}:min-keyint={keys}:scenecut=0",
         "-c:a", "aac", "-b:a", "64k", "-f", "mpegts", f"{folder}/source.ts"], check=True)


def start_packager(folder, segment_seconds):
    return subprocess.Popen(
        ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", f"{folder}/source.ts",
         "-c", "copy", "-f", "hls", "-hls_time", str(segment_seconds), "-hls_list_size", "6",
         "-hls_delete_threshold", "6", "-hls_flags", "delete_segments",
         f"{folder}/www/index.m3u8"], stdin=subprocess.DEVNULL)


def segment_count(folder):
    try:
        with open(f"{folder}/www/index.m3u8") as playlist:
            return playlist.read().count("#EXTINF")
    except FileNotFoundError:
        return 0


class Watch(threading.Thread):
    """The highest kernel socket memory seen."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(1.0):
            self.peak = max(self.peak, socket_memory())


def run_swarm(options, folder, port, nginx):
    """Runs the swarm; returns its report, its resource usage and nginx's CPU seconds."""
    out = f"{folder}/report.json"
    command = [options.shoal, "run", "--viewers", str(options.viewers), "--ramp",
               f"{options.ramp}s", "--duration", f"{options.ramp + options.seconds}s",
               "--no-tui", "--threads", str(options.threads), "--player", options.player,
               "--listen", "off", "--out", out] + options.extra + [
               f"http://127.0.0.1:{port}/index.m3u8"]
    workers = children(nginx.pid) or [nginx.pid]
    before = sum(cpu_seconds(pid) for pid in workers)
    watch = Watch()
    watch.start()
    log = open(f"{folder}/shoal.log", "w")
    swarm = subprocess.Popen(command, stdout=log, stderr=log)
    _, status, usage = os.wait4(swarm.pid, 0)
    watch.over.set()
    server_cpu = sum(cpu_seconds(pid) for pid in workers) - before
    with open(out) as file:
        report = json.load(file)
    return command, os.waitstatus_to_exitcode(status), report, usage, server_cpu, watch.peak


def log_totals(folder):
    """Requests and body bytes by nginx's own log."""
    requests = body = 0
    with open(f"{folder}/access.log") as log:
        for line in log:
            fields = line.split()
            requests += 1
            body += int(fields[3])
    return requests, body


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shoal")
    parser.add_argument("--viewers", type=int, default=10000)
    parser.add_argument("--seconds", type=int, default=60, help="after the ramp")
    parser.add_argument("--ramp", type=int, default=20)
    parser.add_argument("--segment", type=int, default=4)
    parser.add_argument("--megabits", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--player", default="hlsjs")
    parser.add_argument("--keep", help="copy report and log into this folder")
    parser.add_argument("extra", nargs="*", help="further options of shoal run, after --")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="shoal-live-", dir="/dev/shm")
    os.chmod(folder, 0o755)
    os.mkdir(f"{folder}/www")
    processes = []
    try:
        make_source(folder, options.megabits, options.segment)
        port = free_port()
        nginx = start_nginx(folder, port)
        processes.append(nginx)
        processes.append(start_packager(folder, options.segment))
        wait_for(lambda: segment_count(folder) >= 4, 60, "a live playlist of four segments")
        command, status, report, usage, server_cpu, socket_peak = run_swarm(
            options, folder, port, nginx)
        nginx.send_signal(signal.SIGQUIT)
        nginx.wait()
        print_results(options, command, status, report, usage, server_cpu, socket_peak,
                      log_totals(folder))
        if options.keep:
            os.makedirs(options.keep, exist_ok=True)
            for name in ("report.json", "shoal.log"):
                shutil.copy(f"{folder}/{name}", options.keep)
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def print_results(options, command, status, report, usage, server_cpu, socket_peak, log):
    cpu = usage.ru_utime + usage.ru_stime
    counters = report["counters"]

    def total(name):
        value = counters[name]
        return value["total"] if isinstance(value, dict) else value

    requests = total("http_requests")
    viewer_minutes = total("watched_time_us") / 60e6
    rows = [
        ("command", "`" + " ".join(command[1:-1]) + " URL`"),
        ("exit status", status),
        ("requests, by the swarm", requests),
        ("requests, by nginx's log, preflight included", log[0]),
        ("body bytes, by the swarm", total("body_bytes")),
        ("body bytes, by nginx's log, preflight included", log[1]),
        ("swarm CPU, user + system", f"{usage.ru_utime:.2f} + {usage.ru_stime:.2f} s"),
        ("swarm CPU per viewer-minute", f"{1e3 * cpu / viewer_minutes:.2f} ms"),
        ("swarm CPU per request", f"{1e6 * cpu / max(requests, 1):.1f} µs"),
        ("swarm CPU per GB", f"{cpu / max(total('body_bytes'), 1) * 1e9:.3f} s"),
        ("nginx CPU", f"{server_cpu:.2f} s"),
        ("peak resident memory", f"{usage.ru_maxrss / 1024:.1f} MiB"),
        ("peak resident memory per viewer", f"{usage.ru_maxrss / options.viewers:.2f} KiB"),
        ("kernel socket memory, peak, both sides", f"{socket_peak / 2**20:.0f} MiB"),
        ("segments", total("segments")),
        ("stalls", total("stalls")),
        ("failures", total("failures")),
        ("timers late, p99", f"{1e3 * report['generator']['timer_delay_p99_s']:.2f} ms"),
        ("trusted", "yes" if report["generator"]["trusted"] else report["generator"]["why"]),
    ]
    print("| figure | value |\n| --- | --- |")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
