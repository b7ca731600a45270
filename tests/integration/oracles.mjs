// What npm's parsers say of playlists: reads {"playlists": [text, ...]} on standard input and
// prints for each {"strict": error or null, "segments": n} (hls-parser in strict mode and
// m3u8-parser). Exit status 3 when they are not installed where node finds them (NODE_PATH).
import { createRequire } from 'node:module';
import fs from 'node:fs';

const require = createRequire(import.meta.url);
let strict, lenient;
try {
  strict = require('hls-parser');
  lenient = require('m3u8-parser');
} catch {
  process.exit(3);
}
strict.setOptions({ strictMode: true, silent: true });
const answers = JSON.parse(fs.readFileSync(0, 'utf8')).playlists.map((text) => {
  let error = null;
  try {
    strict.parse(text);
  } catch (thrown) {
    error = String(thrown.message);
  }
  let manifest = { segments: [], playlists: [] };
  try {
    const parser = new lenient.Parser();
    parser.push(text);
    parser.end();
    manifest = parser.manifest;
  } catch {
    // It gives up on some; then there is nothing to compare with.
    return { strict: error, segments: null, variants: null };
  }
  return {
    strict: error,
    segments: manifest.segments.length,
    variants: (manifest.playlists || []).length,
  };
});
console.log(JSON.stringify(answers));
