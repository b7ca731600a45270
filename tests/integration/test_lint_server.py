"""`shoal lint` against servers: what HTTP says of a playlist, many playlists followed at the same
time, keys and codecs. Together with test_lint.py each rule that only a server can break is broken
and just kept here."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unicodedata

import pytest

from helpers.process import wait_for
from helpers.shoal import shoal_path

ROOT = pathlib.Path(__file__).resolve().parents[2]
VOD = ("#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXTINF:4,", "a.ts", "#EXT-X-ENDLIST")


def lint(*arguments, stdin=None):
    done = subprocess.run([shoal_path(), "lint", "--json", *map(str, arguments)], input=stdin,
                          capture_output=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


def rules(answer):
    found = [f["rule"] for p in answer["playlists"] for f in p["findings"]]
    return set(found + [f["rule"] for f in answer["together"]])


class TestServed:
    @pytest.mark.parametrize("name, marked", [
        ("list.m3u8", True), ("list.m3u", True), ("list.m3u8?token=1.txt", True),
        ("list.hls", True), ("list.aud", True), ("list.txt", False), ("list.m3u8x", False),
        ("m3u8", False), ("list.txt?x=.m3u8", False)])
    def test_what_marks_a_playlist(self, serve, name, marked):
        serve.write(name.split("?")[0], *VOD)
        status, answer = lint(f"{serve.url}/{name}")
        assert ("playlist-unmarked" in rules(answer)) != marked
        assert status == (0 if marked else 1)

    def test_a_file_needs_no_mark(self, tmp_path):
        (tmp_path / "list.txt").write_text("\n".join(VOD) + "\n")
        assert lint("--strict", tmp_path / "list.txt") == (0, lint(tmp_path / "list.txt")[1])

    def test_gzip(self, serve, origin):
        status, answer = lint("--strict", serve.write("list.m3u8", *VOD))
        assert status == 1 and rules(answer) == {"playlist-uncompressed"}
        server = origin(streams=["name=s,vod=8s,bitrates=200k"])
        assert rules(lint(server.base + "/s/index.m3u8")[1]) == set()


class TestOwnOrigin:
    """What we serve ourselves breaks no rule at all, neither must nor should."""

    @pytest.mark.parametrize("stream", [
        "bitrates=200k+400k,segment=1s,window=6,discontinuity=4,date=yes",
        "vod=8s,bitrates=200k,format=fmp4,audio=96k,muxed=none",
        "vod=8s,bitrates=200k,format=byterange,key=aes128",
        "vod=8s,bitrates=200k,format=fmp4-byterange,discontinuity=2",
        "type=event,bitrates=200k,segment=1s"])
    def test_strict(self, origin, stream):
        server = origin(streams=["name=s," + stream])
        live = [] if "vod" in stream else ["--follow", "3s"]
        status, answer = lint("--strict", "--segments", *live, server.base + "/s/index.m3u8")
        assert (status, rules(answer)) == (0, set()), answer


LIVE = ("#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:5",
        *("#EXTINF:1,", "a.ts") * 4)


class TestFollow:
    def pair(self, serve):
        serve.write("a.m3u8", *LIVE)
        serve.write("b.m3u8", *LIVE)
        return serve.write("top.m3u8", "#EXTM3U", '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1"',
                           "a.m3u8", '#EXT-X-STREAM-INF:BANDWIDTH=2,CODECS="avc1"', "b.m3u8")

    def test_one_waits_for_no_other(self, serve):
        """A playlist whose answers take 1.5 s leaves the other at its pace of half a second."""
        url = self.pair(serve)
        serve.delay_s["/a.m3u8"] = 1.5
        answer = lint("--follow", "4s", url)[1]
        loads = [p["loads"] for p in answer["playlists"]]
        assert loads[1] <= 4 and loads[2] >= 6, loads
        assert all("reload-late" in {f["rule"] for f in p["findings"]}
                   for p in answer["playlists"][1:])
        assert {f["load"] > 1 for p in answer["playlists"][1:] for f in p["findings"]
                if f["rule"] == "reload-late"} == {True}

    def test_findings_are_told_as_they_come_and_an_interrupt_ends_it(self, serve):
        url = self.pair(serve)
        with subprocess.Popen([shoal_path(), "lint", "--follow", "10m", url], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            line = process.stdout.readline()
            while "reload-late" not in line:
                assert line, "it ended without a word"
                line = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "3 playlists: " in err and line not in out

    def test_failed_loads_are_told(self, serve):
        url = self.pair(serve)
        with subprocess.Popen([shoal_path(), "lint", "--json", "--follow", "3s", url],
                              stdout=subprocess.PIPE) as process:
            wait_for(lambda: serve.asked["/b.m3u8"] >= 2, "the first reload", 20)
            os.rename(serve.folder / "b.m3u8", serve.folder / "gone")
            asked = serve.asked["/b.m3u8"]
            wait_for(lambda: serve.asked["/b.m3u8"] >= asked + 2, "two more reloads", 20)
            os.rename(serve.folder / "gone", serve.folder / "b.m3u8")
            answer = json.load(process.stdout)
        assert [p["failed_loads"] > 0 for p in answer["playlists"]] == [False, False, True]


class LowLatency:
    """A live playlist with delivery directives; `flaw` is what it does wrong."""

    def __init__(self, flaw):
        self.flaw, self.start = flaw, time.monotonic()

    def end(self):
        return 20 + int(time.monotonic() - self.start)

    def __call__(self, query):
        if "_HLS_part" in query and "_HLS_msn" not in query and self.flaw != "part":
            return 400, "bad request\n"
        while self.end() <= int(query.get("_HLS_msn", 0)) and self.flaw != "early":
            time.sleep(0.02)
        end = self.end()
        lines = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:1",
                 "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6",
                 f"#EXT-X-MEDIA-SEQUENCE:{end - 20}"]
        numbers = range(end - 20, end)
        if query.get("_HLS_skip") == "YES" and self.flaw != "whole":
            skipped = 12
            if self.flaw == "unusable":
                lines[-1] = f"#EXT-X-MEDIA-SEQUENCE:{end - 30}"
                skipped = 22
            lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
            numbers = numbers[12:]
        prefix = "x" if self.flaw == "changed" and "_HLS_skip" in query else "s"
        return 200, "\n".join([*lines, *(f"#EXTINF:1,\n{prefix}{n}.ts" for n in numbers)]) + "\n"


@pytest.mark.parametrize("flaw, rule", [
    (None, None), ("early", "blocking-early"), ("part", "blocking-part-alone"),
    ("whole", "delta-missing"), ("unusable", "delta-unusable"), ("changed", "reload-uri-changed")])
def test_delivery_directives(serve, flaw, rule):
    serve.answers["/live.m3u8"] = LowLatency(flaw)
    answer = lint("--follow", "100ms", serve.url + "/live.m3u8?A=1&token=1")[1]
    assert rules(answer) == ({rule} if rule else set()), answer
    # Sorted, so that caches have one key.
    assert "/live.m3u8?A=1&_HLS_skip=YES&token=1" in serve.urls
    assert "/live.m3u8?A=1&_HLS_part=0&token=1" in serve.urls


def test_a_directive_without_other_parameters(serve):
    serve.answers["/live.m3u8"] = LowLatency(None)
    assert rules(lint("--follow", "100ms", serve.url + "/live.m3u8#t=1")[1]) == set()
    assert "/live.m3u8?_HLS_skip=YES" in serve.urls
    assert rules(lint("--follow", "100ms", serve.url + "/live.m3u8?Z")[1]) == set()
    assert "/live.m3u8?Z&_HLS_skip=YES" in serve.urls


class TestKeys:
    @pytest.fixture
    def aes(self, serve, vod):
        shutil.copytree(vod("aes"), serve.folder / "aes")
        return serve.folder / "aes", serve.url + "/aes/main.m3u8"

    def test_what_is_encrypted_is_read(self, aes):
        folder, url = aes
        assert lint("--segments", url)[0] == 0
        text = (folder / "main.m3u8").read_text()
        (folder / "main.m3u8").write_text(re.sub(r"#EXTINF:2\.\d+", "#EXTINF:1.5", text, count=1))
        assert "segment-duration" in rules(lint("--segments", url)[1])

    @pytest.mark.parametrize("key, rule", [
        (None, "key-unavailable"), (bytes(15), "key-length"), (bytes(16), "segment-undecryptable"),
        (bytes(range(16)), None)])
    def test_keys(self, aes, key, rule):
        folder, url = aes
        (folder / "key.bin").unlink()
        if key is not None:
            (folder / "key.bin").write_bytes(key)
        status, answer = lint("--segments", url)
        found = {f["rule"] for f in answer["playlists"][0]["findings"]
                 if f["severity"] == "must"}
        # A wrong key leaves a right padding once in 256 times, and noise then.
        assert found - {"segment-not-media"} == ({rule} if rule else set())
        assert status == (1 if rule else 0)


def test_parts_are_asked_for(serve):
    low_latency = ("#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:1",
                   "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5",
                   "#EXT-X-PART-INF:PART-TARGET=0.5", '#EXT-X-PART:DURATION=0.5,URI="p1.ts"',
                   '#EXT-X-PART:DURATION=0.5,URI="p2.ts",GAP=YES')
    url = serve.write("top.m3u8", *low_latency)
    answer = lint("--segments", url)[1]
    assert [(f["rule"], f["line"]) for f in answer["playlists"][0]["findings"]
            if f["severity"] == "must"] == [("segment-unavailable", 6)]
    (serve.folder / "p1.ts").write_bytes(b"G")
    assert lint("--segments", url)[0] == 0


def test_a_segment_too_large_to_be_read_is_no_fault(serve):
    url = serve.write("v.m3u8", *VOD)
    with open(serve.folder / "a.ts", "wb") as file:
        file.truncate(300 << 20)
    answer = lint("--segments", url)[1]
    assert answer["must"] == 0 and answer["playlists"][0]["large_segments"] == 1


class TestJoints:
    """What follows a segment goes on from it, or there is EXT-X-DISCONTINUITY."""

    @pytest.fixture
    def check(self, serve, vod):
        for kind in ("ts", "fmp4"):
            shutil.copytree(vod(kind), serve.folder / kind)

        def run(*lines):
            url = serve.write("v.m3u8", "#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:3",
                              *lines, "#EXT-X-ENDLIST")
            return rules(lint("--segments", url)[1]) & {"timestamps-jump", "formats-change"}

        return run

    @pytest.mark.parametrize("kind, head, suffix", [
        ("ts", (), "ts"), ("fmp4", ('#EXT-X-MAP:URI="fmp4/init.mp4"',), "m4s")])
    def test_timestamps(self, check, kind, head, suffix):
        one, two, three, five = (("#EXTINF:2,", f"{kind}/s00{n}.{suffix}") for n in (0, 1, 2, 4))
        assert check(*head, *one, *two, *three) == set()
        assert check(*head, *one, *three) == {"timestamps-jump"}
        assert check(*head, *one, "#EXT-X-DISCONTINUITY", *three) == set()
        assert check(*head, *two, *one) == {"timestamps-jump"}
        assert check(*head, *one, "#EXT-X-GAP", *two, *five) == set()

    def test_formats(self, check, serve):
        subprocess.run(["ffmpeg", "-v", "error", "-i", serve.folder / "ts/s001.ts", "-c", "copy",
                        "-vn", "-copyts", "-muxdelay", "0", serve.folder / "sound.ts"],
                       check=True, stdin=subprocess.DEVNULL)
        one, sound = ("#EXTINF:2,", "ts/s000.ts"), ("#EXTINF:2,", "sound.ts")
        assert check(*one, *sound) == {"formats-change"}
        assert check(*one, "#EXT-X-DISCONTINUITY", *sound) == set()


class TestCodecs:
    @pytest.mark.parametrize("codecs, named", [
        ("avc1.42c01e,mp4a.40.2", True), ("avc3.42c01e, mp4a.40.5", True), ("avc1.42c01e", False),
        ("mp4a.40.2", False), ("hvc1.1.6.L93,mp4a.40.2", False)])
    @pytest.mark.parametrize("kind", ["ts", "fmp4"])
    def test_codecs(self, serve, vod, kind, codecs, named):
        shutil.copytree(vod(kind), serve.folder / kind)
        url = serve.write("top.m3u8", "#EXTM3U",
                          f'#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS="{codecs}"',
                          f"{kind}/main.m3u8")
        status, answer = lint("--segments", "--segment-limit", "1", url)
        assert ("codecs-incomplete" in rules(answer)) != named
        assert status == (0 if named else 1), answer

    def test_codecs_of_renditions_count(self, serve, vod):
        shutil.copytree(vod("abr"), serve.folder / "abr")
        top = serve.folder / "abr/main.m3u8"
        url = serve.url + "/abr/main.m3u8"
        assert "codecs-incomplete" not in rules(lint("--segments", url)[1])
        top.write_text(top.read_text().replace(",mp4a.40.2", ""))
        assert "codecs-incomplete" in rules(lint("--segments", url)[1])


def test_normalization_against_another():
    """Each pair and each single character of Unicode that changes in form C, and what may stand
    beside it, as a line each, by Python's tables; a hundred at a time, since so many findings of
    a rule are told."""
    parts, sure = [], set()
    for code in range(0x80, 0x30000):
        text = unicodedata.normalize("NFD", chr(code))
        hangul = 0xac00 <= code < 0xd7a4 and code % 50 != 0
        if not 0xd800 <= code < 0xe000 and not hangul and text != chr(code):
            parts += [chr(code)] if len(text) == 1 else [
                text, chr(code), chr(code) + "\u0301", text + "\u0323\u0301"]
            sure |= {chr(code), text} if len(text) < 3 else {chr(code)}
    told, broken = set(), {part for part in parts
                           if unicodedata.normalize("NFC", "#x" + part) != "#x" + part}
    for at in range(0, len(parts), 100):
        text = "\n".join(["#EXTM3U", *("#x" + part for part in parts[at:at + 100])]) + "\n"
        answer = lint("-", stdin=text.encode())[1]
        told |= {parts[at + f["line"] - 2] for f in answer["playlists"][0]["findings"]
                 if f["rule"] == "not-normalized"}
    assert told <= broken
    assert not broken & sure - told
    assert len(told) > 0.9 * len(broken)


def test_every_rule_of_servers_is_provoked():
    text = "".join((ROOT / "tests/integration" / name).read_text()
                   for name in ("test_lint.py", "test_lint_server.py"))
    names = re.findall(r'"([a-z-]+)", \w+, (?:MEDIA|SERVED),',
                       (ROOT / "src/media/m3u8_rules.def").read_text())
    assert len(names) > 12 and not [name for name in names if f'"{name}"' not in text]
