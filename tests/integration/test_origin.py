"""The test origin: real players play all that it serves, and it does each fault as it says."""
import gzip
import pathlib
import re
import socket
import ssl
import subprocess
import time

import pytest

from helpers.process import has_ipv6, wait_for
from origin_tools import (dns_query, ffmpeg_decodes, ffprobe, get, raw, tag, trusting, uris)

ROOT = pathlib.Path(__file__).resolve().parents[2]

# 5.1 reads the init section again after each reload of a live playlist and says so.
REREAD = ("Found duplicated MOOV",)
# Said of a stream whose timestamps jump at a discontinuity, as they shall.
JUMP = ("timestamp discontinuity", "DTS", "dropping frame")


@pytest.mark.parametrize("form", ["ts", "fmp4", "byterange", "fmp4-byterange"])
def test_vod_plays_whole(origin, form):
    one = origin(streams=[f"name=s,vod=12s,bitrates=500k,format={form}"])
    url = f"{one.base}/s/index.m3u8"
    info = ffprobe(url)
    assert abs(float(info["format"]["duration"]) - 12) < 0.05
    assert {stream["codec_name"] for stream in info["streams"]} == {"h264", "aac"}
    video, audio = ffmpeg_decodes(url)
    # 25 pictures a second, 46.875 audio frames a second.
    assert (video, audio) == (300, 563)


@pytest.mark.parametrize("form", ["ts", "fmp4", "byterange"])
def test_aes128_plays_and_is_encrypted(origin, form):
    one = origin(streams=[f"name=s,vod=8s,bitrates=300k,key=aes128,format={form}"])
    assert ffmpeg_decodes(f"{one.base}/s/index.m3u8") == (200, 375)
    playlist = get(f"{one.base}/s/v0/index.m3u8")[2]
    assert 'METHOD=AES-128,URI="../key.bin"' in playlist.decode()
    first = get(f"{one.base}/s/v0/{uris(playlist)[0]}")[2]
    assert len(first) % 16 == 0
    assert first[0] != 0x47 or first[188] != 0x47
    assert len(get(f"{one.base}/s/key.bin")[2]) == 16


def test_demuxed_audio_plays(origin):
    one = origin(streams=["name=s,vod=8s,bitrates=300k+700k,audio=96k"])
    info = ffprobe(f"{one.base}/s/index.m3u8")
    assert sorted(stream["codec_name"] for stream in info["streams"]) == \
        ["aac", "h264", "h264"]
    assert ffmpeg_decodes(f"{one.base}/s/index.m3u8") == (400, 375)


def test_discontinuities_play(origin):
    one = origin(streams=["name=s,vod=12s,bitrates=300k,discontinuity=2"])
    playlist = get(f"{one.base}/s/v0/index.m3u8")[2]
    assert playlist.count(b"#EXT-X-DISCONTINUITY\n") == 2
    assert ffmpeg_decodes(f"{one.base}/s/index.m3u8", allowed=JUMP) == (300, 563)


@pytest.mark.parametrize("form", ["ts", "fmp4"])
def test_live_plays_and_moves_on(origin, form):
    one = origin(streams=[f"name=s,segment=1s,window=5,bitrates=400k,format={form}"])
    url = f"{one.base}/s/v0/index.m3u8"
    first = int(tag(get(url)[2], "EXT-X-MEDIA-SEQUENCE"))
    video, _ = ffmpeg_decodes(f"{one.base}/s/index.m3u8", "-t", "5", allowed=REREAD)
    assert video >= 125
    later = int(tag(get(url)[2], "EXT-X-MEDIA-SEQUENCE"))
    assert later > first
    assert len(uris(get(url)[2])) == 5


def test_live_window_is_kept_and_then_gone(origin):
    one = origin(streams=["name=s,segment=200ms,window=3,bitrates=900k"])
    url = f"{one.base}/s/v0"
    assert get(f"{url}/0.ts")[0] == 200
    assert get(f"{url}/1000000.ts")[0] == 404
    wait_for(lambda: get(f"{url}/0.ts")[0] == 404, "segment 0 to go", 10)
    # What left the window just now is still served.
    newest = int(tag(get(f"{url}/index.m3u8")[2], "EXT-X-MEDIA-SEQUENCE"))
    assert get(f"{url}/{newest - 1}.ts")[0] == 200


def test_bitrates_are_as_asked(origin):
    one = origin(streams=["name=s,vod=4s,bitrates=500k+2M+8M"])
    for variant, bps in enumerate([500000, 2000000, 8000000]):
        size = len(get(f"{one.base}/s/v{variant}/0.ts")[2])
        assert abs(size * 8 / 2 / bps - 1) < 0.005


def test_continuity_across_segments(origin, tmp_path):
    one = origin(streams=["name=s,vod=40s,bitrates=400k"])
    whole = b"".join(get(f"{one.base}/s/v0/{i}.ts")[2] for i in range(20))
    assert len(whole) % 188 == 0
    last = {}
    for at in range(0, len(whole), 188):
        assert whole[at] == 0x47
        pid = (whole[at + 1] & 0x1f) << 8 | whole[at + 2]
        counter = whole[at + 3] & 15
        if pid != 0x1fff:
            assert pid not in last or counter == (last[pid] + 1) & 15, f"pid {pid} at {at}"
            last[pid] = counter
    file = tmp_path / "whole.ts"
    file.write_bytes(whole)
    assert ffmpeg_decodes(str(file)) == (1000, 1875)


def test_same_bytes_each_time(origin):
    streams = ["name=s,vod=8s,bitrates=300k", "name=f,vod=8s,bitrates=300k,format=fmp4"]
    one, two = origin(streams=streams), origin(streams=streams)
    for path in ["s/v0/2.ts", "f/v0/2.m4s", "f/v0/init.mp4", "f/v0/index.m3u8"]:
        assert get(f"{one.base}/{path}")[2] == get(f"{two.base}/{path}")[2]


def test_ranges(origin):
    one = origin(streams=["name=s,vod=4s,bitrates=300k,format=byterange"])
    url = f"{one.base}/s/v0/media.ts"
    whole = get(url)[2]
    cases = {"bytes=0-0": (0, 1), "bytes=100-299": (100, 300), "bytes=1000-": (1000, None),
             "bytes=-500": (len(whole) - 500, None), "bytes=74000-76000": (74000, 76001),
             f"bytes=10-{len(whole) * 2}": (10, None)}
    for asked, (first, end) in cases.items():
        status, fields, body = get(url, {"Range": asked})
        assert (status, body) == (206, whole[first:end]), asked
        assert fields["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(whole)}"
    status, fields, _ = get(url, {"Range": f"bytes={len(whole)}-"})
    assert (status, fields["Content-Range"]) == (416, f"bytes */{len(whole)}")
    for ignored in ["bytes=9-1", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b"]:
        assert get(url, {"Range": ignored})[0] == 200, ignored


def test_http_details(origin):
    one = origin(streams=["name=s,vod=4s,bitrates=300k"])
    playlist = f"{one.base}/s/v0/index.m3u8"
    plain = get(playlist)[2]
    status, fields, packed = get(playlist, {"Accept-Encoding": "br, gzip"})
    assert (status, fields["Content-Encoding"]) == (200, "gzip")
    assert gzip.decompress(packed) == plain
    assert "Content-Encoding" not in get(playlist, {"Accept-Encoding": "gzip;q=0"})[1]
    status, fields, body = get(f"{one.base}/s/v0/0.ts", method="HEAD")
    assert (status, int(fields["Content-Length"]), body) == \
        (200, len(get(f"{one.base}/s/v0/0.ts")[2]), b"")
    assert get(f"{one.base}/s/nothing")[0] == 404
    assert get(playlist, method="POST")[0] == 405
    assert get(f"{playlist}?token=1")[2] == plain
    # Pipelined requests are answered in order, also those that came with the first.
    asked = b"GET /s/v0/index.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n"
    received, end = raw(one.base, asked * 2 + asked.replace(b"\r\n\r\n",
                                                            b"\r\nConnection: close\r\n\r\n"))
    assert end == "closed" and received.count(b"HTTP/1.1 200 OK") == 3
    for bad, status in [(b"nonsense\r\n\r\n", b"400"), (b"GET / HTTP/2.7\r\n\r\n", b"505"),
                        (b"GET / HTTP/1.1\r\nX : y\r\n\r\n", b"400"),
                        (b"GET / HTTP/1.1\r\nA: " + b"b" * 17000, b"431"),
                        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"414")]:
        assert raw(one.base, bad)[0].split()[1] == status
    assert one.stats()["bad_requests"] == 5


def test_uris(origin):
    one = origin(streams=["name=a,vod=4s,bitrates=300k,uris=absolute",
                          "name=p,vod=4s,bitrates=300k,uris=path"])
    assert uris(get(f"{one.base}/a/index.m3u8")[2]) == [f"{one.base}/a/v0/index.m3u8"]
    assert uris(get(f"{one.base}/p/v0/index.m3u8")[2])[0] == "/p/v0/0.ts"
    assert ffmpeg_decodes(f"{one.base}/a/index.m3u8") == (100, 188)


def test_stream_properties(origin):
    one = origin(streams=["name=s,segment=1s,bitrates=300k,sequence=no,date=yes,gap=3",
                          "name=e,segment=1s,bitrates=300k,type=event"])
    playlist = get(f"{one.base}/s/v0/index.m3u8")[2]
    assert tag(playlist, "EXT-X-MEDIA-SEQUENCE") is None
    assert b"#EXT-X-GAP\n" in playlist
    dated = [time.strptime(at, "%Y-%m-%dT%H:%M:%S") for at in
             re.findall(r"DATE-TIME:(.*)\.\d{3}Z", playlist.decode())]
    assert len(dated) == 6
    assert tag(get(f"{one.base}/e/v0/index.m3u8")[2], "EXT-X-PLAYLIST-TYPE") == "EVENT"


def test_tls_with_a_certificate_made_at_start(origin, tmp_path):
    certificate = tmp_path / "ca.pem"
    one = origin("--tls", "127.0.0.1:0", "--cert-out", str(certificate), "--cert-name",
                 "media.example", streams=["name=s,vod=4s,bitrates=300k"])
    base = next(url for url in one.urls if url.startswith("https")).rstrip("/")
    status, _, body = get(f"{base}/s/v0/1.ts", context=trusting(certificate))
    assert status == 200 and body == get(f"{one.base}/s/v0/1.ts")[2]
    with pytest.raises(ssl.SSLCertVerificationError):
        get(f"{base}/s/index.m3u8", context=ssl.create_default_context())
    done = subprocess.run(["curl", "-sS", "--cacert", str(certificate), "--resolve",
                           f"media.example:{base.rsplit(':')[-1]}:127.0.0.1",
                           f"https://media.example:{base.rsplit(':')[-1]}/s/index.m3u8"],
                          capture_output=True, timeout=20)
    assert done.returncode == 0 and b"#EXTM3U" in done.stdout, done.stderr
    assert one.stats()["tls_handshakes"] >= 2


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback")
def test_ipv6(origin):
    one = origin("--listen", "[::1]:0", streams=["name=s,vod=4s,bitrates=300k"])
    assert one.base.startswith("http://[::1]:")
    assert get(f"{one.base}/s/index.m3u8")[0] == 200


def test_counts_and_access_log_agree(origin, tmp_path):
    log = tmp_path / "access.log"
    one = origin("--access-log", str(log), streams=["name=s,vod=6s,bitrates=300k"])
    ffmpeg_decodes(f"{one.base}/s/index.m3u8", "-user_agent", "my agent/1")
    get(f"{one.base}/s/missing.ts")
    stats = one.stats()
    wait_for(lambda: "/_origin/stats.json" in log.read_text(), "the log to be written")
    lines = [re.fullmatch(r'(\S+) (\S+) (\S+) (\d+) (\d+) (\S+) (\d+) "(.*)" "(.*)"', line)
             for line in log.read_text().splitlines()]
    assert all(lines)
    segments = [line for line in lines if line.group(3).endswith(".ts")
                and line.group(4) in ("200", "206")]
    assert len(segments) == 3 and all(line.group(9) == "my agent/1" for line in segments)
    assert sum(int(line.group(5)) for line in segments) == \
        stats["body_bytes_by_kind"]["segment"]
    # The request for the figures is in the log but not yet in the figures' responses.
    assert len(lines) == stats["requests"] == sum(stats["responses_by_status"].values()) + 1
    assert stats["responses_by_status"]["404"] == 1


def fault(origin, *rules, stream="name=s,segment=1s,bitrates=300k", more=()):
    arguments = [word for rule in rules for word in ("--fault", rule)]
    return origin(*arguments, *more, streams=[stream])


REQUEST = b"GET /s/v0/index.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n"


def test_every_fault_of_the_list_is_known(shoal_binary):
    """fail.def names faults; each one must be a rule that the origin takes."""
    rows = re.findall(r'^X\([^"]*"[^"]*",\s*"([^"]*)"\)',
                      (ROOT / "src/base/fail.def").read_text(), re.MULTILINE)
    assert len(rows) > 30
    text = subprocess.run([shoal_binary, "origin", "--help"], capture_output=True,
                          check=True).stdout.decode()
    kinds = set(re.findall(r"^  ([a-z_0-9]+) ", text, re.MULTILINE))
    missing = [row for row in rows
               if not row.startswith("local:") and row.split("=")[0] not in kinds]
    assert missing == []


def test_status_fault_and_conditions(origin):
    one = fault(origin, "status=503,path=*.ts,after=1,count=2")
    playlist = get(f"{one.base}/s/v0/index.m3u8")[2]
    url = f"{one.base}/s/v0/{uris(playlist)[-1]}"
    assert [get(url)[0] for _ in range(5)] == [200, 503, 503, 200, 200]
    assert one.stats()["faults"][0]["applied"] == 2


def test_probability_is_the_seeds(origin):
    def pattern(seed):
        one = fault(origin, "status=404,p=0.5", more=["--seed", str(seed)])
        return [get(f"{one.base}/s/index.m3u8")[0] for _ in range(40)]

    assert pattern(1) == pattern(1)
    assert pattern(1) != pattern(2)
    assert 5 < pattern(3).count(404) < 35


def test_time_window(origin):
    one = fault(origin, "status=404,from=500ms,to=1s")
    seen = []
    wait_for(lambda: seen.append(get(f"{one.base}/s/index.m3u8")[0]) or
             (404 in seen and seen[-1] == 200), "the fault to come and go", 10)
    assert seen[0] == 200


def test_latency_and_bandwidth(origin):
    one = fault(origin, "latency=300ms,path=*index*", "bandwidth=1M,path=*.ts")
    start = time.monotonic()
    playlist = get(f"{one.base}/s/v0/index.m3u8")[2]
    assert 0.3 <= time.monotonic() - start < 1
    start = time.monotonic()
    body = get(f"{one.base}/s/v0/{uris(playlist)[-1]}")[2]
    took, expected = time.monotonic() - start, len(body) * 8 / 1e6
    assert expected * 0.8 < took < expected * 1.3 + 0.2


def test_freeze_ends_with_its_rule(origin):
    one = fault(origin, "freeze,from=0s,to=2500ms")
    start = time.monotonic()
    assert get(f"{one.base}/s/index.m3u8")[0] == 200
    assert 0.5 < time.monotonic() - start < 4
    assert raw(fault(origin, "freeze").base, REQUEST, timeout=0.5) == (b"", "timeout")


@pytest.mark.parametrize("kind, end", [("close_before_response", "closed"),
                                       ("reset_before_response", "reset")])
def test_no_response(origin, kind, end):
    assert raw(fault(origin, kind).base, REQUEST) == (b"", end)


def test_garbage_and_endless_header(origin):
    received, _ = raw(fault(origin, "garbage_response").base, REQUEST)
    assert received and not received.startswith(b"HTTP/")
    received, end = raw(fault(origin, "endless_header").base, REQUEST, limit=300000)
    assert end == "limit" and b"\r\n\r\n" not in received


def test_redirects(origin):
    base = fault(origin, "redirect=/moved,path=/s/index.m3u8").base
    status, fields, _ = get(f"{base}/s/index.m3u8?q=1")
    assert (status, fields["Location"]) == (302, "/moved/s/index.m3u8?q=1")
    status, _, body = get(f"{base}/moved/s/index.m3u8")
    assert status == 200 and uris(body) == ["v0/index.m3u8"]
    assert get(f"{base}/moved/s/v0/index.m3u8")[0] == 200
    status, fields, _ = get(f"{fault(origin, 'redirect_loop').base}/s/index.m3u8")
    assert (status, fields["Location"]) == (302, "/s/index.m3u8")
    status, fields, _ = get(f"{fault(origin, 'redirect_invalid').base}/s/index.m3u8")
    assert (status, fields["Location"]) == (302, None)


def test_framing(origin):
    one = fault(origin, "chunked,path=*.m3u8", "until_close,path=*.ts",
                "cookie=id=7; Path=/,path=*.m3u8")
    status, fields, body = get(f"{one.base}/s/v0/index.m3u8")
    assert (status, fields["Transfer-Encoding"]) == (200, "chunked")
    assert fields["Content-Length"] is None and fields["Set-Cookie"] == "id=7; Path=/"
    status, fields, media = get(f"{one.base}/s/v0/{uris(body)[-1]}")
    assert fields["Content-Length"] is None and len(media) % 188 == 0 and len(media) > 30000


def test_body_faults(origin):
    def body_of(rule, stream="name=s,segment=1s,bitrates=300k", limit=1 << 20, timeout=5):
        one = fault(origin, rule, stream=stream)
        received, end = raw(one.base, REQUEST, limit=limit, timeout=timeout)
        head, _, body = received.partition(b"\r\n\r\n")
        return head.decode(), body, end

    head, body, end = body_of("truncate")
    announced = int(re.search(r"Content-Length: (\d+)", head).group(1))
    assert end == "closed" and len(body) == announced // 2
    head, body, end = body_of("truncate=10")
    assert (end, len(body)) == ("closed", 10)
    head, body, end = body_of("reset_in_body")
    assert end == "reset"
    head, body, end = body_of("endless_body", limit=500000)
    assert end == "limit" and "Content-Length" not in head and body.startswith(b"#EXTM3U")
    head, body, end = body_of("bad_chunk")
    assert "chunked" in head and b"\r\nzz\r\n" in body
    head, body, end = body_of("bad_gzip", timeout=0.5)
    assert "Content-Encoding: gzip" in head
    with pytest.raises(Exception):
        gzip.decompress(body)
    head, body, end = body_of("padded=300000", limit=400000, timeout=0.5)
    assert "Content-Length: 300000" in head and len(body) == 300000
    head, body, end = body_of("short_length", timeout=0.5)
    assert len(body) // 2 == int(re.search(r"Content-Length: (\d+)", head).group(1))
    for bytes_in in [1, 20, 250, 400]:
        received, end = raw(fault(origin, f"reset_at={bytes_in}").base, REQUEST)
        assert end == "reset" and len(received) <= bytes_in
    assert "Content-Encoding: x-unknown" in body_of("unknown_encoding", timeout=0.5)[0]
    head, body, end = body_of("slow_drip", timeout=1.5)
    assert end == "timeout" and len(body) <= 4


def test_content_faults(origin):
    assert get(f"{fault(origin, 'not_playlist').base}/s/index.m3u8")[2].startswith(b"<!DOCTYPE")
    invalid = get(f"{fault(origin, 'invalid_playlist').base}/s/v0/index.m3u8")[2]
    assert invalid.startswith(b"#EXTM3U") and uris(invalid) == []
    one = fault(origin, "not_media")
    playlist = get(f"{one.base}/s/v0/index.m3u8")[2]
    status, _, body = get(f"{one.base}/s/v0/{uris(playlist)[0]}")
    assert status == 200 and body.startswith(b"<!DOCTYPE")
    one = fault(origin, "bad_key", stream="name=s,vod=4s,bitrates=300k,key=aes128")
    assert len(get(f"{one.base}/s/key.bin")[2]) == 15


def test_range_faults(origin):
    stream = "name=s,vod=4s,bitrates=300k,format=byterange"
    asked = {"Range": "bytes=188-1000"}
    url = "/s/v0/media.ts"
    status, _, body = get(fault(origin, "ignore_range", stream=stream).base + url, asked)
    assert status == 200 and len(body) > 1000
    status, fields, body = get(fault(origin, "wrong_range", stream=stream).base + url, asked)
    assert status == 206 and len(body) == 407
    playlist = get(fault(origin, "range_beyond", stream=stream).base +
                   "/s/v0/index.m3u8")[2]
    offset = int(tag(playlist, "EXT-X-BYTERANGE").split("@")[1])
    assert offset > 1 << 40


def test_stream_faults(origin):
    def loads(rule, count, stream="name=s,segment=200ms,window=5,bitrates=900k,discontinuity=3"):
        """So many playlists, each a segment after the one before."""
        one = fault(origin, rule, stream=stream)
        found = []
        for _ in range(count):
            deadline = time.monotonic() + 0.22
            found.append(get(f"{one.base}/s/v0/index.m3u8")[2])
            wait_for(lambda: time.monotonic() >= deadline, "the next segment's time")
        return found

    def numbers(found, name):
        return [int(tag(playlist, name) or 0) for playlist in found]

    stale = loads("stale_playlist", 4)
    assert len(set(stale)) == 1
    late = loads("late_segment", 8)
    ends = [int(uris(playlist)[-1].partition(".")[0]) for playlist in late]
    moved = [later - earlier for earlier, later in zip(ends, ends[1:])]
    assert set(moved) <= {0, 2} and 2 in moved and 0 in moved
    sequence = numbers(loads("sequence_regress,after=8", 14), "EXT-X-MEDIA-SEQUENCE")
    assert any(later < earlier for earlier, later in zip(sequence, sequence[1:]))
    sequence = numbers(loads("discontinuity_regress", 4), "EXT-X-DISCONTINUITY-SEQUENCE")
    assert any(later < earlier for earlier, later in zip(sequence, sequence[1:]))
    assert len(set(numbers(loads("target_change", 3), "EXT-X-TARGETDURATION"))) == 3
    playlist = loads("long_extinf", 1)[0]
    assert float(tag(playlist, "EXTINF").rstrip(",")) > int(tag(playlist, "EXT-X-TARGETDURATION"))
    first, second = loads("uri_change", 2)
    assert uris(first)[0].split("/")[0] != uris(second)[0].split("/")[0]


def test_refuse_for_a_time(origin):
    one = fault(origin, "refuse,from=500ms,to=1200ms")
    url = f"{one.base}/s/index.m3u8"
    assert get(url)[0] == 200

    def refused():
        try:
            get(url)
            return False
        except ConnectionResetError:
            return False  # it stood in the queue when the listener closed
        except ConnectionRefusedError:
            return True

    wait_for(refused, "connections to be refused", 5)
    wait_for(lambda: not refused(), "connections to be accepted again", 5)
    assert one.stats()["faults"][0]["applied"] == 1


def test_blackhole_for_a_time(origin):
    one = fault(origin, "blackhole,from=300ms,to=4s")
    port = int(one.base.rsplit(":")[-1])

    def unanswered():
        with socket.socket() as one:
            one.settimeout(0.4)
            try:
                one.connect(("127.0.0.1", port))
                return False
            except socket.timeout:
                return True

    wait_for(unanswered, "connecting to time out", 5)
    wait_for(lambda: not unanswered(), "connecting to work again", 20)
    assert get(f"{one.base}/s/index.m3u8", timeout=20)[0] == 200


def test_tls_faults(origin, tmp_path):
    def attempt(rule):
        certificate = tmp_path / f"{rule}.pem"
        one = fault(origin, rule, more=["--tls", "127.0.0.1:0", "--cert-out",
                                        str(certificate)])
        base = next(url for url in one.urls if url.startswith("https")).rstrip("/")
        return get(f"{base}/s/index.m3u8", context=trusting(certificate), timeout=1)

    with pytest.raises(ssl.SSLCertVerificationError):
        attempt("tls_wrong_name")
    with pytest.raises(ssl.SSLError, match="(?i)wrong.version|record|unknown"):
        attempt("tls_garbage")
    with pytest.raises((socket.timeout, ssl.SSLError), match="timed out"):
        attempt("tls_silent")


def test_dns_faults(origin):
    def port_of(*rules):
        one = fault(origin, *rules, more=["--dns", "127.0.0.1:0"])
        return int(re.search(r"UDP port (\d+)", one.process.log_text()).group(1))

    port = port_of("dns_not_found,path=gone.*", "dns_servfail,path=broken.*",
                   "dns_silent,path=silent.*", "dns_unroutable,path=far.*")
    assert dns_query(port, "live.example") == (0, [b"\x7f\0\0\x01"])
    assert dns_query(port, "live.example", kind=28) == (0, [])
    assert dns_query(port, "gone.example") == (3, [])
    assert dns_query(port, "broken.example") == (2, [])
    assert dns_query(port, "silent.example", timeout=0.5) is None
    rcode, addresses = dns_query(port, "far.example")
    with socket.socket() as one, pytest.raises(OSError, match="unreachable"):
        one.connect((socket.inet_ntoa(addresses[0]), 80))


@pytest.mark.parametrize("arguments, complaint", [
    (["--fault", "statu=503"], "'statu' is no fault"),
    (["--fault", "status"], "status from 200 to 599"),
    (["--fault", "status=503,p=2"], "above 1"),
    (["--fault", "status=503,from=3s,to=2s"], "ends before it begins"),
    (["--stream", "bitrates=1M"], "no name"),
    (["--stream", "name=a,segment=2"], "segment=2"),
    (["--stream", "name=a,segment=2001ms"], "multiple of 40ms"),
    (["--stream", "name=a,bitrates=10k"], "less than"),
    (["--stream", "name=a,colour=red"], "unknown property 'colour'"),
    (["--stream", "name=a", "--stream", "name=a"], "two are named 'a'"),
    (["--listen", "localhost"], "no address and port"),
    (["--dns", "127.0.0.1:0", "--dns-answer", "x"], "no address"),
])
def test_bad_arguments(shoal_binary, arguments, complaint):
    done = subprocess.run([shoal_binary, "origin", "--listen", "127.0.0.1:0", *arguments],
                          capture_output=True, timeout=10)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert len(lines) == 1 and lines[0].startswith("shoal: ") and complaint in lines[0]


@pytest.fixture
def shoal_binary():
    from helpers.shoal import shoal_path
    return str(shoal_path())


def test_out_of_descriptors_waits_and_goes_on(shoal_binary, tmp_path):
    """Connections beyond the limit wait in the queue, without a busy loop, until others end."""
    ready = tmp_path / "ready"
    child = subprocess.Popen(["sh", "-c", f"ulimit -n 40; exec {shoal_binary} origin --listen "
                              f"127.0.0.1:0 --ready-file {ready} --stream name=s,vod=4s"],
                             stdout=subprocess.DEVNULL)
    try:
        wait_for(ready.exists, "the origin to listen")
        base = re.search(r"http://[^/]+", ready.read_text()).group(0)
        port = int(base.rsplit(":")[-1])
        many = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(60)]

        def spent():
            fields = pathlib.Path(f"/proc/{child.pid}/stat").read_text().split()
            return int(fields[13]) + int(fields[14])

        before, until = spent(), time.monotonic() + 1
        wait_for(lambda: time.monotonic() > until, "a second to pass")
        assert spent() - before < 30
        for one in many:
            one.close()
        assert get(f"{base}/s/index.m3u8", timeout=10)[0] == 200
    finally:
        child.terminate()
        assert child.wait(10) == 0
