"""Whatever cannot be used gets one line, `shoal: what: why (what to do)`, and its exit status."""
import json
import os
import re
import socket
import threading

import pytest

from helpers.process import free_port

LINE = re.compile(r"shoal: .*[^ :]: [^:].+\n")
# What to do stands in brackets at the end and nowhere else, and is said once.
MISPLACED = re.compile(r"; (write|give|at most|above)|': (has|is) |\(write [^()]* \(write ")

# URL stands for one that would be usable.
USAGE = [
    [],
    ["URL", "URL"],
    ["not a url"],
    ["x.m3u8"],
    ["ftp://h/x.m3u8"],
    ["http://"],
    ["http://h:0/x"],
    ["http://h:99999/x"],
    ["http://[::1/x"],
    ["http://a b/x"],
    ["http://h/\n"],
    ["URL", "--nothing"],
    ["URL", "--viewers"],
    ["URL", "--viewers", "0"],
    ["URL", "--viewers", "many"],
    ["URL", "--viewers", "1.5"],
    ["URL", "--viewers", "99999999999"],
    ["URL", "--ramp", "5"],
    ["URL", "--duration", "5"],
    ["URL", "--duration", "5 s"],
    ["URL", "--duration", "-5s"],
    ["URL", "--duration", "nan"],
    ["URL", "--session", "0s"],
    ["URL", "--stage", "5s"],
    ["URL", "--stage", "5s:-1"],
    ["URL", "--arrival", "sometimes"],
    ["URL", "--threads", "0"],
    ["URL", "--threads", "1000"],
    ["URL", "--variant", "best"],
    ["URL", "--player", "vlc"],
    ["URL", "--engine", "quicktime"],
    ["URL", "--viewer-rate", "8"],
    ["URL", "--bind", "nowhere"],
    ["URL", "--bind", "192.0.2.1"],
    ["URL", "--resolve", "h:80"],
    ["URL", "--dns", "here"],
    ["URL", "-H", "no colon"],
    ["URL", "-H", "A: b\r\nC: d"],
    ["URL", "--cacert", "/nowhere"],
    ["URL", "--timeout", "0s"],
    ["URL", "--listen", "17091"],
    ["URL", "--listen", "127.0.0.1:99999"],
    ["URL", "--out", "/nowhere/x.json"],
    ["URL", "--out", "/tmp/x.json", "--csv", "/tmp/./x.json"],
    ["URL", "--csv", "/"],
    ["URL", "--threshold", "stalls"],
    ["URL", "--threshold", "nothing<1"],
    ["URL", "--threshold", "p99(startup)<2"],
    ["URL", "--threshold", "p101(startup)<2s"],
    ["URL", "--config", "/nowhere"],
    ["URL", "--max-viewers", "1", "--viewers", "2"],
    ["URL", "--insecure", "--cacert", "/etc/hostname"],
]


def check_line(status, out, err, expected):
    assert status in expected, (status, err)
    assert LINE.fullmatch(err) and not MISPLACED.search(err), err
    assert out == ""
    assert len(err) < 600


@pytest.mark.parametrize("words", USAGE, ids=lambda words: " ".join(words[1:] or words)[:40])
def test_unusable_arguments(shoal, words):
    words = [word if word != "URL" else "http://127.0.0.1:9/x.m3u8" for word in words]
    check_line(*shoal.command("run", *words), {2})


@pytest.mark.parametrize("command", ["run", "report", "probe", "lint"])
def test_nonsense_for_every_option(shoal, command):
    """In place of each value; where an option takes any text, it is the operand that fails."""
    text = shoal.command(command, "--help")[1]
    options = re.findall(r"^  (?:-\S, |    )--(\S+) \S", text, re.M)
    assert options
    for option in options:
        for value in ("", "?!", "-1", "/nowhere/at/all"):
            status, out, err = shoal.command(command, f"--{option}={value}", "/nowhere/x.m3u8")
            check_line(status, out, err, (2, 3))


@pytest.mark.parametrize("words, said", [
    (["--csv", "-", "--out", "-", "x"], "--csv: '-' is the file of --out already"),
    (["--html", "/tmp/x", "--hlog", "/tmp/./x", "x"], "--hlog: '/tmp/./x' is the file of --html"),
    (["-"], "standard input: is not JSON"),
])
def test_reports_that_cannot_be(shoal, words, said):
    status, out, err = shoal.command("report", *words)
    check_line(status, out, err, (2, 3))
    assert said in err


def test_a_file_that_holds_no_certificate(shoal):
    check_line(*shoal.command("run", "http://127.0.0.1:9/x", "--cacert", "/etc/hostname"), {2, 3})


def test_unknown_command(shoal):
    check_line(*shoal.command("rnu"), {2})
    check_line(*shoal.command("--rnu"), {2})
    assert "did you mean run?" in shoal.command("rnu")[2]
    assert "shoal run" in shoal.command("http://127.0.0.1/x.m3u8")[2]


def test_no_command_shows_help_and_fails(shoal):
    status, out, err = shoal.command()
    assert (status, out) == (2, "") and "Usage: shoal" in err


def test_help_and_version(shoal):
    status, out, err = shoal.command("--version")
    assert (status, err) == (0, "") and re.fullmatch(r"shoal \d+\.\d+\.\d+\n", out)
    status, out, err = shoal.command("--help")
    assert (status, err) == (0, "")
    for name in re.findall(r"^  ([a-z]+) ", out, re.M):
        for word in ("--help", "-h"):
            status, text, err = shoal.command(name, word)
            assert status == 0 and err == "" and text.startswith(f"Usage: shoal {name}")


def test_nowhere_to_write_help_to(shoal):
    with open("/dev/full", "w", encoding="ascii") as full:
        import subprocess
        from helpers.shoal import shoal_path
        done = subprocess.run([shoal_path(), "--help"], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 3
    assert done.stderr == "shoal: standard output: No space left on device\n"


def test_a_configuration_file_that_is_wrong(shoal, tmp_path):
    file = tmp_path / "run.yaml"
    for text, holds in [("viewers: many\n", "run.yaml:1: viewers"),
                        ("veiwers: 1\n", "did you mean viewers?"),
                        ("{", "run.yaml"), ("\x00", "run.yaml")]:
        file.write_text(text)
        status, out, err = shoal.command("run", "http://127.0.0.1:9/x", "--config", file)
        check_line(status, out, err, {2})
        assert holds in err


class Answers(threading.Thread):
    """A server that says the same bytes to everybody."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/x.m3u8"

    def run(self):
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            with one:
                one.settimeout(5)
                try:
                    one.recv(65536)
                    one.sendall(self.answer)
                except OSError:
                    pass


@pytest.mark.parametrize("answer, holds", [
    (b"", "closed"),
    (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
    (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "500"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "not an HLS playlist"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "not an HLS playlist"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n#EXTM3U\n", "shorter"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000, "header"),
    (b"HTTP/1.1 302 Go\r\nContent-Length: 0\r\n\r\n", "redirect"),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "compressed"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_url_that_does_not_give_a_playlist(shoal, answer, holds):
    server = Answers(answer)
    server.start()
    status, out, err = shoal.command("run", "--listen", "off", "--no-tui", server.url)
    server.socket.close()
    check_line(status, out, err, {3})
    assert holds in err and server.url in err


def test_nobody_listens(shoal):
    status, out, err = shoal.command("run", f"http://127.0.0.1:{free_port()}/x.m3u8")
    check_line(status, out, err, {3})
    assert "refused" in err


def test_no_such_name(shoal):
    status, out, err = shoal.command("run", "http://nothing.invalid/x.m3u8", "--dns",
                                     f"127.0.0.1:{free_port()}", deadline_s=30)
    check_line(status, out, err, {3})


def test_a_listen_port_of_ones_own_that_is_busy(shoal, origin):
    one = origin(streams=["name=s,vod=4s,bitrates=200k"])
    port = one.base.rsplit(":", 1)[1]
    status, out, err = shoal.command("run", "--once", "--no-tui", "--listen",
                                     f"127.0.0.1:{port}", f"{one.base}/s/index.m3u8")
    assert status == 2 and re.search(r"^shoal: .*(busy|in use|taken)", err, re.M), err


def test_without_a_segment_a_run_never_passes(shoal, origin):
    one = origin("--fault", "status=404,path=*.ts",
                 streams=["name=s,vod=4s,bitrates=200k"])
    report = shoal.run("--viewers", 5, "--duration", "4s", f"{one.base}/s/index.m3u8", status=1)
    assert report["segments"] == 0
    assert report.label("failures", "status_4xx") > 0


def test_thresholds_decide_the_exit_status(shoal, origin):
    one = origin(streams=["name=s,vod=4s,bitrates=200k,segment=1s"])
    words = ["--viewers", 2, "--once", "--player", "drain"]
    url = f"{one.base}/s/index.m3u8"
    report = shoal.run(*words, "-t", "count(stalls)==0", "-t", "p99(startup)<10s", url)
    assert [row["pass"] for row in report.json["thresholds"]] == [True, True]
    report = shoal.run(*words, "-t", "count(stalls)==0", "-t", "count(segments)>1000", url, status=1)
    assert [row["pass"] for row in report.json["thresholds"]] == [True, False]


def test_interrupted_once_the_report_is_written(shoal, origin):
    from helpers.process import wait_for
    one = origin(streams=["name=s,bitrates=200k,segment=1s"])
    run = shoal.start("--viewers", 20, f"{one.base}/s/index.m3u8")
    wait_for(lambda: "20 of 20" in run.log_text(), "the swarm to play")
    run.interrupt()
    report = run.finish(20)
    assert report.status == 130
    assert report.json["result"]["interrupted"] is True
    assert report["sessions_started"] == 20
    report.check_balance()


def test_the_report_on_standard_output_is_json_alone(shoal, origin):
    one = origin(streams=["name=s,vod=2s,bitrates=200k,segment=1s"])
    status, out, _ = shoal.command("run", "--once", "--player", "drain", "--quiet", "--listen",
                                   "off", "--out", "-", f"{one.base}/s/index.m3u8")
    assert status == 0 and json.loads(out)["counters"]["segments"] == 2


def test_no_descriptor_or_process_is_left_to_others(shoal):
    """Environment and limits do not matter for --help: it works with nothing at all."""
    status, _, _ = shoal.command("run", "--help", env={"PATH": os.environ["PATH"]})
    assert status == 0
