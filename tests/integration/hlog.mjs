// What npm's hdr-histogram-js reads in a log of HdrHistogram on standard input: prints
// {tag: {count, p50, p99, max, mean, start, length}}, in the log's unit and in milliseconds. Exit
// status 3 when it is not installed where node finds it (NODE_PATH).
import { createRequire } from 'node:module';
import fs from 'node:fs';

const require = createRequire(import.meta.url);
let HistogramLogReader;
try {
  ({ HistogramLogReader } = require('hdr-histogram-js'));
} catch {
  process.exit(3);
}
const reader = new HistogramLogReader(fs.readFileSync(0, 'utf8'), 64, false);
const found = {};
for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram()) {
  found[one.tag] = {
    count: one.totalCount, p50: one.getValueAtPercentile(50), p99: one.getValueAtPercentile(99),
    max: one.maxValue, mean: one.mean, start: one.startTimeStampMsec,
    length: one.endTimeStampMsec - one.startTimeStampMsec,
  };
}
console.log(JSON.stringify(found));
