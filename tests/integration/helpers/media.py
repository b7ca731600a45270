"""Streams made by a real ffmpeg: small pictures, cheap to encode, real HLS."""
import pathlib
import re
import subprocess

from .process import Process, wait_for

VIDEO = ["-f", "lavfi", "-i", "testsrc=size=160x90:rate=25"]
AUDIO = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]


def ffmpeg(*arguments):
    return ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments]


def encoders(segment_s, audio=True):
    gop = str(int(25 * segment_s))
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1",
             "-pix_fmt", "yuv420p", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0"]
    return video + (["-c:a", "aac", "-b:a", "32k"] if audio else [])


def segments_of(playlist):
    """The URIs of a media playlist."""
    return [line for line in playlist.read_text().splitlines()
            if line and not line.startswith("#")]


def durations_of(playlist):
    return [float(found) for found in re.findall(r"#EXTINF:([0-9.]+)", playlist.read_text())]


class Live(Process):
    """A packager that runs in real time."""

    def __init__(self, folder, arguments, playlists, master, ready_segments):
        self.folder, self.playlists, self.master = folder, playlists, master
        self.ready_segments = ready_segments
        super().__init__(arguments, folder.parent / f"{folder.name}-ffmpeg.log")

    def is_ready(self):
        assert self.alive(), self.log_text()
        names = self.playlists + ([self.master] if self.master else [])
        if not all((self.folder / name).exists() for name in names):
            return False
        return all(len(segments_of(self.folder / name)) >= self.ready_segments
                   for name in self.playlists)

    def wait_ready(self):
        wait_for(self.is_ready, "the live stream's first segments", 60)


def start_live(folder, kind="abr", segment_s=2, window=6, ready_segments=3):
    """A live stream into a folder.

    abr: two variants and their audio apart, main.m3u8 above them; muxed: one, live.m3u8; fmp4:
    the same with an init section, init.mp4, and EXT-X-VERSION 7.
    Segments stay on disk long after they left the window.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    hls = ["-f", "hls", "-hls_time", str(segment_s), "-hls_list_size", str(window),
           "-hls_flags", "delete_segments+independent_segments+temp_file",
           "-hls_delete_threshold", "200"]
    if kind in ("muxed", "fmp4"):
        names = folder / ("s%05d.ts" if kind == "muxed" else "s%05d.m4s")
        arguments = ffmpeg("-re", *VIDEO, "-re", *AUDIO, *encoders(segment_s), "-b:v", "150k",
                           *hls, *(["-hls_segment_type", "fmp4"] if kind == "fmp4" else []),
                           "-hls_segment_filename", str(names), str(folder / "live.m3u8"))
        return Live(folder, arguments, ["live.m3u8"], None, ready_segments)
    arguments = ffmpeg(
        "-re", *VIDEO, "-re", *AUDIO, "-map", "0:v", "-map", "0:v", "-map", "1:a",
        *encoders(segment_s), "-b:v:0", "150k", "-b:v:1", "80k", *hls,
        "-var_stream_map", "v:0,agroup:aud v:1,agroup:aud a:0,agroup:aud,default:yes,language:en",
        "-master_pl_name", "main.m3u8", "-hls_segment_filename", str(folder / "v%v/s%05d.ts"),
        str(folder / "v%v/index.m3u8"))
    return Live(folder, arguments, [f"v{i}/index.m3u8" for i in range(3)], "main.m3u8",
                ready_segments)


def make_vod(folder, kind, duration_s=12, segment_s=2):
    """A finished stream, main.m3u8 and its segments, in a folder.

    ts: muxed MPEG-TS. fmp4: with an init section. byterange: one file. aes: encrypted.
    abr: two variants and audio apart.
    """
    folder = pathlib.Path(folder)
    length = ["-t", str(duration_s)]
    hls = ["-f", "hls", "-hls_time", str(segment_s), "-hls_list_size", "0",
           "-hls_playlist_type", "vod"]
    more = []
    if kind == "fmp4":
        more = ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4",
                "-hls_segment_filename", str(folder / "s%03d.m4s")]
    elif kind == "byterange":
        more = ["-hls_flags", "single_file"]
    elif kind == "aes":
        (folder / "key.bin").write_bytes(bytes(range(16)))
        (folder / "key.info").write_text(f"key.bin\n{folder / 'key.bin'}\n")
        more = ["-hls_key_info_file", str(folder / "key.info"),
                "-hls_segment_filename", str(folder / "s%03d.ts")]
    elif kind == "ts":
        more = ["-hls_segment_filename", str(folder / "s%03d.ts")]
    if kind == "abr":
        arguments = ffmpeg(
            *VIDEO, *AUDIO, *length, "-map", "0:v", "-map", "0:v", "-map", "1:a",
            *encoders(segment_s), "-b:v:0", "150k", "-b:v:1", "80k", *hls, "-var_stream_map",
            "v:0,agroup:aud v:1,agroup:aud a:0,agroup:aud,default:yes,language:en",
            "-master_pl_name", "main.m3u8", "-hls_segment_filename",
            str(folder / "v%v/s%03d.ts"), str(folder / "v%v/index.m3u8"))
    else:
        arguments = ffmpeg(*VIDEO, *AUDIO, *length, *encoders(segment_s), "-b:v", "150k", *hls,
                           *more, str(folder / "main.m3u8"))
    subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL, timeout=120)
