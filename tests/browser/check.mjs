// Opens every page of a site in Chromium, light and dark, on a screen and on a phone, and says what is wrong with it:
// messages in the console, requests that leave the page, content wider than the window, findings of an accessibility audit.
// Usage: node check.mjs FOLDER [SCREENSHOTS]. Prints JSON; exit code 77: there is no browser.

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const axe = require.resolve('axe-core/axe.min.js');
const [folder, shots] = process.argv.slice(2);
const root = resolve(folder);

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = [process.env.CHROMIUM, ...places].find((path) => path && existsSync(path));
if (!executablePath) {
  console.log('no Chromium: install it, or name it in the variable CHROMIUM');
  process.exit(77);
}

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.html')),
  ...readdirSync(join(root, 'experiments')).filter((name) => name.endsWith('.html')).map((name) => `experiments/${name}`),
];
// Dark is the same page in other colours: of it only these are audited.
const colours = { runOnly: ['color-contrast', 'link-in-text-block'] };
const views = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 900 }, audit: {} },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 900 }, audit: colours },
  { name: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 }, audit: {} },
  { name: 'print', colorScheme: 'dark', viewport: { width: 794, height: 1123 }, media: 'print' },
];

// A thousand rows are one row a thousand times, and an audit takes the square of them: a few of those that stand side by
// side are audited, after all of them were laid out.
function leaveFew(most) {
  for (const one of document.querySelectorAll('tbody, .decisions, section, details')) {
    const alike = [...one.children].filter((child) => ['TR', 'ARTICLE', 'DETAILS', 'FIGURE'].includes(child.tagName));
    alike.slice(most).forEach((child) => child.remove());
  }
}

// A browser that asks nobody for anything: what is requested is the page's own doing. Playwright gives it a fresh profile.
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath, args: quiet });
const problems = [];
let seen = 0;
let audited = 0;
if (shots) mkdirSync(shots, { recursive: true });

for (const view of views) {
  const context = await browser.newContext({ colorScheme: view.colorScheme, viewport: view.viewport });
  for (const path of pages) {
    const page = await context.newPage();
    page.setDefaultTimeout(180_000);
    const url = pathToFileURL(join(root, path)).href;
    const complain = (what) => problems.push(`${path} (${view.name}): ${what}`);
    page.on('console', (message) => complain(`console ${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complain(`error: ${error.message}`));
    page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:')) complain(`request: ${request.url()}`);
    });
    if (view.media) await page.emulateMedia({ media: view.media, colorScheme: view.colorScheme });
    await page.goto(url);
    // What is folded is part of the page, too.
    await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > view.viewport.width) complain(`${width} pixels wide in a window of ${view.viewport.width}`);
    const headings = await page.evaluate(() => document.querySelectorAll('h1').length);
    if (headings !== 1) complain(`${headings} headings of the first level`);
    if (shots) {
      await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = false; }));
      const name = path.replace('experiments/', '').replace('.html', '').slice(0, 40);
      await page.screenshot({ path: join(shots, `${name}-${view.name}.png`), fullPage: path !== 'thousand.html' });
      await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
    }
    if (view.audit) {
      await page.evaluate(leaveFew, 12);
      await page.addScriptTag({ path: axe });
      const found = await page.evaluate((only) => globalThis.axe.run(document, { resultTypes: ['violations'], ...only }), view.audit);
      for (const violation of found.violations) {
        if (['serious', 'critical'].includes(violation.impact)) {
          complain(`${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
        }
      }
      audited += 1;
    }
    seen += 1;
    await page.close();
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify({ pages: pages.length, views: seen, audited, problems }, null, 1));
