"""The list of failures against the list of faults: each failure is provoked by the fault that
its row in fail.def names, and is counted as exactly that."""
import pathlib
import re
import resource
import subprocess

import pytest

from helpers import own_network
from helpers.process import wait_for
from helpers.shoal import shoal_path

ROOT = pathlib.Path(__file__).resolve().parents[2]

ROWS = [(label, kind, fault) for label, kind, fault in re.findall(
    r'^X\([A-Z0-9_]+, ([a-z0-9_]+), ([A-Z]+),\s*"[^"]*",\s*"([^"]*)"\)',
    (ROOT / "src/base/fail.def").read_text(), re.M)]
BY_ORIGIN = [row for row in ROWS if not row[2].startswith("local:")]

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
        patience = "12s" if label == "dns_timeout" else "3s"
        report = shoal.run("--viewers", 1, "--duration", patience, "--dns", f"127.0.0.1:{port}",
                           f"{where}/s/index.m3u8", status=None)
        self.check(report, label)

    def test_descriptors(self, shoal, origin):
        """Two connections a viewer, and not so many descriptors: the preflight asks for one."""
        one = origin(streams=[VOD + ",audio=64k"])
        report = shoal.run("--viewers", 150, "--ramp", "1s", "--duration", "3s",
                           f"{one.base}/s/index.m3u8", prefix=["prlimit", "--nofile=280:280"],
                           status=4)
        self.check(report, "descriptors_spent")

    def test_ports(self, shoal, origin):
        """Two connections a viewer, in a network that has fewer source ports."""
        if not own_network.is_possible():
            pytest.skip("no network of one's own here: tests/unit/net/test_ports says the same")
        one = origin(streams=[VOD + ",audio=64k"], prefix=own_network.outside("40000 40019"))
        report = shoal.run("--viewers", 15, "--duration", "2s", f"{one.base}/s/index.m3u8",
                           prefix=own_network.beside(one.process.pid), status=4)
        self.check(report, "ports_spent")

    def test_memory(self, shoal, origin):
        """A playlist of 7 MB, for which a process that may take 6 more finds no memory."""
        one = origin("--fault", "padded=7MB,path=*/v0/*,after=5", streams=[LIVE])
        run = shoal.start("--viewers", 1, "--threads", 1, "--duration", "8s",
                          f"{one.base}/s/index.m3u8")
        wait_for(lambda: re.search(r"^ +0:0\d ", run.log_text(), re.M), "the first second")
        held = re.search(r"VmData:\s+(\d+) kB", pathlib.Path(f"/proc/{run.pid}/status").read_text())
        limit = int(held.group(1)) * 1024 + 6 * 2**20
        resource.prlimit(run.pid, resource.RLIMIT_DATA, (limit, limit))
        report = run.finish()
        assert report.status == 4, report.output
        self.check(report, "memory_spent")

    def test_every_row_has_its_test(self):
        """No row is left out above: a new failure needs a fault of the origin that a test above
        takes up by its class, or means of its own and a test of them."""
        methods = {name for name in dir(self) if name.startswith("test_")}
        by_name = {"connect_refused": "test_connections_refused",
                   "connect_timeout": "test_connecting_not_answered",
                   "local:descriptors": "test_descriptors", "local:ports": "test_ports",
                   "local:memory": "test_memory"}
        for label, kind, fault in ROWS:
            of_class = kind in ("REQUEST", "RESPONSE", "BODY", "CONTENT", "STREAM", "TLS", "DNS")
            if not (of_class or fault.startswith("dns_")) or fault.startswith("local:"):
                assert by_name.get(label, by_name.get(fault)) in methods, (label, fault)
        source = (ROOT / "src/base/fail.def").read_text()
        assert len(ROWS) == len(re.findall(r"^X\(", source, re.M)) > 40

    def test_every_fault_is_known(self, origin):
        """The origin refuses a fault that it does not have; each that a row names, it takes."""
        faults = [word for row in BY_ORIGIN for word in ("--fault", row[2] + ",after=1000")]
        for begin in range(0, len(faults), 40):
            origin(*faults[begin:begin + 40], streams=[VOD])


def test_descriptors_spent(shoal, origin):
    """A limit lowered below what the run needs: the preflight says so, and does not start."""
    one = origin(streams=[VOD])
    done = subprocess.run(
        ["prlimit", "--nofile=200:200", shoal_path(), "run", "--viewers", "1000", "--listen",
         "off", "--no-tui", f"{one.base}/s/index.m3u8"],
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 3
    assert re.search(r"^shoal: .*descriptors.*\(.*\)$", done.stderr, re.M), done.stderr
