"use strict";
/* The live page: history once, then one event a second; reconnects by itself. */
const byId = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const withToken = (path) => token === null ? path
  : path + (path.includes("?") ? "&" : "?") + "token=" + encodeURIComponent(token);

const plots = new Plots(byId("plots"));
let newest = null;
let loading = false;
let over = false;
let refused = false; /* the token is wrong or missing */

function say(id, text, kind) {
  const item = byId(id);
  item.textContent = text;
  if (kind !== undefined) {
    item.className = item.className.replace(/ ?\b(good|warn|bad)\b/g, "") + (kind ? " " + kind : "");
  }
}

async function loadHistory() {
  if (loading) {
    return;
  }
  loading = true;
  try {
    const answer = await fetch(withToken("api/v1/history"), { cache: "no-store" });
    refused = answer.status === 401;
    if (answer.ok) {
      const history = await answer.json();
      plots.set(history.columns, history.rows);
    }
  } catch {
    /* the next event tries again */
  } finally {
    loading = false;
  }
}

function showHead(s) {
  const run = s.run;
  document.title = "shoal · " + run.phase + " " + format.clock(run.at_s);
  say("url", run.url);
  byId("url").title = run.url;
  say("phase", run.phase, run.phase === "running" ? "good" : "warn");
  say("clock", format.clock(run.at_s) + (run.planned_s > 0 ? " / " + format.clock(run.planned_s) : ""));
  byId("progress").hidden = !(run.planned_s > 0);
  byId("progress").value = run.planned_s > 0 ? Math.min(1, run.at_s / run.planned_s) : 0;
  const limited = s.generator.limited ? "The generator is the bottleneck: " + s.generator.limited_why
    : s.generator.trusted ? "" : "The figures are not to be trusted: " + s.generator.why;
  byId("banner").hidden = limited === "";
  say("banner", limited);
  const failed = s.thresholds.filter((t) => !t.pass).length, all = s.thresholds.length;
  byId("verdict").hidden = all === 0;
  say("verdict", failed > 0 ? failed + " of " + all + " thresholds fail" : "thresholds pass",
    failed > 0 ? "bad" : "good");
}

/* What the reader must know of how old the figures are; "" while they are live. */
function notice(text) {
  byId("notice").hidden = text === "";
  say("notice", text);
}

function showTiles(s) {
  const now = s.windows["1s"], ten = s.windows["10s"], figures = now.figures;
  say("tile-active", format.count(figures.viewers_active));
  say("tile-target", format.count(s.target));
  say("tile-starting", figures.viewers_starting > 0 ? ", " + format.count(figures.viewers_starting) + " starting" : "");
  say("tile-segments", format.number(now.rates.segments));
  say("tile-requests", format.number(now.rates.http_requests));
  say("tile-bytes", format.bitrate(now.rates.body_bytes));
  const download = ten.times.segment_download;
  byId("tile-download").parentElement.hidden = download === undefined;
  say("tile-download", percentile(download, "p95_s") ?? "–");
  say("tile-rebuffer", format.percent(ten.figures.rebuffer_ratio), ten.figures.rebuffer_ratio > 0 ? "bad" : "good");
  say("tile-stalled", format.count(figures.viewers_stalled), figures.viewers_stalled > 0 ? "bad" : "good");
  say("tile-failures", format.number(now.rates.failures), now.rates.failures > 0 ? "bad" : "good");
}

function showRates(s) {
  const keys = ["1s", "10s", "60s", "300s", "run"];
  const rows = [["segments", "segments"], ["playlists", "playlists"], ["http_requests", "HTTP requests"],
    ["tcp_connects", "TCP connects"], ["body_bytes", "throughput"]];
  fillTable(byId("rates"), ["", ...keys.map((k) => k.replace("s", " s")), "total"], rows.map(([name, words]) => {
    const show = name === "body_bytes" ? format.bitrate : format.number;
    const total = s.counters[name];
    return [words, ...keys.map((k) => show(s.windows[k].rates[name])),
      name === "body_bytes" ? format.bytes(total) : format.count(total)];
  }));
}

function showQuality(s) {
  const run = s.windows.run, ten = s.windows["10s"], c = s.counters;
  const live = run.times.edge_latency !== undefined && run.times.edge_latency.count > 0;
  fillTable(byId("quality"), ["", "10 s", "run"], [
    ["rebuffer ratio", format.percent(ten.figures.rebuffer_ratio), format.percent(run.figures.rebuffer_ratio)],
    ["stalls a minute, all viewers", format.number(ten.rates.stalls * 60), format.number(run.rates.stalls * 60)],
    ["startup p95", percentile(ten.times.startup, "p95_s"), percentile(run.times.startup, "p95_s")],
    ["live latency p50", percentile(ten.times.edge_latency, "p50_s"), live ? percentile(run.times.edge_latency, "p50_s") : null],
    ["switches a minute", told(ten.rates.variant_switches, (r) => format.number(r * 60)),
      told(run.rates.variant_switches, (r) => format.number(r * 60))],
    ["sessions started / ended / failed", "", [c.sessions_started, c.sessions_ended, c.sessions_failed].map(format.count).join(" / ")],
    ...(c.cache_hits + c.cache_misses > 0
      ? [["cache hit ratio", format.percent(ten.figures.cache_hit_ratio), format.percent(run.figures.cache_hit_ratio)]] : []),
    ["segments late", "", told(c.deadline_missed, format.count)],
    ["segments skipped", "", format.count(c.segments_skipped)],
  ]);
}

function showFailures(s) {
  const rows = s.failures.sort((a, b) => b.total - a.total)
    .map((f) => [[f.words, "bad"], format.count(f.total), format.number(f.rate) + "/s"]);
  for (const [status, total] of Object.entries(s.statuses)) {
    if (Number(status) >= 400) {
      rows.push([["HTTP " + status, "bad"], format.count(total), format.number(s.statuses_per_s[status]) + "/s"]);
    }
  }
  fillTable(byId("failures"), rows.length > 0 ? ["", "total", "10 s"] : null, rows.length > 0 ? rows : [[["none", "good"]]]);
  byId("samples-article").hidden = s.failures_sampled.length === 0;
  fillSamples(byId("samples"), s.failures_sampled);
  say("sampling", sampling(s.failures_sampling));
}

function showRest(s) {
  fillTimes(byId("times"), s.windows[byId("window").value].times);
  fillTable(byId("variants"), ["", "segments", "a second", "throughput"], s.variants.map((v) =>
    [v.name, format.count(v.segments), format.number(v.segments_per_s), format.bitrate(v.bytes_per_s)]));
  byId("thresholds-article").hidden = s.thresholds.length === 0;
  fillThresholds(byId("thresholds"), s.thresholds);
  const g = s.generator;
  fillTable(byId("generator"), null, [
    ["CPU", g.process_cpu.toFixed(2) + " cores"], ["memory", format.bytes(g.rss_bytes)],
    ["workers", g.workers.map(format.percent).join("  ")],
    ...g.checks.map((c) => [[c.ok ? "ok" : "BAD", c.ok ? "good" : "bad"], [c.text, "text"]])]);
}

function showServers(s) {
  byId("servers-article").hidden = s.servers.length < 2;
  fillTable(byId("servers"), ["", "responses", "a second", "failures", "throughput"], s.servers.map((v) =>
    [v.address, format.count(v.responses), format.number(v.responses_per_s), format.count(v.failures),
      format.bitrate(v.bytes_per_s)]));
}

function showOrigin(s) {
  byId("origin-section").hidden = s.origin.length === 0;
  const known = (value, show) => value === null ? "–" : show(value);
  fillTable(byId("origin"), ["", ["", "left"], "cores", "sends", "requests/s", "connections"], s.origin.map((o) => o.ok
    ? [[o.url, "text"], [o.kind, "dim left"], known(o.cpu, format.number), known(o.bytes_per_s, format.bitrate),
      known(o.requests_per_s, format.number), known(o.connections, format.count)]
    : [[o.url, "text dim"], [o.why, "dim left"], "", "", "", ""]));
}

function show(s) {
  if (newest !== null && newest.run.id !== s.run.id) {
    plots.rows = -1; /* another run at the same address */
  }
  newest = s;
  showHead(s);
  showTiles(s);
  showRates(s);
  showQuality(s);
  showFailures(s);
  showRest(s);
  showServers(s);
  showOrigin(s);
  if (s.origin.length > 0 && !plots.origin) {
    plots.addOrigin(byId("origin-plots"), s.origin.map((o) => o.url));
    plots.rows = -1;
  }
  if (s.row === plots.rows + 1 && s.newest !== null) {
    plots.add(s.newest);
    plots.draw();
  } else if (s.row !== plots.rows) {
    loadHistory();
  }
}

function connect() {
  const events = new EventSource(withToken("api/v1/events"));
  events.onopen = () => {
    say("link", "live", "good");
    byId("control").hidden = token === null;
    notice("");
  };
  events.onmessage = (event) => {
    const s = JSON.parse(event.data);
    show(s);
    document.body.dataset.row = String(s.row);
    if (s.final || s.run.phase === "over") {
      over = true;
      byId("control").hidden = true;
      events.close();
      say("link", "the run is over", "");
      notice("The run is over; these are its last figures.");
    }
  };
  events.onerror = () => {
    if (over) {
      return;
    }
    if (refused) {
      say("link", "no access", "bad");
      notice("These figures need the token of --listen-token: open this page as /?token=TOKEN.");
      events.close();
      return;
    }
    const ending = newest !== null && newest.run.phase === "ending";
    byId("control").hidden = token === null || ending;
    say("link", ending ? "the run has ended" : "no connection, trying again", ending ? "" : "bad");
    notice("No connection to the swarm; trying again." + (newest === null ? ""
      : " These figures are of " + format.clock(newest.run.at_s) + " into the run."));
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(connect, 2000);
    }
  };
}

async function post(path) {
  try {
    const answer = await fetch(withToken(path), { method: "POST" });
    say("control-said", answer.ok ? "" : (await answer.text()).trim());
  } catch {
    say("control-said", "no connection");
  }
}

function change(direction) {
  const now = newest === null ? 0 : newest.target;
  const wanted = Math.max(0, now + direction * Math.max(1, Math.floor(now / 10)));
  post("api/v1/target?viewers=" + Math.min(wanted, newest.run.viewers_limit));
}

byId("window").addEventListener("change", () => newest !== null && showRest(newest));
byId("control").hidden = token === null;
byId("fewer").addEventListener("click", () => change(-1));
byId("more").addEventListener("click", () => change(1));
byId("stop").addEventListener("click", () => post("api/v1/stop"));
loadHistory().then(connect);
