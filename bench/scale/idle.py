#!/usr/bin/python3
"""Memory of a viewer that waits: viewers of a stream that hardly ever changes, held at rest.

The figure is the slope between a small and a large swarm, so that what the process needs anyway
does not count; kernel memory is told apart.

    bench/scale/idle.py build/shoal --viewers 10000
"""

import argparse
import os
import shutil
import signal
import subprocess
import tempfile
import time

from servers import free_port, socket_memory, start_nginx, wait_for

TARGET_SECONDS = 120


def write_stream(folder):
    """Live by its playlist, and at rest: nothing new comes for two minutes."""
    os.mkdir(f"{folder}/www")
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{TARGET_SECONDS}",
             "#EXT-X-MEDIA-SEQUENCE:0"]
    for i in range(3):
        lines += [f"#EXTINF:{TARGET_SECONDS}.0,", f"{i}.ts"]
        with open(f"{folder}/www/{i}.ts", "wb") as segment:
            segment.write((b"\x47\x1f\xff\x10" + b"\xff" * 184) * 10)
    with open(f"{folder}/www/index.m3u8", "w") as playlist:
        playlist.write("\n".join(lines) + "\n")


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def hold(options, viewers):
    """Resident bytes of the swarm and kernel socket bytes once all viewers are at rest."""
    folder = tempfile.mkdtemp(prefix="shoal-idle-", dir="/dev/shm")
    os.chmod(folder, 0o755)
    nginx = swarm = None
    try:
        write_stream(folder)
        port = free_port()
        nginx = start_nginx(folder, port)
        wait_for(lambda: os.path.exists(f"{folder}/nginx.pid"), 10, "nginx")
        before = socket_memory()
        swarm = subprocess.Popen(
            [options.shoal, "run", "--viewers", str(viewers), "--ramp", "1000/s", "--duration",
             "100s", "--listen", "off", "--quiet", "--threads", "1", "--seed", "1",
             "--buffer", "60s", f"http://127.0.0.1:{port}/index.m3u8"])

        def connections():
            with open("/proc/net/tcp") as table:
                rows = [line.split() for line in table]
            return sum(1 for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01")

        wait_for(lambda: connections() >= viewers, 60, f"{viewers} connections")
        time.sleep(3)
        return resident(swarm.pid), socket_memory() - before
    finally:
        for process, how in ((swarm, signal.SIGKILL), (nginx, signal.SIGTERM)):
            if process is not None:
                process.send_signal(how)
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shoal")
    parser.add_argument("--viewers", type=int, default=10000)
    options = parser.parse_args()
    few = 100
    small, _ = hold(options, few)
    large, sockets = hold(options, options.viewers)
    per_viewer = (large - small) / (options.viewers - few)
    print("| figure | value |\n| --- | --- |")
    print(f"| resident at {few} viewers | {small / 2**20:.1f} MiB |")
    print(f"| resident at {options.viewers} viewers | {large / 2**20:.1f} MiB |")
    print(f"| resident per further idle viewer | {per_viewer:.0f} bytes |")
    print(f"| kernel socket memory, both sides | {sockets / 2**20:.1f} MiB |")


if __name__ == "__main__":
    main()
