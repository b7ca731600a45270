#!/usr/bin/env python3
"""The playlist parser beside a bare scan for line ends, FFmpeg's and npm's parsers, as Markdown.

    bench/media/run.py BUILD/bench/media/bench_m3u8

FFmpeg's parser cannot be called alone, so what is measured is the slope: the CPU time of ffprobe on
a playlist of many segments less that on one of few, over the segments between. All that a process
costs once, and the opening of the first segment, falls out; what is left is reading a line byte by
byte, parsing, keeping and at the end freeing a segment. hls-parser and m3u8-parser are measured
where node finds them: NODE_PATH, or what the tests installed into the build folder.
"""
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FEW, MANY, ROUNDS = 1000, 301000, 7


def playlist(folder, segments):
    """The text of plain-1000, but all segments are one file, which has to be there."""
    path = folder / f"ffmpeg-{segments}.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1234\n"
                    + "#EXTINF:6.006,\nsegment_000000.ts\n" * segments + "#EXT-X-ENDLIST\n")
    return path


def cpu_s(command):
    """The least user and system time of some runs."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def ffmpeg(folder):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=0.5", "-c:a", "aac",
                    str(folder / "segment_000000.ts")], check=True, stdin=subprocess.DEVNULL)
    times, sizes = [], []
    for segments in (FEW, MANY):
        path = playlist(folder, segments)
        sizes.append(path.stat().st_size)
        times.append(cpu_s(["ffprobe", "-v", "error", "-show_entries", "format=duration",
                            str(path)]))
    used_s = times[1] - times[0]
    version = subprocess.run(["ffprobe", "-version"], capture_output=True, text=True,
                             check=True).stdout.split()[2]
    print(f"\n| FFmpeg {version} | value |\n|---|---|")
    print(f"| ffprobe, {FEW:,} segments | {times[0] * 1e3:.0f} ms |")
    print(f"| ffprobe, {MANY:,} segments | {times[1] * 1e3:.0f} ms |")
    print(f"| the slope: ns a segment | {used_s * 1e9 / (MANY - FEW):.0f} |")
    print(f"| the slope: MB/s | {(sizes[1] - sizes[0]) / used_s / 1e6:.0f} |")
    print(f"| that is, 1,000 segments | {used_s * 1e6 / (MANY - FEW) * 1000:.0f} µs |")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.argv[1], name], check=True)
        if shutil.which("node"):
            modules = pathlib.Path(sys.argv[1]).resolve().parents[2] / "node/node_modules"
            environment = dict(os.environ)
            environment.setdefault("NODE_PATH", str(modules))
            print(flush=True)
            subprocess.run(["node", str(HERE / "peers.mjs"), name], check=True, env=environment)
        if shutil.which("ffprobe"):
            ffmpeg(folder)


main()
