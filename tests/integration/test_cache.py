"""What caches say of their responses and which address gave them, against nginx's log."""
import collections
import socket
import struct
import threading

import pytest

from helpers.shoal import read_failures

CACHES = """
    location ~ m3u8$ { add_header X-Cache "MISS" always; }
    location ~ \\.ts$ { add_header X-Cache "MISS, HIT from edge" always; }
    listen 127.0.0.2:{port};
"""


def read_name(query):
    """The bytes of the question's name and what follows it: type and class."""
    end = 12
    while query[end] != 0:
        end += query[end] + 1
    return query[12:end + 1], query[end + 1:end + 5]


def make_answer(query, addresses):
    """All addresses for a question of type A, none for any other."""
    name, kind = read_name(query)
    found = addresses if struct.unpack("!H", kind[:2])[0] == 1 else []
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
                       for address in found)
    return query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0) + name + kind + records


@pytest.fixture
def name_server():
    """Answers every name with the addresses given; returns where it listens."""
    sockets = []

    def make(*addresses):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        sockets.append(server)

        def serve():
            while True:
                query, client = server.recvfrom(1024)
                if len(query) < 17:
                    return
                server.sendto(make_answer(query, addresses), client)

        thread = threading.Thread(target=serve)
        thread.start()
        sockets.append(thread)
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield make
    for server, thread in zip(sockets[::2], sockets[1::2]):
        server.sendto(b"over", server.getsockname())
        thread.join(10)
        server.close()


def by_server(log, value):
    sums = collections.Counter()
    for row in log:
        sums[row["server"]] += value(row)
    return dict(sums)


def test_hits_and_misses_equal_the_log(shoal, nginx, vod):
    server = nginx(vod("ts"), server=CACHES)
    report = shoal.run("--viewers", 5, "--once", "--player", "drain", server.url("main.m3u8"))
    server.quit()
    log = server.log()
    hits = sum(row["uri"].endswith(".ts") for row in log)
    assert hits > 0 and report["cache_hits"] == hits
    assert report["cache_misses"] == len(log) - hits > 0
    assert report.json["figures"]["cache_hit_ratio"] == pytest.approx(hits / len(log))
    # One address has no rows of its own in the report.
    assert report.labels("server_responses") == {"127.0.0.1": len(log)}
    assert "Servers" not in report.output and "server_responses" not in report.output


def test_nothing_is_said_of_what_caches_are_silent_about(shoal, nginx, vod):
    server = nginx(vod("ts"))
    report = shoal.run("--viewers", 1, "--once", "--player", "drain", server.url("main.m3u8"))
    assert report["segments"] > 0
    assert report["cache_hits"] == report["cache_misses"] == 0


def test_two_addresses_of_one_name(shoal, nginx, vod, name_server):
    server = nginx(vod("ts"), server=CACHES)
    url = server.url("main.m3u8").replace("127.0.0.1", "media.example")
    report = shoal.run("--viewers", 20, "--once", "--player", "drain", "--dns",
                       name_server("127.0.0.1", "127.0.0.2"), url)
    server.quit()
    log = server.log()
    responses = by_server(log, lambda row: 1)
    assert set(responses) == {"127.0.0.1", "127.0.0.2"}
    assert report.labels("server_responses") == responses
    assert report.labels("server_body_bytes") == by_server(log, lambda row: row["bytes"])
    assert report.labels("server_failures") == {}
    assert "Servers" in report.output
    report.check_balance()


def test_one_address_of_two_refuses(shoal, nginx, vod, name_server):
    """The viewers come through by the other one; the failed attempts are seen by address."""
    server = nginx(vod("ts"))
    url = server.url("main.m3u8").replace("127.0.0.1", "media.example")
    report = shoal.run("--viewers", 20, "--once", "--player", "drain", "--dns",
                       name_server("127.0.0.1", "127.0.0.9"), url)
    assert report.labels("server_responses") == {"127.0.0.1": report["http_responses"]}
    assert report.label("server_failures", "127.0.0.9") >= 5
    assert report.failures() == {}


def test_addresses_named_by_resolve(shoal, nginx, vod):
    server = nginx(vod("ts"), server=CACHES)
    url = server.url("main.m3u8").replace("127.0.0.1", "media.example")
    report = shoal.run("--viewers", 2, "--once", "--player", "drain", "--resolve",
                       f"media.example:{server.port}:127.0.0.2", url)
    server.quit()
    assert report.labels("server_responses") == by_server(server.log(), lambda row: 1)
    assert report.labels("server_responses") == {"127.0.0.2": len(server.log())}


def test_failures_tell_what_the_cache_said(shoal, nginx, vod, tmp_path):
    """Sampled failures name the server and the cache; a 404 that a cache holds is a hit."""
    server = nginx(vod("ts"), server="""
        location ~ s002.ts$ { add_header CF-Cache-Status HIT always;
                              add_header Age 17 always; return 404; }
        location ~ s003.ts$ { add_header X-Cache "Error from cloudfront" always; return 503; }
    """)
    path = tmp_path / "failures.jsonl"
    report = shoal.run("--viewers", 1, "--once", "--player", "drain", "--failures", path,
                       server.url("main.m3u8"), status=None)
    rows = read_failures(path)
    gone = [row for row in rows if row["status"] == 404]
    assert gone and all(row["cache"] == "HIT" and row["age_s"] == 17 for row in gone)
    busy = [row for row in rows if row["status"] == 503]
    assert busy and all(row["cache"] == "Error from cloudfront" for row in busy)
    assert all(row["address"] == f"127.0.0.1:{server.port}" for row in rows)
    log = server.log()
    assert report["cache_hits"] == sum(row["status"] == 404 for row in log)
    assert report["cache_misses"] == 0
    # A status that is a failure is one at the address, too.
    assert report.label("server_failures", "127.0.0.1") == sum(row["status"] >= 400
                                                              for row in log)
