"""The HTTP observer: formats, tokens, origins, and clients that mean no good."""
import json
import shutil
import socket
import subprocess
import time
import urllib.parse

import pytest

from helpers.process import wait_for
from view_tools import get, snapshot, url_of

LIVE = ("--stream", "name=live,segment=1s,bitrates=500k")


@pytest.fixture
def swarm(shoal, origin):
    """Starts a swarm that listens; returns the run and its address."""
    server = origin(*LIVE)

    def start(*arguments, seconds=30):
        run = shoal.start("--viewers", 20, "--duration", f"{seconds}s", "--listen", "127.0.0.1:0",
                          *arguments, f"{server.base}/live/index.m3u8")
        return run, url_of(run)
    return start


def connect(base, timeout=10):
    parts = urllib.parse.urlsplit(base)
    return socket.create_connection((parts.hostname, parts.port), timeout=timeout)


def ask_and_never_read(base, path):
    one = connect(base)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return one


def send_without_end(base, head):
    """Until it is refused or nobody takes any more."""
    one = connect(base, 0.3)
    try:
        one.sendall(head + b"a" * (8 << 20))
    except OSError:
        pass
    return one


def connect_by_the_thousand(base, count):
    parts, sockets = urllib.parse.urlsplit(base), []
    for _ in range(count):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((parts.hostname, parts.port))
        sockets.append(one)
    return sockets


def memory_of(run):
    """Resident bytes of the swarm."""
    with open(f"/proc/{run.pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def test_formats(swarm):
    _, base = swarm()
    assert get(f"{base}/healthz")[::2] == (200, b"ok\n")
    status, fields, body = get(f"{base}/metrics")
    assert status == 200 and fields["Content-Type"].startswith("text/plain; version=0.0.4")
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "metrics"], input=body,
                                 capture_output=True, check=False)
        assert checked.returncode == 0 and checked.stdout + checked.stderr == b""
    status, fields, body = get(f"{base}/metrics",
                               {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert fields["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    wait_for(lambda: snapshot(base)["row"] > 1, "two rows")
    history = json.loads(get(f"{base}/api/v1/history")[2])
    assert len({len(column) for column in history["columns"].values()}) == 1
    later = json.loads(get(f"{base}/api/v1/history?first=1")[2])
    assert later["columns"]["time_s"][0] == history["columns"]["time_s"][1]
    assert get(f"{base}/nothing")[0] == 404
    assert get(f"{base}/metrics", method="DELETE")[0] == 405
    assert get(f"{base}/api/v1/history?first=x")[0] == 400


def test_page_is_strict(swarm):
    _, base = swarm()
    _, fields, body = get(f"{base}/")
    policy = fields["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert b"<script>" not in body and b"onclick" not in body and b"style=" not in body


def test_control_needs_the_token(swarm):
    run, base = swarm("--listen-token", "s3cret", "--max-viewers", "50")
    bearer = {"Authorization": "Bearer s3cret"}
    assert get(f"{base}/healthz")[0] == 200
    for path in ("/metrics", "/api/v1/snapshot", "/api/v1/history", "/api/v1/events"):
        assert get(f"{base}{path}")[0] == 401, path
        assert get(f"{base}{path}", {"Authorization": "Bearer s3cre"})[0] == 401, path
        assert get(f"{base}{path}?token=s3crets")[0] == 401, path
    assert get(f"{base}/metrics", bearer)[0] == 200
    assert get(f"{base}/metrics?token=s3cret")[0] == 200
    target = f"{base}/api/v1/target"
    assert get(f"{target}?viewers=25", method="POST")[0] == 401
    assert get(f"{target}?viewers=25", {**bearer, "Origin": "http://evil.example"}, "POST")[0] == 403
    assert get(f"{target}?viewers=25", {**bearer, "Sec-Fetch-Site": "cross-site"}, "POST")[0] == 403
    assert get(f"{target}?viewers=51", bearer, "POST")[0] == 400
    assert get(f"{target}?viewers=-1", bearer, "POST")[0] == 400
    assert get(f"{target}?viewers=25", bearer)[0] == 404
    assert get(f"{target}?viewers=25", {**bearer, "Origin": base}, "POST")[0] == 200
    wait_for(lambda: json.loads(get(f"{base}/api/v1/snapshot", bearer)[2])
             ["windows"]["run"]["figures"]["viewers_active"] == 25, "25 viewers")
    assert get(f"{base}/api/v1/stop", bearer, "POST")[0] == 200
    assert run.finish(30).json["result"]["interrupted"] in (True, False)


def test_no_control_without_a_token(swarm):
    _, base = swarm()
    assert get(f"{base}/api/v1/stop", method="POST")[0] == 403
    assert get(f"{base}/api/v1/target?viewers=1", method="POST")[0] == 403


@pytest.mark.slow
@pytest.mark.timed
def test_hostile_clients(swarm):
    """Clients that never read, that send endless heads, that come by the hundred: the swarm
    plays on, its memory stays, and whoever asks politely is answered again at once."""
    run, base = swarm(seconds=60)
    wait_for(lambda: snapshot(base)["counters"]["segments"] > 20, "segments")
    get(f"{base}/metrics")
    before = memory_of(run)
    sockets = [ask_and_never_read(base, path) for path in
               ("/api/v1/events", "/api/v1/history", "/metrics") for _ in range(20)]
    sockets += [send_without_end(base, head) for head in (
        b"GET / HTTP/1.1\r\nX-A: ",
        b"POST /api/v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n",
        b"POST /api/v1/stop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n")
        for _ in range(20)]
    sockets += connect_by_the_thousand(base, 3000)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        counted = memory_of(run)
        assert counted < before + (24 << 20), (before, counted)
        try:
            with connect(base, 0.2) as one:
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                one.recv(100)
        except OSError:
            pass
    for one in sockets:
        one.close()
    wait_for(lambda: get(f"{base}/healthz")[0] == 200, "an answer after the attack")
    rate = snapshot(base)["windows"]["10s"]["rates"]["segments"]
    assert rate > 16, rate  # 20 viewers, a segment a second each
    run.interrupt()
    report = run.finish(60)
    assert report.status == 130
    assert report["stalls"] == 0


def test_busy_port(shoal, origin):
    server = origin(*LIVE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = shoal.start("--viewers", 1, "--duration", "1s", "--listen", f"127.0.0.1:{port}",
                          f"{server.base}/live/index.m3u8")
        assert run.wait(20) == 2
        said = run.log_text()
        assert "--listen" in said and str(port) in said
