// Plays a stream in headless Chromium with hls.js as it comes from npm, for a time, and prints
// what became of it.
//     node play.mjs FOLDER-OF-NODE_MODULES CHROMIUM PAGE-URL SECONDS USER-AGENT
import { createRequire } from 'node:module';

const [modules, chromium, page, seconds, agent] = process.argv.slice(2);
const playwright = createRequire(modules + '/x.js')('playwright-core');
const browser = await playwright.chromium.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--mute-audio'],
});
try {
  const context = await browser.newContext({ userAgent: agent });
  const tab = await context.newPage();
  await tab.goto(page);
  await tab.waitForTimeout(Number(seconds) * 1000);
  console.log(JSON.stringify(await tab.evaluate(() => window.outcome())));
} finally {
  await browser.close();
}
