// Plays streams in headless Chromium with hls.js as it comes from npm, all at the same time, and
// prints a list of what became of each.
//     node play.mjs FOLDER-OF-NODE_MODULES CHROMIUM SECONDS {PAGE-URL USER-AGENT}...
import { createRequire } from 'node:module';

const [modules, chromium, seconds, ...streams] = process.argv.slice(2);
const playwright = createRequire(modules + '/x.js')('playwright-core');
const browser = await playwright.chromium.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'],
});

async function play(page, agent) {
  const context = await browser.newContext({ userAgent: agent });
  const tab = await context.newPage();
  await tab.goto(page);
  await tab.waitForTimeout(Number(seconds) * 1000);
  return tab.evaluate(() => window.outcome());
}

try {
  const playing = [];
  for (let i = 0; i < streams.length; i += 2) {
    playing.push(play(streams[i], streams[i + 1]));
  }
  console.log(JSON.stringify(await Promise.all(playing)));
} finally {
  await browser.close();
}
