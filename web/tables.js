"use strict";
/* What the engine cannot tell is in no JSON: null then, and else what `show` makes of it. */
const told = (value, show) => value === undefined || value === null ? null : show(value);

/* Tables from rows of cells. A cell is a text or [text, class]; texts never become markup. A row
 * with a cell of null is left out. Cells know the head of their column, for where there is no room
 * for columns. */
function fillTable(table, head, rows) {
  const textOf = (cell) => Array.isArray(cell) ? cell[0] : cell;
  const make = (kind, cells) => {
    const line = document.createElement("tr");
    cells.forEach((cell, i) => {
      const item = document.createElement(kind);
      item.textContent = textOf(cell);
      if (Array.isArray(cell)) {
        item.className = cell[1];
      }
      if (kind === "td" && head !== null && textOf(head[i])) {
        item.dataset.label = textOf(head[i]);
      }
      line.append(item);
    });
    return line;
  };
  const parts = [];
  if (head !== null) {
    const top = document.createElement("thead");
    top.append(make("th", head));
    parts.push(top);
  }
  const body = document.createElement("tbody");
  body.append(...rows.filter((cells) => !cells.includes(null)).map((cells) => make("td", cells)));
  parts.push(body);
  table.replaceChildren(...parts);
}

const timeNames = [
  ["playlist_first_byte", "playlist first byte"], ["segment_first_byte", "segment first byte"],
  ["segment_download", "segment download"], ["startup", "startup"], ["stall", "stall"],
  ["edge_latency", "live latency"], ["deadline_slack", "buffer left"], ["tcp_connect", "TCP connect"],
  ["tls_handshake", "TLS handshake"], ["dns", "DNS"], ["timer_delay", "timers late"]];

/* A percentile of one of `times`: null where the engine cannot tell, "–" where nothing was recorded. */
const percentile = (time, key) => told(time, (t) => t.count > 0 ? format.seconds(t[key]) : "–");

/* times: {name: {count, p50_s, p90_s, p95_s, p99_s, max_s}} */
function fillTimes(table, times) {
  const rows = timeNames.filter(([name]) => times[name] !== undefined && times[name].count > 0)
    .map(([name, words]) => {
      const t = times[name];
      return [words, format.count(t.count), ...[t.p50_s, t.p90_s, t.p95_s, t.p99_s, t.max_s].map(format.seconds)];
    });
  fillTable(table, ["", "records", "p50", "p90", "p95", "p99", "max"], rows);
}

/* Those that fail come first. */
function fillThresholds(table, thresholds) {
  const ordered = [...thresholds.filter((t) => !t.pass), ...thresholds.filter((t) => t.pass)];
  fillTable(table, null, ordered.map((t) =>
    [[t.pass ? "pass" : "FAIL", t.pass ? "good" : "bad"], [t.threshold, "text"], (t.known ? t.text : "nothing recorded") + (t.ended_run ? ", ended the run" : "")]));
}

/* Of how many failures those shown are some. */
function sampling(sampled) {
  const all = sampled.sampled + sampled.not_sampled;
  return sampled.not_sampled === 0 ? "" : "· " + format.count(sampled.sampled) + " of " + format.count(all) + " sampled";
}

function fillSamples(table, samples) {
  const head = ["time", "viewer", "status", ["failure", "left"], ["server", "left"], ["cache", "left"], "age", ["URL", "left"]];
  fillTable(table, head, samples.map((s) =>
    [format.clock(s.time_s), String(s.viewer), s.status > 0 ? String(s.status) : "–",
      [s.words || s.failure.replaceAll("_", " "), "bad left"], [s.address, "left"], [s.cache, "left"],
      s.age_s >= 0 ? format.seconds(s.age_s) : "", [s.url, "text dim"]]));
}
