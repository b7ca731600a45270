#!/usr/bin/python3
"""How fast FFmpeg's log is read, then both engines on one live stream, one after the other: CPU and
memory per client. Prints Markdown.

nginx and the packager run beside them on the same machine and are not counted. Memory is the
proportional set size of everything that plays, measured when all clients play; a run of the
native engine (one viewer) is taken off its figure, so that both are what one client more
costs.

    bench/ffmpeg/run.py build/shoal --ffmpeg-clients 50 --native-clients 5000
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/integration"))
from helpers.media import start_live  # noqa: E402
from helpers.nginx import Nginx  # noqa: E402
from helpers.players import children_of, program_of  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process, its dead children included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[i]) for i in range(11, 15)) / TICK


def pss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def everybody(pid):
    return [pid] + [child for child in children_of(pid) if program_of(child) == "ffmpeg"]


def measure(shoal, url, engine, clients, settle_s, seconds):
    """CPU seconds a client and second, PSS bytes of all, in the steady state."""
    folder = tempfile.mkdtemp()
    out = f"{folder}/report.json"
    run = subprocess.Popen([shoal, "run", *engine, "--viewers", str(clients), "--ramp",
                            f"{settle_s * 0.6}s", "--duration", f"{settle_s + seconds + 2}s",
                            "--threads", "1", "--no-tui", "--listen", "off", "--out", out, url],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(settle_s)
    before = {pid: cpu_seconds(pid) for pid in everybody(run.pid)}
    start = time.monotonic()
    time.sleep(seconds)
    after = {pid: cpu_seconds(pid) for pid in before}
    took = time.monotonic() - start
    memory = sum(pss_bytes(pid) for pid in before)
    run.wait()
    report = json.load(open(out, encoding="utf-8"))
    used = sum(after[pid] - before[pid] for pid in before)
    return {"clients": clients, "cpu": used / took / clients, "memory": memory,
            "processes": len(before), "segments": report["counters"]["segments"],
            "stalls": report["counters"]["stalls"]}


def print_log_bench(shoal):
    """What bench_ffmpeg_log of the same build says."""
    program = pathlib.Path(shoal).resolve().parent / "bench/ffmpeg/bench_ffmpeg_log"
    if program.exists():
        said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
        print(f"```\n{said}```\n")


def print_table(ffmpeg, native):
    print("| engine | clients | CPU ms/s each | clients a core | KiB each | stalls |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, row in (("ffmpeg", ffmpeg), ("native", native)):
        print(f"| {name} | {row['clients']} | {row['cpu'] * 1000:.4f} | {1 / row['cpu']:.0f} | "
              f"{row['each'] / 1024:.1f} | {row['stalls']} |")
    print(f"\nffmpeg over native: CPU {ffmpeg['cpu'] / native['cpu']:.0f} times, "
          f"memory {ffmpeg['each'] / native['each']:.0f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shoal")
    parser.add_argument("--ffmpeg-clients", type=int, default=50)
    parser.add_argument("--native-clients", type=int, default=5000)
    parser.add_argument("--settle", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    os.environ["SHOAL"] = options.shoal
    print_log_bench(options.shoal)
    folder = pathlib.Path(tempfile.mkdtemp())
    packager = start_live(folder / "www", kind="muxed", segment_s=2, ready_segments=6)
    packager.wait_ready()
    server = Nginx(folder / "nginx", folder / "www")
    server.start()
    try:
        url = server.url("live.m3u8")
        ffmpeg = measure(options.shoal, url, ["--engine", "ffmpeg"], options.ffmpeg_clients,
                         options.settle, options.seconds)
        native_engine = ["--player", "ffmpeg"]
        empty = measure(options.shoal, url, native_engine, 1, 5, 5)
        native = measure(options.shoal, url, native_engine, options.native_clients,
                         options.settle, options.seconds)
    finally:
        server.end()
        packager.end()
    ffmpeg["each"] = ffmpeg["memory"] / ffmpeg["clients"]
    native["each"] = (native["memory"] - empty["memory"]) / (native["clients"] - 1)
    print_table(ffmpeg, native)


if __name__ == "__main__":
    main()
