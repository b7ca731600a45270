"""What is said before the first viewer comes."""
import re
import subprocess

import pytest

from helpers.process import has_ipv6
from helpers.shoal import shoal_path


@pytest.mark.parametrize("fault, words", [
    ("status=404", "the server answered 404"),
    ("not_playlist", "not an HLS playlist"),
    ("invalid_playlist", "nothing that can be played"),
    ("invalid_playlist,path=/live/?*/*", "nothing that can be played"),
    ("close_before_response", "connection closed before the response"),
    ("truncate", "body shorter than announced"),
    ("redirect_loop", "too many redirects"),
])
def test_stream_that_cannot_be_started(shoal, origin, fault, words):
    server = origin("--fault", fault)
    status, out, err = shoal.command("run", "--listen", "off", "--duration", "1s",
                                     f"{server.base}/live/index.m3u8")
    assert (status, out) == (3, ""), err
    assert re.fullmatch(rf"shoal: http://[^ ]+: .*{words}.* \(.+\)\n", err), err


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_sources_that_cannot_reach_the_server(shoal, origin):
    server = origin()
    words = ("run", "--listen", "off", "--quiet", "--duration", "1s",
             f"{server.base}/live/index.m3u8", "--bind")
    status, out, err = shoal.command(*words, "::1")
    assert (status, out) == (2, "")
    assert re.fullmatch(r"shoal: --bind: .*no IPv6 address \(.+\)\n", err), err
    assert shoal.command(*words, "::1,127.0.0.2")[0] in (0, 1, 4)


@pytest.mark.parametrize("tls", [False, True])
def test_memory_of_a_viewer_is_said_in_parts(shoal, origin, tls):
    server = origin("--tls", "127.0.0.1:0", "--stream", "name=live,audio=64k,bitrates=300k")
    url = next(url for url in server.urls if url.startswith("https" if tls else "http:"))
    report = shoal.run("--insecure", "--viewers", 3, "--threads", 1, "--duration", "1s",
                       f"{url.rstrip('/')}/live/index.m3u8", status=None)
    said = re.search(r"shoal: up to 3 viewers, 1 thread, seed \d+; a viewer at rest takes ([\d,]+) bytes "
                     r"\(player ([\d,]+), slot (\d+), 2 connections of (\d+)(?: and ([\d,]+) of "
                     r"TLS)?\), sockets of the kernel apart\n", report.output)
    assert said, report.output
    total, player, slot, connection, secure = (int((text or "0").replace(",", ""))
                                               for text in said.groups())
    assert total == player + slot + 2 * (connection + secure)
    assert (secure > 0) == tls
    assert report.json["generator"]["bytes_per_viewer"] == total


def test_descriptors_for_the_connections_that_a_player_keeps(origin):
    """One a viewer, but three with FFmpeg's: two for segments, one for reloads."""
    server = origin()
    for player, refused in (("hlsjs", False), ("ffmpeg", True)):
        done = subprocess.run(
            ["prlimit", "--nofile=300", shoal_path(), "run", "--listen", "off", "--no-tui",
             "--viewers", "100", "--duration", "1s", "--player", player,
             f"{server.base}/live/index.m3u8"],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        assert (done.returncode == 3) == refused, done.stderr
        said = re.search(r"100 viewers need (\d+) file descriptors, the limit is 300 \(", done.stderr)
        assert (said is not None) == refused, done.stderr
        assert not refused or 300 < int(said[1]) < 500
