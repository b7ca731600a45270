"""The list of failures against the list of faults: each failure is provoked by the fault that
its row in fail.def names, and is counted as exactly that."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

ROWS = [(label, kind, fault) for label, kind, fault in re.findall(
    r'^X\([A-Z0-9_]+, ([a-z0-9_]+), ([A-Z]+),\s*"[^"]*",\s*"([^"]*)"\)',
    (ROOT / "src/base/fail.def").read_text(), re.M)]
BY_ORIGIN = [row for row in ROWS if not row[2].startswith("local:")]
BY_MEANS = [row for row in ROWS if row[2].startswith("local:")]

VOD = "name=s,vod=8s,bitrates=200k,segment=1s"
LIVE = "name=s,bitrates=200k,segment=1s"

# Streams that a fault needs: keys to be broken, ranges to be missed.
STREAMS = {
    "bad_key": VOD + ",key=aes128",
    "ignore_range": VOD + ",format=byterange",
    "wrong_range": VOD + ",format=byterange",
    "range_beyond": VOD + ",format=byterange",
}

# What else a fault brings about by its nature. A segment that comes late leaves the playlist
# unchanged for as long; a window that jumps back hides what is new; a range that no resource has
# is answered with 416 by every server.
BESIDES = {
    "segment_late": {"playlist_stale"},
    "playlist_stale": {"segment_late"},
    "sequence_regressed": {"playlist_stale", "segment_late"},
    "byterange_missing": {"status_4xx"},
}


def stream_for(kind, fault):
    return STREAMS.get(fault.split("=")[0], LIVE if kind == "STREAM" else VOD)


# Faults of segments spare playlists, faults of playlists spare the preflight and the first load.
SEGMENTS_ONLY = {"closed_before_response", "reset_before_response", "first_byte_timeout",
                 "response_malformed", "header_too_large", "status_4xx", "status_5xx",
                 "status_unexpected", "redirect_loop", "redirect_invalid", "encoding_unknown",
                 "body_timeout", "body_reset", "body_truncated", "chunk_malformed"}
# A segment may be gigabytes long; it is playlists whose bound is soon reached.
PLAYLISTS_ONLY = {"body_too_large", "decode_failed", "not_playlist", "playlist_invalid"}


def fault_argument(label, kind, fault):
    if label == "redirect_loop":
        return f"{fault},path=*.ts"  # each turn of the loop is a request that must be hit
    if label in SEGMENTS_ONLY:
        # More than one: what a kept connection does is tried again once on a new one.
        return f"{fault},path=*.ts,count=8"
    if label in PLAYLISTS_ONLY:
        return f"{fault},path=*/v0/*,after=1"
    if kind == "STREAM" and fault != "range_beyond":
        return f"{fault},after=4"
    return fault


class TestEveryRow:
    def check(self, report, label):
        allowed = BESIDES.get(label, ())
        assert report.label("failures", label) >= 1, (report.failures(), report.output)
        assert set(report.failures()) <= {label, *allowed}, report.failures()
        report.check_balance()

    @pytest.mark.parametrize("label, kind, fault",
                             [row for row in BY_ORIGIN
                              if row[1] in ("REQUEST", "RESPONSE", "BODY", "CONTENT")],
                             ids=lambda value: value if value.islower() else "")
    def test_of_an_answer(self, shoal, origin, label, kind, fault):
        stream = stream_for(kind, fault)
        one = origin("--fault", fault_argument(label, kind, fault), streams=[stream])
        patience = "30s" if label == "body_too_large" else "2s"
        report = shoal.run("--viewers", 2, "--duration", "7s", "--player", "drain", "--timeout",
                           patience, f"{one.base}/s/index.m3u8", status=None)
        self.check(report, label)

    @pytest.mark.parametrize("label, kind, fault",
                             [row for row in BY_ORIGIN if row[1] == "STREAM"],
                             ids=lambda value: value if value.islower() else "")
    def test_of_the_stream(self, shoal, origin, label, kind, fault):
        stream = stream_for(kind, fault)
        one = origin("--fault", fault_argument(label, kind, fault), streams=[stream])
        # One viewer, since each load is another playlist: two would see every second one.
        report = shoal.run("--viewers", 1, "--duration", "9s", "--live-offset", "3s",
                           f"{one.base}/s/index.m3u8", status=None)
        self.check(report, label)

    def test_connections_refused(self, shoal, origin):
        one = origin("--fault", "refuse,from=2s", streams=[LIVE])
        report = shoal.run("--viewers", 4, "--ramp", "4s", "--duration", "6s",
                           f"{one.base}/s/index.m3u8", status=None)
        self.check(report, "connect_refused")

    def test_connecting_not_answered(self, shoal, origin):
        one = origin("--fault", "blackhole,from=2s", streams=[LIVE])
        report = shoal.run("--viewers", 30, "--ramp", "5s", "--duration", "8s",
                           "--connect-timeout", "1s", f"{one.base}/s/index.m3u8", status=None)
        self.check(report, "connect_timeout")

    @pytest.mark.parametrize("label, fault", [(row[0], row[2]) for row in BY_ORIGIN
                                              if row[1] == "TLS"])
    def test_tls(self, shoal, origin, tmp_path, label, fault):
        """The preflight's two connections are spared."""
        one = origin("--tls", "127.0.0.1:0", "--cert-out", tmp_path / "ca.pem", "--fault",
                     f"{fault},after=2", streams=[VOD])
        secure = next(url for url in one.urls if url.startswith("https"))
        base = re.match(r"https://[^/]+", secure).group(0)
        report = shoal.run("--viewers", 2, "--duration", "4s", "--connect-timeout", "1s",
                           "--cacert", tmp_path / "ca.pem", f"{base}/s/index.m3u8", status=None)
        self.check(report, label)

    @pytest.mark.parametrize("label, fault", [(row[0], row[2]) for row in BY_ORIGIN
                                              if row[1] == "DNS" or "dns" in row[2]])
    def test_names(self, shoal, origin, label, fault):
        """The preflight's own look-up, one question for each family, is spared."""
        one = origin("--dns", "127.0.0.1:0", "--fault", f"{fault},after=2", streams=[VOD])
        port = re.search(r"DNS on UDP port (\d+)", one.process.log_text()).group(1)
        where = one.base.replace("127.0.0.1", "media.example")
        report = shoal.run("--viewers", 1, "--duration", "12s", "--dns", f"127.0.0.1:{port}",
                           f"{where}/s/index.m3u8", status=None)
        self.check(report, label)

    def test_every_row_has_its_test(self, origin):
        """No row is left out above, and the origin knows every fault that a row names."""
        kinds = {row[1] for row in BY_ORIGIN}
        assert kinds == {"DNS", "CONNECT", "TLS", "REQUEST", "RESPONSE", "BODY", "CONTENT",
                         "STREAM"}
        assert {row[0] for row in BY_ORIGIN if row[1] == "CONNECT"} == {
            "connect_refused", "connect_timeout", "connect_unreachable"}
        assert {row[2] for row in BY_MEANS} == {"local:family", "local:descriptors",
                                                "local:ports", "local:memory"}
        assert len(ROWS) == len(BY_ORIGIN) + len(BY_MEANS) == 44


def test_descriptors_spent(shoal, origin, tmp_path):
    """A limit lowered below what the run needs: the preflight says so, and does not start."""
    one = origin(streams=[VOD])
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh",
         *[str(word) for word in run_words(shoal, one)]],
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 3
    assert re.search(r"^shoal: .*descriptors.*\(.*\)$", done.stderr, re.M), done.stderr


def run_words(shoal, one):
    from helpers.shoal import shoal_path
    return [shoal_path(), "run", "--viewers", 1000, "--listen", "off", "--no-tui",
            f"{one.base}/s/index.m3u8"]
