"use strict";
/* The plots of a run's timeline; the page feeds them row by row, the HTML report all at once. */
const plotList = [
  { title: "Viewers", unit: "number", fill: true, lines: [
    ["viewers_target", "target", "--dim"], ["viewers_active", "active", "--blue"],
    ["viewers_stalled", "stalled", "--red"]] },
  { title: "Rates a second", unit: "number", lines: [
    ["segments_per_s", "segments", "--blue"], ["playlists_per_s", "playlists", "--teal"],
    ["http_requests_per_s", "requests", "--violet"], ["tcp_connects_per_s", "connects", "--orange"]] },
  { title: "Throughput", unit: "bitrate", fill: true, lines: [["bytes_per_s", "body bytes", "--blue"]] },
  { title: "Segment download", unit: "seconds", lines: [
    ["segment_download_p50_s", "p50", "--blue"], ["segment_download_p95_s", "p95", "--orange"],
    ["segment_download_p99_s", "p99", "--red"]] },
  { title: "First byte", unit: "seconds", lines: [
    ["segment_first_byte_p50_s", "segment p50", "--blue"], ["segment_first_byte_p99_s", "segment p99", "--red"],
    ["playlist_first_byte_p50_s", "playlist p50", "--teal"], ["playlist_first_byte_p99_s", "playlist p99", "--violet"]] },
  { title: "Failures and stalls a second", unit: "number", lines: [
    ["failures_per_s", "failures", "--red"], ["http_errors_per_s", "HTTP errors", "--orange"],
    ["stalls_per_s", "stalls", "--violet"]] },
  { title: "Behind the live edge, buffer left", unit: "seconds", lines: [
    ["edge_latency_p50_s", "live latency p50", "--blue"], ["edge_latency_p95_s", "live latency p95", "--orange"],
    ["deadline_slack_p5_s", "buffer left p5", "--green"]] },
  { title: "Rebuffer ratio", unit: "percent", fill: true, least: 0.01, lines: [
    ["rebuffer_ratio", "stalled of watched time", "--red"]] },
  { title: "Generator", unit: "percent", lines: [
    ["worker_cpu_max", "busiest worker", "--orange"], ["process_cpu", "process, in cores", "--blue"]] },
];

/* Of the server's side: a line for each exporter that tells the figure. */
const originPlots = [
  { title: "Origin: CPU in cores", unit: "number", figure: "cpu" },
  { title: "Origin: sends", unit: "bitrate", figure: "bytes_per_s" },
  { title: "Origin: requests a second", unit: "number", figure: "requests_per_s" },
  { title: "Origin: open connections", unit: "number", figure: "connections" },
];
const originColours = ["--orange", "--blue", "--teal", "--violet", "--red", "--green", "--text", "--dim"];

const isKnown = (value) => value !== null && value !== undefined;

/* A second without a record has no percentile; so many of them a line bridges. */
const GAP_S = 10;

/* "15.0 ms" is "15 ms" beside an axis, where all marks are round. */
const tick = (text) => text.replace(/\.0+(?=\D|$)/, "");

class Plots {
  constructor(parent) {
    this.origin = false;
    this.setFont();
    this.charts = plotList.map((plot) => this.make(parent, plot));
    this.rows = 0;
    addEventListener("resize", () => {
      this.setFont();
      this.draw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
  }

  /* Letters and lines grow with those of the page. */
  setFont() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    Chart.defaults.font.size = 0.75 * rem;
    Chart.defaults.borderWidth = Chart.defaults.elements.line.borderWidth = rem / 10;
  }

  /* Adds the plots of the server's side, of these exporters; they are empty until set() is called. */
  addOrigin(parent, urls) {
    this.origin = true;
    const host = (url) => new URL(url).host;
    const short = (url) => urls.filter((other) => host(other) === host(url)).length > 1
      ? url.replace(/^https?:\/\//, "") : host(url);
    this.charts.push(...originPlots.map((plot) => this.make(parent, { ...plot, fill: urls.length === 1,
      lines: urls.map((url, i) => ["origin" + i + "_" + plot.figure, short(url), originColours[i % originColours.length]]) })));
  }

  colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  make(parent, plot) {
    const box = document.createElement("div");
    const head = document.createElement("h2");
    const frame = document.createElement("div");
    const canvas = document.createElement("canvas");
    box.className = "plot";
    head.textContent = plot.title;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", plot.title + " over the run");
    frame.append(canvas);
    box.append(head, frame);
    parent.append(box);
    const show = format[plot.unit];
    return new Chart(canvas, {
      type: "line",
      data: { datasets: plot.lines.map(([name, label, colour]) => ({
        label, name, colour, data: [], pointRadius: 0, pointHitRadius: 6,
        spanGaps: plot.unit === "seconds" ? GAP_S : false,
        fill: plot.fill === true && colour !== "--dim" })) },
      options: {
        animation: false, parsing: false, normalized: true, responsive: true,
        maintainAspectRatio: false, interaction: { mode: "index", intersect: false },
        scales: {
          x: { type: "linear", min: 0, ticks: { callback: (v) => format.clock(v), maxTicksLimit: 7, maxRotation: 0 } },
          y: { beginAtZero: true, grace: "5%", suggestedMax: plot.least, ticks: { callback: (v) => tick(show(v)), maxTicksLimit: 5 } },
        },
        plugins: {
          legend: { labels: { boxWidth: 10, boxHeight: 2,
            filter: (item, data) => data.datasets[item.datasetIndex].data.some((point) => isKnown(point.y)) } },
          decimation: { enabled: true, algorithm: "min-max" },
          tooltip: { callbacks: {
            title: (items) => format.clock(items[0].parsed.x),
            label: (item) => item.dataset.label + " " + show(item.parsed.y) } },
        },
      },
    });
  }

  /* A plot without any value is of what this run cannot tell. */
  hideEmpty() {
    for (const chart of this.charts) {
      const empty = (set) => !set.data.some((point) => point.y !== null && point.y !== undefined);
      chart.canvas.closest(".plot").hidden = this.rows > 0 && chart.data.datasets.every(empty);
    }
  }

  recolour() {
    this.hideEmpty();
    for (const chart of this.charts) {
      for (const set of chart.data.datasets) {
        set.borderColor = this.colour(set.colour);
        set.backgroundColor = this.colour(set.colour) + "22";
      }
      for (const axis of Object.values(chart.options.scales)) {
        axis.grid = { color: this.colour("--line") };
        axis.ticks.color = this.colour("--dim");
      }
      chart.options.plugins.legend.labels.color = this.colour("--text");
      chart.update("none");
    }
  }

  /* Replaces everything by these columns, all of the same length; `rows` says how many rows there
     are where the columns hold but some of them. What was before the run is on no plot. */
  set(columns, rows = columns.time_s.length) {
    const time = columns.time_s;
    const apart = time.length > 1 ? time[1] - time[0] : 1;
    this.rows = rows;
    for (const chart of this.charts) {
      for (const set of chart.data.datasets) {
        set.data = time.map((x, i) => ({ x, y: columns[set.name]?.[i] ?? null })).filter((point) => point.x >= 0);
        set.spanGaps = set.spanGaps === false ? false : Math.max(GAP_S, 3 * apart);
      }
    }
    this.recolour();
  }

  /* Adds one row: an object with a value for each column. */
  add(row) {
    this.rows += 1;
    if (row.time_s < 0) {
      return;
    }
    for (const chart of this.charts) {
      for (const set of chart.data.datasets) {
        set.data.push({ x: row.time_s, y: row[set.name] ?? null });
      }
    }
  }

  draw() {
    this.hideEmpty();
    for (const chart of this.charts) {
      chart.update("none");
    }
  }
}
