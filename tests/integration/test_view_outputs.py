"""What a run leaves behind: text, JSON, CSV, HTML, JUnit; and that all of it tells the same."""
import base64
import csv
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import zlib
import xml.etree.ElementTree as ElementTree

import pytest

from view_tools import check_status, events, get, samples, snapshot, url_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIVE = ("--stream", "name=live,segment=1s,bitrates=500k+1M")


def text_counter(output, name):
    """A row of the printed report's counters."""
    found = re.search(rf"^  {name} +([\d,]+) ", output, re.M)
    return int(found.group(1).replace(",", "")) if found else 0


def test_every_form_tells_the_same(shoal, origin, tmp_path):
    server = origin(*LIVE)
    files = {name: tmp_path / f"run.{name}" for name in ("csv", "html", "xml")}
    run = shoal.start("--viewers", 40, "--ramp", "1s", "--duration", "6s", "--listen",
                      "127.0.0.1:0", "--csv", files["csv"], "--html", files["html"], "--junit",
                      files["xml"], "--threshold", "count(stalls)==0", f"{server.base}/live/index.m3u8")
    last = list(events(url_of(run)))[-1]
    report = run.finish()
    check_status(report)
    report.check_balance()

    # The origin counted the same, its answers to the preflight apart.
    assert report["segments"] > 100
    # Terminal, JSON, the last event of the API.
    assert last["final"] and last["run"]["phase"] == "over"
    for name in ("http_requests", "segments", "playlists", "body_bytes", "tcp_connects",
                 "sessions_started", "segment_bytes"):
        assert text_counter(report.output, name) == report[name], name
        assert last["counters"][name] == report[name], name
    for name, histogram in report.json["histograms"].items():
        assert last["windows"]["run"]["times"][name]["count"] == histogram["count"], name
        assert last["windows"]["run"]["times"][name]["p99_s"] == \
            pytest.approx(histogram["p99_s"]), name

    # Rows of the timeline, each over its own interval, make up the totals.
    with open(files["csv"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report.json["timeline"])
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(report.json))
    assert shoal.command("report", "--csv", "-", kept)[1] == files["csv"].read_text()
    for column, name in (("segments_per_s", "segments"), ("bytes_per_s", "body_bytes"),
                         ("http_requests_per_s", "http_requests")):
        for source in (rows, report.json["timeline"]):
            total = sum(float(row[column]) * float(row["interval_s"]) for row in source)
            assert total == pytest.approx(report[name], abs=1), name

    # The page of the report holds the same JSON, JUnit the thresholds.
    html = files["html"].read_text()
    embedded = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert json.loads(embedded.group(1)) == report.json
    assert "http" + "://" not in re.sub(r"<script.*?</script>|<svg.*?</svg>", "", html, flags=re.S)
    suite = ElementTree.parse(files["xml"]).getroot()
    failed = sum(not row["pass"] for row in report.json["thresholds"]) + \
        (not report.json["generator"]["trusted"])
    assert suite.get("failures") == str(failed) and suite.get("tests") == "3"


def hlog_counts(line):
    """Tag and sum of the counts of one line of HdrHistogram's log."""
    fields = line.split(",")
    packed = base64.b64decode(fields[4], validate=True)
    cookie, size = struct.unpack(">II", packed[:8])
    assert cookie == 0x1c849314 and size == len(packed) - 8
    plain = zlib.decompress(packed[8:])
    cookie, size, offset, digits, low, high, ratio = struct.unpack(">IIIIqqd", plain[:40])
    assert (cookie, size, offset, digits, low, ratio) == (0x1c849313, len(plain) - 40, 0, 3, 1, 1.0)
    assert high == 3600 * 10**9
    total = value = shift = 0
    for byte in plain[40:]:
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            total += value >> 1 if value % 2 == 0 else 0  # the others are runs of zeros
            value = shift = 0
    assert shift == 0
    return fields[0].removeprefix("Tag="), total


def test_histograms_as_hdrhistogram_reads_them(shoal, origin, tmp_path):
    server = origin(*LIVE)
    path = tmp_path / "run.hlog"
    report = shoal.run("--viewers", 20, "--duration", "3s", "--hlog", path,
                       f"{server.base}/live/index.m3u8", status=None)
    histograms = {name: one for name, one in report.json["histograms"].items() if one["count"] > 0}
    text = path.read_text()
    lines = [line for line in text.splitlines() if line.startswith("Tag=")]
    assert dict(map(hlog_counts, lines)) == {name: one["count"] for name, one in histograms.items()}
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(report.json))
    assert shoal.command("report", "--hlog", "-", kept)[1] == text

    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    done = subprocess.run(["node", pathlib.Path(__file__).with_name("hlog.mjs")], input=text,
                          capture_output=True, text=True, check=False, timeout=30, env=os.environ)
    if done.returncode == 3:
        pytest.skip("hdr-histogram-js is not installed (NODE_PATH)")
    read = json.loads(done.stdout)
    assert set(read) == set(histograms)
    for name, one in histograms.items():
        assert read[name]["count"] == one["count"]
        assert read[name]["length"] == pytest.approx(report.json["duration_s"] * 1000, abs=1)
        assert read[name]["start"] == pytest.approx(report.json["started_us"] / 1000, abs=1)
        for key in ("p50", "p99", "max"):
            assert read[name][key] / 1e9 == pytest.approx(one[f"{key}_s"], rel=0.01, abs=1e-6)


def test_schema(shoal, origin):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs/report.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    server = origin(*LIVE, "--fault", "status=404,path=*.ts,p=0.3")
    report = shoal.run("--viewers", 5, "--duration", "3s", "--threshold",
                       "p99(segment_download)<10s", "-H", "Authorization: hush",
                       "--header=Cookie: hush", "--listen-token", "hush",
                       f"{server.base}/live/index.m3u8", status=None)
    assert report.failures()["status_4xx"] > 0
    jsonschema.validate(report.json, schema)
    # Reports are shown to others: no secret of the command line is in them.
    assert "Authorization:***" in report.json["command"]
    assert "hush" not in json.dumps(report.json)


def test_the_log_of_failures_says_of_how_many_it_is_a_sample(shoal, origin, tmp_path):
    server = origin(*LIVE, "--fault", "status=404,path=*.ts")
    log, html = tmp_path / "failures.jsonl", tmp_path / "run.html"
    run = shoal.start("--viewers", 200, "--ramp", "2000/s", "--threads", 1, "--duration", "3s",
                      "--failures", log, "--html", html, "--listen", "127.0.0.1:0",
                      f"{server.base}/live/index.m3u8")
    last = list(events(url_of(run)))[-1]
    report = run.finish()
    *rows, tally = [json.loads(line) for line in log.read_text().splitlines()]
    assert all("failure" in row for row in rows) and "failure" not in tally
    assert tally["sampled"] == len(rows) > 0 and tally["not_sampled"] > 0
    assert tally["sampled"] + tally["not_sampled"] == report["failures"]
    assert tally == report.json["failures_sampling"] == last["failures_sampling"]
    words = f"{tally['sampled']:,} of {report['failures']:,}"
    assert re.search(rf"^  sampled in full +{words}$", report.output, re.M)


@pytest.mark.parametrize("threshold, status", [
    ("count(segments)>0", 0),
    ("count(segments)==0", 1),
    ("p50(segment_download)<30s", 0),
    ("max(segment_download)<1us", 1),
    ("rebuffer_ratio<100%", 0),
    ("rate(http_errors)<1000/s", 0),
])
def test_thresholds_decide(shoal, origin, threshold, status):
    server = origin(*LIVE)
    report = shoal.run("--viewers", 2, "--duration", "2s", "--threshold", threshold,
                       f"{server.base}/live/index.m3u8", status=None)
    check_status(report, status)
    row = report.json["thresholds"][0]
    assert row["threshold"] == threshold and row["pass"] == (status == 0)
    assert ("pass  " if status == 0 else "FAIL  ") + threshold in report.output


def test_threshold_with_abort_ends_the_run(shoal, origin):
    server = origin(*LIVE)
    report = shoal.run("--viewers", 2, "--duration", "60s", "--threshold",
                       "count(segments)<3 abort", f"{server.base}/live/index.m3u8", status=None,
                       deadline_s=30)
    check_status(report, 1)
    assert report.json["duration_s"] < 30


def test_no_segment_never_passes(shoal, origin, tmp_path):
    server = origin(*LIVE, "--fault", "status=404,path=*.ts")
    report = shoal.run("--viewers", 3, "--duration", "3s", "--threshold", "count(segments)==0",
                       "--junit", tmp_path / "run.xml", f"{server.base}/live/index.m3u8",
                       status=None)
    check_status(report, 1)
    case = ElementTree.parse(tmp_path / "run.xml").getroot().find("testcase")
    assert case.find("failure").get("message") == "not one segment was complete"
    assert report["segments"] == 0
    assert "not one segment" in report.output


def test_report_command_reads_merges_compares(shoal, origin, tmp_path):
    server = origin(*LIVE)
    paths = []
    for _ in range(2):
        report = shoal.run("--viewers", 4, "--duration", "3s", f"{server.base}/live/index.m3u8",
                           status=None)
        check_status(report)
        path = tmp_path / f"kept{len(paths)}.json"
        path.write_text(json.dumps(report.json))
        paths.append(path)
    first, second = (json.loads(path.read_text()) for path in paths)

    status, printed, _ = shoal.command("report", paths[0])
    assert status == first["result"]["status"]
    assert text_counter(printed, "segments") == first["counters"]["segments"]

    merged_path = tmp_path / "merged.json"
    status, _, said = shoal.command("report", "--merge", "-q", "-o", merged_path, *paths)
    assert status == max(first["result"]["status"], second["result"]["status"]), said
    merged = json.loads(merged_path.read_text())
    for name, total in merged["counters"].items():
        assert total == first["counters"][name] + second["counters"][name], name
    for name, histogram in merged["histograms"].items():
        assert histogram["sum_us"] == (first["histograms"][name]["sum_us"] +
                                       second["histograms"][name]["sum_us"])
    assert merged["duration_s"] > first["duration_s"] + second["duration_s"] - 0.5

    status, printed, _ = shoal.command("report", "--compare", *paths)
    assert status in (0, 1) and "segment download p99" in printed

    status, _, said = shoal.command("report", tmp_path / "nothing.json")
    assert status == 3 and said.count("\n") == 1
    # Two files are compared, three have to be told what to do with; no run is merged twice.
    assert shoal.command("report", *paths)[1] == printed
    status, _, said = shoal.command("report", *paths, paths[0])
    assert status == 2 and "--merge" in said
    status, _, said = shoal.command("report", "--merge", paths[0], paths[0])
    assert status == 2 and "twice" in said


def test_progress_lines(shoal, origin):
    server = origin(*LIVE)
    report = shoal.run("--viewers", 3, "--duration", "4s", f"{server.base}/live/index.m3u8",
                       status=None)
    lines = re.findall(r"^ +\d:\d\d  \d+ of \d+ viewers  .* seg/s .*$", report.output, re.M)
    assert 3 <= len(lines) <= 6, report.output
    assert "\033" not in report.output


def test_metrics_while_it_runs(shoal, origin):
    server = origin(*LIVE)
    run = shoal.start("--viewers", 10, "--duration", "5s", "--listen", "127.0.0.1:0",
                      "--viewer-metrics", 12, f"{server.base}/live/index.m3u8")
    base = url_of(run)
    before = samples(get(f"{base}/metrics")[2].decode())
    later = before
    while run.alive() and later.get('shoal_segments_total{variant="none"}', 0) == 0:
        if any(name.startswith("shoal_segments_total") and value > 0
               for name, value in later.items()):
            break
        later = samples(get(f"{base}/metrics")[2].decode())
    falling = [name for name, value in later.items()
               if re.search(r"_total|_bucket|_count|_sum", name) and value < before.get(name, 0)]
    assert falling == []
    # Viewer by viewer, as many as asked for; of one moment, so that they add up exactly.
    for name in ("segments", "segment_bytes", "stalls"):
        own = {key: value for key, value in later.items()
               if key.startswith(f"shoal_viewer_{name}_total{{")}
        assert set(own) == {f'shoal_viewer_{name}_total{{viewer="{i}"}}' for i in range(12)}
        assert sum(own.values()) == sum(value for key, value in later.items()
                                        if re.match(rf"shoal_{name}_total\b", key))
    now = snapshot(base)
    assert now["run"]["phase"] == "running"
    assert now["windows"]["run"]["figures"]["viewers_active"] <= 10
    report = run.finish()
    assert not [name for name in report.json["counters"] if name.startswith("viewer_")]


def test_no_viewer_is_told_unasked(shoal, origin):
    server = origin(*LIVE)
    run = shoal.start("--viewers", 2, "--duration", "1s", "--listen", "127.0.0.1:0",
                      f"{server.base}/live/index.m3u8")
    assert b"shoal_viewer_" not in get(f"{url_of(run)}/metrics")[2]
    run.finish()
    status, _, said = shoal.command("run", "--engine", "ffmpeg", "--viewer-metrics", 2,
                                    f"{server.base}/live/index.m3u8")
    assert status == 2 and "native" in said
