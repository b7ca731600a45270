"use strict";
/* The HTML report: draws the JSON report that stands beside this script. */
const report = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function columnsOf(timeline) {
  const columns = { time_s: [] };
  for (const name of timeline.length > 0 ? Object.keys(timeline[0]) : []) {
    columns[name] = timeline.map((row) => row[name]);
  }
  report.origin.forEach((exporter, i) => {
    for (const [figure, values] of Object.entries(exporter.timeline)) {
      columns["origin" + i + "_" + figure] = values;
    }
  });
  return columns;
}

function showHead() {
  const run = report.run, result = report.result;
  byId("url").textContent = byId("url").title = run.url;
  const words = { 0: "passed", 1: "failed", 4: "not to be trusted", 130: "interrupted" }[result.status];
  byId("result").textContent = words;
  byId("result").className = "chip " + (result.passed ? "good" : "bad");
  byId("about").textContent = [report.started, run.stream, "up to " + format.count(run.viewers_peak) + " viewers",
    format.seconds(report.duration_s), "player " + run.player, "variant " + run.variant, "engine " + run.engine,
    "shoal " + report.shoal, run.host].join(" · ");
  byId("banner").hidden = result.why === "" || result.why === words;
  byId("banner").textContent = result.why;
  document.title = "shoal " + report.started + " " + words;
}

function showTiles() {
  const c = report.counters, seconds = report.duration_s || 1, h = report.histograms;
  const tiles = [
    [format.count(c.sessions_started), "sessions"], [format.number(c.segments / seconds), "segments a second"],
    [format.number(c.http_requests / seconds), "requests a second"],
    [format.bitrate(c.body_bytes / seconds), "throughput"],
    [told(h.segment_download, (t) => format.seconds(t.p95_s)), "download p95"],
    [format.percent(report.qoe.rebuffer_ratio), "rebuffer ratio"],
    [format.count(c.stalls), "stalls"], [format.count(c.failures), "failures"]];
  byId("tiles").append(...tiles.filter(([figure]) => figure !== null).map(([figure, words]) => {
    const tile = document.createElement("div");
    const strong = document.createElement("b");
    const below = document.createElement("span");
    tile.className = "tile";
    strong.textContent = figure;
    below.textContent = words;
    tile.append(strong, below);
    return tile;
  }));
}

function showQuality() {
  const q = report.qoe;
  fillTable(byId("quality"), null, [
    ["rebuffer ratio (stalled / watched time)", format.percent(q.rebuffer_ratio)],
    ["stalls, of 100 ms or more", format.count(q.stalls) + ", " + format.count(q.stalls_long)],
    ["stalled / watched", format.seconds(q.stall_time_s) + " / " + format.seconds(q.watched_time_s)],
    ["startup p50 / p95", told(q.startup_p50_s,
      (p50) => format.seconds(p50) + " / " + format.seconds(q.startup_p95_s))],
    ["live latency p50 / p95", told(q.edge_latency_p50_s,
      (p50) => format.seconds(p50) + " / " + format.seconds(q.edge_latency_p95_s))],
    ["buffer left p5", told(q.deadline_slack_p5_s, format.seconds)],
    ["sessions started / played / failed", [q.sessions_started, q.sessions_played, q.sessions_failed].map(format.count).join(" / ")],
    ["segments late", told(q.deadline_missed, format.count)],
    ["segments skipped", format.count(q.segments_skipped)],
    ["not told by this engine", report.absent.length > 0 ? [report.absent.join(", "), "text"] : null]]);
}

function showFailures() {
  const rows = Object.entries(report.labels.failures.values).sort((a, b) => b[1] - a[1])
    .map(([name, total]) => [[name.replaceAll("_", " "), "bad"], format.count(total)]);
  for (const [status, total] of Object.entries(report.labels.http_responses.values)) {
    if (Number(status) >= 400) {
      rows.push([["HTTP " + status, "bad"], format.count(total)]);
    }
  }
  fillTable(byId("failures"), null, rows.length > 0 ? rows : [[["none", "good"]]]);
  byId("samples-article").hidden = report.failures_sampled.length === 0;
  fillSamples(byId("samples"), report.failures_sampled);
  byId("sampling").textContent = sampling(report.failures_sampling);
}

/* Mean and most of a column in which null stands for not known. */
function meanAndMost(values, show) {
  const known = (values || []).filter((value) => value !== null);
  if (known.length === 0) {
    return "–";
  }
  const most = known.reduce((a, b) => Math.max(a, b));
  return show(known.reduce((a, b) => a + b, 0) / known.length) + " / " + show(most);
}

function showOrigin() {
  byId("origin-section").hidden = report.origin.length === 0;
  fillTable(byId("origin"), ["mean / most", ["", "left"], "cores", "sends", "requests/s", "connections"], report.origin.map((o) => {
    const t = o.timeline, state = o.failed === 0 ? o.kind : "silent " + o.failed + " of " + o.asked + (o.ok ? "" : ": " + o.why);
    return [[o.url, o.ok ? "text" : "text dim"], [state, "dim left"], meanAndMost(t.cpu, format.number),
      meanAndMost(t.bytes_per_s, format.bitrate), meanAndMost(t.requests_per_s, format.number),
      meanAndMost(t.connections, format.number)];
  }));
}

function nameOf(label) {
  const variant = report.run.variants.find((v) => v.label === label);
  return variant === undefined ? label : variant.name;
}

function showTables() {
  const seconds = report.duration_s || 1, g = report.generator;
  fillTimes(byId("times"), report.histograms);
  const bytes = report.labels.segment_bytes.values;
  fillTable(byId("variants"), ["", "segments", "bytes"], Object.entries(report.labels.segments.values)
    .map(([label, total]) => [nameOf(label), format.count(total), format.bytes(bytes[label] || 0)]));
  const byServer = (name) => (report.labels[name] || { values: {} }).values;
  const answers = byServer("server_responses"), failed = byServer("server_failures");
  const servers = [...new Set([...Object.keys(answers), ...Object.keys(failed)])];
  byId("servers-article").hidden = servers.length < 2;
  fillTable(byId("servers"), ["", "responses", "failures", "bytes"], servers.map((name) =>
    [name, format.count(answers[name] || 0), format.count(failed[name] || 0),
      format.bytes(byServer("server_body_bytes")[name] || 0)]));
  byId("thresholds-article").hidden = report.thresholds.length === 0;
  fillThresholds(byId("thresholds"), report.thresholds);
  fillTable(byId("generator"), null, [
    ["CPU", format.seconds(g.cpu_s) + " (" + (g.cpu_s / seconds).toFixed(2) + " cores)"],
    ["memory at most", format.bytes(g.max_rss_bytes)],
    ...g.checks.map((c) => [[c.ok ? "ok" : "BAD", c.ok ? "good" : "bad"], c.text])]);
  fillTable(byId("counters"), ["", "total", "mean a second"], Object.entries(report.counters)
    .filter(([, total]) => total > 0)
    .map(([name, total]) => [name, format.count(total), format.number(total / seconds)]));
}

showHead();
showTiles();
const plots = new Plots(byId("plots"));
if (report.origin.length > 0) {
  plots.addOrigin(byId("origin-plots"), report.origin.map((exporter) => exporter.url));
}
plots.set(columnsOf(report.timeline));
showQuality();
showFailures();
showOrigin();
showTables();
