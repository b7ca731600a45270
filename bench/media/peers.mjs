// The same playlists through npm's parsers: node peers.mjs FOLDER, with hls-parser and m3u8-parser
// installed where node finds them (NODE_PATH). CPU time of the best of several rounds.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const require = createRequire(import.meta.url);
const folder = process.argv[2];
const peers = {};
for (const name of ['hls-parser', 'm3u8-parser']) {
  try {
    const peer = require(name);
    if (name === 'hls-parser') peer.setOptions({ silent: true });
    peers[name] = name === 'hls-parser' ? (text) => peer.parse(text)
      : (text) => { const p = new peer.Parser(); p.push(text); p.end(); return p.manifest; };
  } catch {
    console.error(`${name} is not installed`);
  }
}
console.log('| playlist | parser | µs | MB/s |\n|---|---|---|---|');
for (const file of fs.readdirSync(folder).filter((f) => f.endsWith('.m3u8'))) {
  const text = fs.readFileSync(path.join(folder, file), 'utf8');
  for (const [name, parse] of Object.entries(peers)) {
    const times = Math.max(1, Math.floor(2e6 / text.length));
    let best = Infinity;
    try {
      const end = Date.now() + 5000;
      for (let round = 0; round < 7 && (round < 2 || Date.now() < end); round++) {
        const begun = process.cpuUsage();
        for (let i = 0; i < times; i++) parse(text);
        const used = process.cpuUsage(begun);
        best = Math.min(best, (used.user + used.system) / times);
      }
      console.log(`| ${file} | ${name} | ${best.toFixed(1)} | ${(text.length / best).toFixed(1)} |`);
    } catch (error) {
      console.log(`| ${file} | ${name} | refused: ${error.message.slice(0, 60)} | |`);
    }
  }
}
