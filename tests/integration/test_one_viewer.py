"""One viewer, one case each: the log of a real nginx shows exactly the requests of a player."""
import gzip
import re

import pytest

from helpers.media import segments_of
from helpers.process import has_ipv6


def play(shoal, server, path="main.m3u8", *more):
    """One viewer plays one session to its end; returns its report and what the server logged.

    `drain` asks for what every player asks for, and does not wait for the playhead.
    """
    report = shoal.run("--viewers", 1, "--once", "--player", "drain", *more, server.url(path))
    server.quit()
    report.check_balance()
    assert report.failures() == {}, report.output
    log = server.log()
    assert report["body_bytes"] == sum(row["bytes"] for row in log)
    assert report["http_requests"] == len(log)
    assert report["stalls"] == 0 and report["segments_skipped"] == 0
    return report, log


def uris(log):
    return [row["uri"] for row in log]


def copy_playlist(source, target, change):
    """Copies a stream's folder as links, its playlist changed."""
    target.mkdir(exist_ok=True)
    for one in source.iterdir():
        if one.name != "main.m3u8":
            (target / one.name).symlink_to(one)
    (target / "main.m3u8").write_text(change((source / "main.m3u8").read_text()))


def test_ts(shoal, nginx, vod):
    folder = vod("ts")
    report, log = play(shoal, nginx(folder), "main.m3u8", "--player", "hlsjs")
    assert uris(log) == ["/main.m3u8"] + [f"/{name}"
                                          for name in segments_of(folder / "main.m3u8")]
    assert len({row["connection"] for row in log}) == 1 == report["tcp_connects"]
    assert report["segments"] == len(log) - 1
    assert {row["agent"] for row in log} == {row["agent"] for row in log[:1]}


def test_fmp4_fetches_the_init_section_once_and_first(shoal, nginx, vod):
    folder = vod("fmp4")
    report, log = play(shoal, nginx(folder))
    assert uris(log) == ["/main.m3u8", "/init.mp4"] + [
        f"/{name}" for name in segments_of(folder / "main.m3u8")]
    assert report["init_sections"] == 1


def test_byterange_asks_for_each_range_once(shoal, nginx, vod):
    folder = vod("byterange")
    text = (folder / "main.m3u8").read_text()
    ranges = [(int(length), int(offset))
              for length, offset in re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", text)]
    report, log = play(shoal, nginx(folder))
    assert [row["range"] for row in log[1:]] == [
        f"bytes={offset}-{offset + length - 1}" for length, offset in ranges]
    assert {row["status"] for row in log[1:]} == {206}
    assert report["segments"] == len(ranges)
    assert report["segment_bytes"] == sum(length for length, _ in ranges)


def test_aes_128_fetches_the_key_once(shoal, nginx, vod):
    folder = vod("aes")
    report, log = play(shoal, nginx(folder))
    assert sorted(uris(log)) == sorted(["/main.m3u8", "/key.bin"] + [
        f"/{name}" for name in segments_of(folder / "main.m3u8")])
    assert report["keys"] == 1


def test_demuxed_audio_is_fetched_beside_the_video(shoal, nginx, vod):
    folder = vod("abr")
    report, log = play(shoal, nginx(folder), "main.m3u8", "--player", "hlsjs")
    video = ["/v0/index.m3u8"] + [f"/v0/{name}"
                                  for name in segments_of(folder / "v0/index.m3u8")]
    audio = ["/v2/index.m3u8"] + [f"/v2/{name}"
                                  for name in segments_of(folder / "v2/index.m3u8")]
    assert uris(log)[0] == "/main.m3u8"
    assert sorted(uris(log)) == sorted(["/main.m3u8"] + video + audio)
    # Each of the two in its own order.
    assert [uri for uri in uris(log) if uri in video] == video
    assert [uri for uri in uris(log) if uri in audio] == audio
    assert report["playlists"] == 3


@pytest.mark.parametrize("rule, variants", [("highest", {"v0"}), ("lowest", {"v1"}),
                                            ("1", {"v1"}), ("all", {"v0", "v1"})])
def test_variants(shoal, nginx, vod, rule, variants):
    _, log = play(shoal, nginx(vod("abr")), "main.m3u8", "--variant", rule)
    assert {uri.split("/")[1] for uri in uris(log)[1:]} == variants | {"v2"}


def test_redirect_to_another_folder_is_the_base(shoal, nginx, vod):
    folder = vod("ts")
    server = nginx(folder.parent, server=f"""
        location = /start/main.m3u8 {{ return 302 /{folder.name}/main.m3u8; }}""")
    report, log = play(shoal, server, "start/main.m3u8")
    assert uris(log) == ["/start/main.m3u8", f"/{folder.name}/main.m3u8"] + [
        f"/{folder.name}/{name}" for name in segments_of(folder / "main.m3u8")]
    assert report["redirects"] == 1
    assert log[0]["status"] == 302


def test_cookies_are_kept_and_sent_where_they_belong(shoal, nginx, vod):
    server = nginx(vod("ts"), server="""
        location = /main.m3u8 {
            add_header Set-Cookie "a=1; Path=/";
            add_header Set-Cookie "b=2; Path=/elsewhere";
            add_header Set-Cookie "c=3; Secure";
            add_header Set-Cookie "d=4; Domain=other.example";
            add_header Set-Cookie "e=5; Max-Age=0";
        }""")
    _, log = play(shoal, server)
    assert log[0]["cookie"] == ""
    assert {row["cookie"] for row in log[1:]} == {"a=1"}


def test_each_viewer_has_cookies_of_its_own(shoal, nginx, vod):
    server = nginx(vod("ts"), server="""
        location = /main.m3u8 { add_header Set-Cookie "v=$connection"; }""")
    shoal.run("--viewers", 20, "--once", "--player", "drain", server.url("main.m3u8"))
    server.quit()
    for row in server.log():
        assert row["cookie"] in ("", f"v={row['connection']}")
    assert len({row["cookie"] for row in server.log()}) == 21


def test_gzip_playlist(shoal, nginx, vod):
    server = nginx(vod("ts"), server="""
        gzip on; gzip_types application/vnd.apple.mpegurl; gzip_min_length 1;""")
    report, log = play(shoal, server)
    assert "gzip" in log[0]["encoding"]
    plain = (server.root / "main.m3u8").stat().st_size
    # nginx compresses on the fly, so the body is chunked as well.
    assert log[0]["bytes"] != plain
    assert report["playlist_bytes"] == plain


def test_gzip_playlist_of_known_length(shoal, nginx, vod, tmp_path):
    copy_playlist(vod("ts"), tmp_path / "www", lambda text: text)
    text = (tmp_path / "www/main.m3u8").read_bytes()
    (tmp_path / "www/main.m3u8.gz").write_bytes(gzip.compress(text))
    report, log = play(shoal, nginx(tmp_path / "www", server="gzip_static always;"))
    assert log[0]["bytes"] == len(gzip.compress(text))
    assert report["playlist_bytes"] == len(text)


def test_chunked_playlist_and_segments(shoal, nginx, vod):
    # ssi makes nginx forget the length, so that it must use chunks.
    server = nginx(vod("ts"), server="ssi on; ssi_types application/vnd.apple.mpegurl;")
    report, log = play(shoal, server)
    assert report["playlist_bytes"] == (server.root / "main.m3u8").stat().st_size
    assert report["segments"] == len(log) - 1


def test_absolute_urls_on_another_server(shoal, nginx, vod, tmp_path):
    folder = vod("ts")
    media = nginx(folder)
    copy_playlist(folder, tmp_path / "www", lambda text: re.sub(
        r"^(s\d+\.ts)$", lambda name: media.url(name.group(1)), text, flags=re.M))
    server = nginx(tmp_path / "www")
    report = shoal.run("--viewers", 1, "--once", "--player", "drain", server.url("main.m3u8"))
    server.quit()
    media.quit()
    assert uris(server.log()) == ["/main.m3u8"]
    assert uris(media.log()) == [f"/{name}" for name in segments_of(folder / "main.m3u8")]
    assert report["tcp_connects"] == 2
    assert report["body_bytes"] == sum(row["bytes"] for row in server.log() + media.log())


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6_literal(shoal, nginx, vod):
    server = nginx(vod("ts"), address="::1")
    _, log = play(shoal, server)
    assert {row["host"] for row in log} == {f"[::1]:{server.port}"}
    assert len(log) == 7


def test_missing_media_sequence(shoal, nginx, vod, tmp_path):
    copy_playlist(vod("ts"), tmp_path / "www",
                  lambda text: re.sub(r"#EXT-X-MEDIA-SEQUENCE:.*\n", "", text))
    _, log = play(shoal, nginx(tmp_path / "www"))
    assert uris(log) == ["/main.m3u8"] + [f"/s{n:03d}.ts" for n in range(6)]


def test_discontinuity(shoal, nginx, vod, tmp_path):
    """The same film twice, one after the other."""
    def twice(text):
        head, body = text.split("#EXTINF", 1)
        body = "#EXTINF" + body.replace("#EXT-X-ENDLIST\n", "")
        again = re.sub(r"^(s\d+\.ts)$", r"\1?again", body, flags=re.M)
        return f"{head}{body}#EXT-X-DISCONTINUITY\n{again}#EXT-X-ENDLIST\n"

    copy_playlist(vod("ts"), tmp_path / "www", twice)
    _, log = play(shoal, nginx(tmp_path / "www"))
    assert uris(log) == (["/main.m3u8"] + [f"/s{n:03d}.ts" for n in range(6)] +
                         [f"/s{n:03d}.ts?again" for n in range(6)])


def test_a_gap_is_not_asked_for(shoal, nginx, vod, tmp_path):
    copy_playlist(vod("ts"), tmp_path / "www", lambda text: re.sub(
        r"(#EXTINF[^\n]*\n)(s003\.ts)", r"#EXT-X-GAP\n\1\2", text))
    report = shoal.run("--viewers", 1, "--once", "--player", "drain",
                       (server := nginx(tmp_path / "www")).url("main.m3u8"))
    server.quit()
    assert uris(server.log()) == ["/main.m3u8"] + [f"/s{n:03d}.ts" for n in (0, 1, 2, 4, 5)]
    assert report["segments_gap"] == 1 and report["segments"] == 5


def test_headers_and_user_agent_of_the_user(shoal, nginx, vod):
    server = nginx(vod("ts"), server='if ($http_x_token != "secret") { return 403; }')
    _, log = play(shoal, server, "main.m3u8", "-H", "X-Token: secret", "-A", "me/1")
    assert {row["agent"] for row in log} == {"me/1"}
    assert {row["status"] for row in log} == {200}


def test_resolve_in_place_of_dns(shoal, nginx, vod):
    server = nginx(vod("ts"))
    report = shoal.run("--viewers", 1, "--once", "--player", "drain", "--resolve",
                       f"media.example:{server.port}:127.0.0.1",
                       f"http://media.example:{server.port}/main.m3u8")
    server.quit()
    assert {row["host"] for row in server.log()} == {f"media.example:{server.port}"}
    assert report["dns_lookups"] == 0
