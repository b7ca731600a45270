"""`shoal lint` and `shoal probe`: exit statuses, following, segments, and other parsers as
oracles on playlists of our own making (tests/unit/media/rules.txt)."""
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.request

import pytest

from helpers.shoal import shoal_path

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "tests/unit/media/rules.txt"


def call(*arguments, stdin=None):
    return subprocess.run([shoal_path(), *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=120, check=False)


def lint(*arguments, stdin=None):
    """Runs lint with --json; returns exit status and the object."""
    done = call("lint", "--json", *arguments, stdin=stdin)
    return done.returncode, json.loads(done.stdout)


def rules(answer):
    found = [f["rule"] for p in answer["playlists"] for f in p["findings"]]
    return set(found + [f["rule"] for f in answer["together"]])


class TestExit:
    def write(self, tmp_path, text):
        path = tmp_path / "a.m3u8"
        path.write_bytes(text)
        return path

    def test_clean(self, tmp_path):
        path = self.write(tmp_path, b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n"
                                    b"#EXT-X-ENDLIST\n")
        done = call("lint", path)
        assert (done.returncode, done.stdout) == (0, b"")

    def test_a_must_rule(self, tmp_path):
        path = self.write(tmp_path, b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:5,\na.ts\n")
        done = call("lint", path)
        assert done.returncode == 1
        assert re.fullmatch(rf"{re.escape(str(path))}:3: must: EXTINF: .*\[extinf-too-long\]\n",
                            done.stdout.decode())

    def test_a_should_rule(self, tmp_path):
        path = self.write(tmp_path, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n")
        assert call("lint", path).returncode == 0
        assert call("lint", "--strict", path).returncode == 1

    def test_unreadable(self, tmp_path, serve):
        assert call("lint", tmp_path / "absent.m3u8").returncode == 3
        assert call("lint", self.write(tmp_path, b"\x00\x01\x02\x00")).returncode == 3
        assert call("lint", serve.url + "/absent.m3u8").returncode == 3
        assert call("probe", serve.url + "/absent.m3u8").returncode == 3

    @pytest.mark.parametrize("text", [b"<html>\n<p> a b</p>\n</html>\n", b'{"a": "b c"}', b"",
                                      b"\n \n"])
    def test_not_a_playlist(self, tmp_path, text):
        status, answer = lint(self.write(tmp_path, text))
        assert status == 1 and rules(answer) == {"extm3u-first"}
        assert text.strip().split(b"\n")[0].decode() in answer["playlists"][0]["findings"][0]["detail"]

    def test_usage(self, tmp_path):
        assert call("lint").returncode == 2
        assert call("lint", "--nonsense", "x").returncode == 2
        assert call("lint", "--follow", "5", "http://h/").returncode == 2
        assert call("lint", "--segments", self.write(tmp_path, b"#EXTM3U\n")).returncode == 2

    def test_a_rule_can_be_left_out(self, tmp_path):
        path = self.write(tmp_path, b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:5,\na.ts\n")
        done = call("lint", "--ignore", "extinf-too-long", path)
        assert (done.returncode, done.stdout) == (0, b"")
        done = call("lint", "--ignore", "extinf-to-long", path)
        assert done.returncode == 2 and b"did you mean extinf-too-long?" in done.stderr

    def test_one_rule_does_not_drown_the_others(self, tmp_path):
        path = self.write(tmp_path, b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
                                    + b"#EXTINF:5,\na.ts\n" * 5000 + b"#EXT-X-ENDLIST:1\n")
        out = call("lint", path).stdout.decode()
        assert out.count("[extinf-too-long]\n") == 101 and "[tag-value-unexpected]" in out
        assert f"{path}: note: 4900 more of [extinf-too-long]\n" in out

    def test_standard_input(self):
        status, answer = lint("-", stdin=b"#EXTM3U\n#EXT-X-TARGETDURATION:0\n")
        assert status == 1 and rules(answer) == {"targetduration-zero"}


class TestSets:
    def test_a_multivariant_playlist_is_followed(self, serve):
        (serve.folder / "top.m3u8").write_text(
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-DEFINE:NAME=\"v\",VALUE=\"a\"\n"
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"n\",CHANNELS=\"2\",URI=\"sound.m3u8\"\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1\",AUDIO=\"g\"\n{$v}.m3u8\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=2,CODECS=\"avc1\",AUDIO=\"g\"\nabsent.m3u8\n")
        (serve.folder / "a.m3u8").write_text(
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:4\n#EXT-X-DEFINE:IMPORT=\"v\"\n"
            "#EXTINF:4,\n{$v}.ts\n#EXT-X-ENDLIST\n")
        (serve.folder / "sound.m3u8").write_text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\na.aac\n#EXT-X-ENDLIST\n")
        status, answer = lint(serve.url + "/top.m3u8")
        assert status == 3  # One playlist is not there.
        assert [p["status"] for p in answer["playlists"]] == ["ok", "ok", "unreadable", "ok"]
        assert rules(answer) == {"set-target-differs", "playlist-uncompressed"}


class TestFollow:
    @pytest.mark.parametrize("fault, rule", [
        ("sequence_regress", "reload-sequence-decreased"),
        ("discontinuity_regress", "reload-discontinuity-decreased"),
        ("target_change", "reload-target-changed"),
        ("stale_playlist", "reload-late"),
        ("late_segment", "reload-late"),
        ("uri_change", "reload-uri-changed"),
    ])
    def test_faults(self, origin, fault, rule):
        server = origin("--fault", fault,
                        streams=["name=s,bitrates=200k,segment=1s,window=6,discontinuity=4"])
        status, answer = lint("--follow", "7s", server.base + "/s/index.m3u8")
        assert status == 1 and rule in rules(answer), rules(answer)
        assert answer["playlists"][1]["loads"] >= 4

    def test_a_good_stream(self, origin):
        server = origin(streams=["name=s,bitrates=200k,segment=1s,window=6"])
        status, answer = lint("--follow", "5s", "--segments", server.base + "/s/index.m3u8")
        assert status == 0 and answer["must"] == 0, answer
        assert answer["playlists"][1]["loads"] >= 4


class TestSegments:
    def test_real_media_keeps_the_rules(self, serve, vod):
        for kind in ("ts", "fmp4"):
            shutil.copytree(vod(kind), serve.folder / kind)
            top = sorted((serve.folder / kind).glob("*.m3u8"))[0]
            status, answer = lint("--segments", f"{serve.url}/{kind}/{top.name}")
            musts = [f for p in answer["playlists"] for f in p["findings"]
                     if f["severity"] == "must" and f["rule"] != "bandwidth-exceeded"]
            assert not musts, musts
            assert status in (0, 1) and "segment-duration" not in rules(answer)

    def test_as_long_as_ffprobe_says(self, vod):
        """Our sum of durations against that of ffprobe, which reads the playlist itself."""
        for kind in ("ts", "fmp4", "byterange", "abr"):
            folder = vod(kind)
            for path in folder.rglob("*.m3u8"):
                ours = lint(path)[1]["playlists"][0]
                if ours["kind"] != "media":
                    continue
                probed = subprocess.run(
                    ["ffprobe", "-v", "error", "-allowed_extensions", "ALL", "-show_entries",
                     "format=duration", "-of", "csv=p=0", str(path)],
                    capture_output=True, check=True, text=True, timeout=60)
                assert ours["duration_s"] == pytest.approx(float(probed.stdout), abs=0.05), path

    def test_what_segments_tell(self, origin, serve):
        server = origin(streams=["name=s,vod=8s,bitrates=500k,segment=2s"])
        base = server.base + "/s/v0/"
        (serve.folder / "v.m3u8").write_text(
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n#EXT-X-BITRATE:100\n"
            f"#EXTINF:2.0,\n{base}0.ts\n#EXTINF:1.5,\n{base}1.ts\n#EXTINF:2,\n{base}absent.ts\n"
            f"#EXTINF:2,\n#EXT-X-BYTERANGE:100@90000000\n{base}2.ts\n"
            "#EXTINF:2,\ntop.m3u8\n#EXT-X-ENDLIST\n")
        (serve.folder / "top.m3u8").write_text(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS=\"avc1\"\nv.m3u8\n")
        status, answer = lint("--segments", serve.url + "/top.m3u8")
        assert status == 1
        assert rules(answer) >= {"segment-duration", "segment-unavailable", "segment-range-beyond",
                                 "segment-not-media", "bitrate-wrong", "bandwidth-exceeded"}
        (serve.folder / "v.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{base}0.ts\n#EXT-X-ENDLIST\n")
        assert "segment-too-long" in rules(lint("--segments", serve.url + "/top.m3u8")[1])
        (serve.folder / "v.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{base}0.ts\n#EXTINF:2,\n{base}1.ts\n")
        assert "bandwidth-live" in rules(lint("--segments", serve.url + "/top.m3u8")[1])
        (serve.folder / "v.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{base}0.ts\n#EXT-X-ENDLIST\n")
        (serve.folder / "top.m3u8").write_text(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=1000,CODECS=\"avc1\"\n"
            "v.m3u8\n")
        assert "average-bandwidth-exceeded" in rules(lint("--segments", serve.url + "/top.m3u8")[1])


class TestJustKept:
    """Each rule about segments at its limit: what just keeps it, and the next thing beyond."""

    @pytest.fixture
    def check(self, origin, serve):
        server = origin(streams=["name=s,vod=8s,bitrates=500k,segment=2s"])
        names = [f"{server.base}/s/v0/{n}.ts" for n in range(4)]
        self.sizes = [len(urllib.request.urlopen(name).read()) for name in names]

        def run(rule, *head, tags=("#EXTINF:2,",) * 4, bandwidth=9000000, average="", target=2,
                end=("#EXT-X-ENDLIST",)):
            lines = [line for pair in zip(tags, names) for line in pair]
            serve.write("v.m3u8", "#EXTM3U", "#EXT-X-VERSION:4",
                        f"#EXT-X-TARGETDURATION:{target}", *head, *lines, *end)
            url = serve.write("top.m3u8", "#EXTM3U",
                              f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}{average},"
                              'CODECS="avc1.42c01e,mp4a.40.2"', "v.m3u8")
            return rule in rules(lint("--segments", url)[1])

        return run

    def test_bandwidth(self, check):
        # Over runs of one segment: a second one would pass one and a half target durations.
        peak = max(self.sizes) * 4
        assert not check("bandwidth-exceeded", bandwidth=peak)
        assert check("bandwidth-exceeded", bandwidth=peak - 1)
        assert not check("bandwidth-live", bandwidth=peak, end=())
        assert check("bandwidth-live", bandwidth=peak - 1, end=())

    def test_average_bandwidth(self, check):
        average = sum(self.sizes)  # of 8 s, in bits a second
        assert not check("average-bandwidth-exceeded", average=f",AVERAGE-BANDWIDTH={average}")
        assert check("average-bandwidth-exceeded", average=f",AVERAGE-BANDWIDTH={average - 1}")

    def test_bitrate(self, check):
        kbps = [size * 4 / 1000 for size in self.sizes]
        most, least = int(min(kbps) * 1.1), -int(-max(kbps) * 0.9 // 1)
        assert not check("bitrate-wrong", f"#EXT-X-BITRATE:{most}")
        assert not check("bitrate-wrong", f"#EXT-X-BITRATE:{least}")
        assert check("bitrate-wrong", f"#EXT-X-BITRATE:{most + 1}")
        assert check("bitrate-wrong", f"#EXT-X-BITRATE:{least - 1}")

    def test_ranges(self, check):
        size = self.sizes[0]

        def tags(length):
            return (f"#EXTINF:2,\n#EXT-X-BYTERANGE:{length}@{size - 188}", *("#EXTINF:2,",) * 3)

        assert not check("segment-range-beyond", tags=tags(188))
        assert check("segment-range-beyond", tags=tags(189))

    def test_durations(self, check):
        # A tenth of a second, and what the last frame may last.
        assert not check("segment-duration", tags=("#EXTINF:1.9,",) + ("#EXTINF:2,",) * 3)
        assert not check("segment-duration", tags=("#EXTINF:2.1,",) + ("#EXTINF:2,",) * 3)
        assert check("segment-duration", tags=("#EXTINF:1.8,",) + ("#EXTINF:2,",) * 3)
        assert check("segment-duration", tags=("#EXTINF:2.2,",) + ("#EXTINF:2,",) * 3)
        assert not check("segment-too-long", tags=("#EXTINF:2,",) * 4, target=2)
        assert check("segment-too-long", tags=("#EXTINF:1,",) * 4, target=1)


class TestProbe:
    def test_costs(self, origin):
        server = origin(streams=["name=s,bitrates=500k+1M,segment=2s,window=6",
                                 "name=v,vod=8s,bitrates=300k,segment=2s,audio=96k,muxed=none"])
        done = call("probe", "--json", "-n", "100", server.base + "/s/index.m3u8")
        answer = json.loads(done.stdout)
        assert done.returncode == 0 and len(answer["variants"]) == 2
        assert answer["cost"][0]["viewer_requests_per_s"] == pytest.approx(1.0)
        assert answer["cost"][1]["all_mbps"] == pytest.approx(100, rel=0.05)
        answer = json.loads(call("probe", "--json", server.base + "/v/index.m3u8").stdout)
        assert answer["renditions"][0]["kind"] == "audio"
        assert answer["cost"][0]["viewer_requests_per_s"] == pytest.approx(1.0, rel=0.2)
        assert b"Cost" in call("probe", server.base + "/v/index.m3u8").stdout

    LOW_LATENCY = (
        "#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:4",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5",
        "#EXT-X-PART-INF:PART-TARGET=0.5",
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery",'
        'KEYFORMATVERSIONS="1"', *("#EXTINF:4,", "s.aac") * 4,
        '#EXT-X-PART:DURATION=0.5,URI="p1.aac"', '#EXT-X-PART:DURATION=0.5,URI="p2.aac"')

    def test_low_latency_and_encryption(self, serve):
        url = serve.write("top.m3u8", *self.LOW_LATENCY)
        (serve.folder / "s.aac").write_bytes(bytes(5000))
        answer = json.loads(call("probe", "--json", url).stdout)
        variant, cost = answer["variants"][0], answer["cost"][0]
        assert variant["encryption"] == "SAMPLE-AES FairPlay"
        assert variant["format"] == "packed audio" and variant["hold_back_s"] == 1.5
        assert cost["viewer_requests_per_s"] == pytest.approx(0.5)
        assert cost["viewer_low_latency_requests_per_s"] == pytest.approx(4)
        assert cost["viewer_bps"] == pytest.approx(
            10000 + (serve.folder / "top.m3u8").stat().st_size * 8 / 4, rel=0.01)

    def test_the_cost_is_what_a_run_costs(self, origin, tmp_path):
        """Requests and bytes of viewers who play, against what was foretold."""
        server = origin(streams=["name=s,bitrates=500k,segment=1s,window=6"])
        url = server.base + "/s/index.m3u8"
        answer = json.loads(call("probe", "--json", "-n", "20", url).stdout)["cost"][0]
        done = call("run", "--viewers", "20", "--ramp", "1s", "--duration", "8s", "--no-tui",
                    "--threads", "1", "--listen", "127.0.0.1:0", "--csv", tmp_path / "a.csv", url)
        assert done.returncode in (0, 4), done.stderr
        with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[3:7]
        mean = {name: sum(float(row[name]) for row in rows) / len(rows)
                for name in ("http_requests_per_s", "bytes_per_s")}
        assert mean["http_requests_per_s"] == pytest.approx(answer["all_requests_per_s"], rel=0.1)
        assert mean["bytes_per_s"] * 8e-6 == pytest.approx(answer["all_mbps"], rel=0.1)

    def test_a_playlist_of_several_variants_is_read_once(self, serve):
        url = serve.write("top.m3u8", "#EXTM3U",
                          *('#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1"', "v.m3u8") * 3)
        serve.write("v.m3u8", "#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXTINF:4,", "a.ts",
                    "#EXT-X-ENDLIST")
        (serve.folder / "a.ts").write_bytes(bytes(1000))
        costs = json.loads(call("probe", "--json", url).stdout)["cost"]
        assert [cost["viewer_bps"] for cost in costs] == [2000] * 3
        assert serve.asked["/v.m3u8"] == serve.asked["/a.ts"] == 1

    def test_a_playlist_that_cannot_be_read(self, serve):
        url = serve.write("top.m3u8", "#EXTM3U", '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="n",'
                          'CHANNELS="2",URI="none.m3u8"',
                          '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1",AUDIO="g"', "gone.m3u8",
                          '#EXT-X-STREAM-INF:BANDWIDTH=8000,CODECS="avc1",AUDIO="g"', "v.m3u8")
        serve.write("v.m3u8", "#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXTINF:4,", "a.ts",
                    "#EXT-X-ENDLIST")
        done = call("probe", "--no-segments", url)
        assert done.returncode == 0
        assert done.stdout.count(b"could not be read: status 4xx") == 2
        assert b"variant 1: 8kbit/s" in done.stdout.split(b"Cost")[1]
        answer = json.loads(call("probe", "--json", "--no-segments", url).stdout)
        assert [cost["variant"] for cost in answer["cost"]] == [1]
        assert answer["variants"][0]["unread"] == answer["renditions"][0]["unread"] == "status 4xx"

    def test_what_cannot_be_probed(self, tmp_path):
        assert call("probe", tmp_path / "a.m3u8").returncode == 2


SHORT = {"@m": "#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-TARGETDURATION:4", "@s": "#EXTINF:4,\ns.ts",
         "@e": "#EXT-X-ENDLIST", "@v": '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="a"\nv.m3u8'}


def samples():
    """The single playlists of rules.txt: (rule, keeps, text)."""
    found, rule, lines, keeps = [], None, None, False

    def finish():
        if lines is not None:
            found.append((rule, keeps, "\n".join(lines) + "\n"))

    for line in RULES.read_text().splitlines():
        if line.startswith("@rule "):
            finish()
            rule, lines = line[6:], None
        elif line in ("@keeps", "@breaks"):
            finish()
            lines, keeps = [], line == "@keeps"
        elif line.startswith(("@then", "@as")):
            lines = None
        elif lines is not None and "\\x" not in line:
            lines.append(SHORT.get(line, line))
    finish()
    return [s for s in found if not s[0].startswith(("reload-", "set-"))]


class TestOracles:
    """npm's hls-parser in strict mode must not refuse what we find no fault with, and
    m3u8-parser must see as many segments and variants as we do."""

    @pytest.fixture(scope="class")
    def answers(self):
        texts = [text for _, _, text in samples()]
        node = shutil.which("node")
        if node is None:
            pytest.skip("node is not installed")
        done = subprocess.run([node, str(pathlib.Path(__file__).with_name("oracles.mjs"))],
                              input=json.dumps({"playlists": texts}).encode(), check=False,
                              capture_output=True, timeout=60, env=os.environ)
        if done.returncode == 3:
            pytest.skip("hls-parser and m3u8-parser are not installed (NODE_PATH)")
        return json.loads(done.stdout)

    def test_what_is_refused_is_refused_by_us(self, answers, tmp_path):
        path, odd = tmp_path / "a.m3u8", []
        for (rule, keeps, text), answer in zip(samples(), answers):
            path.write_text(text)
            if answer["strict"] and call("lint", path).returncode == 0:
                odd.append((rule, keeps, answer["strict"], text))
        odd = [o for o in odd if not explained(o[2])]
        assert not odd, odd

    def test_as_many_segments(self, answers, tmp_path):
        path, odd = tmp_path / "a.m3u8", []
        for (rule, keeps, text), theirs in zip(samples(), answers):
            path.write_text(text)
            ours = lint(path)[1]["playlists"][0]
            if theirs["segments"] is None:
                continue
            if keeps and ours["kind"] == "media" and ours["segments"] != theirs["segments"]:
                odd.append((rule, text, ours["segments"], theirs["segments"]))
            if keeps and ours["kind"] == "multivariant" and ours["variants"] != theirs["variants"]:
                odd.append((rule, text, ours["variants"], theirs["variants"]))
        assert not odd, odd


# hls-parser's refusals that the draft does not share, by its message.
EXPLAINED = [
    (r"IV must be a 128-bit", "a number of 128 bits may be written with fewer digits (4.2)"),
    (r"CAN-BLOCK-RELOAD=YES is mandatory", "of the low-latency profile only (appendix B)"),
    (r"more than one EXT-X-PRELOAD-HINT", "the draft says should (6.2.6)"),
    (r"all Variant Streams .* SHOULD have a SCORE", "the draft says should (4.4.6.2)"),
]


def explained(message):
    return any(re.search(pattern, message) for pattern, _ in EXPLAINED)
