// How soon the page shows something, and how busy it keeps the browser: one JSON line (benchmarks/page_paint.py).
import { mapReady, open, visit } from './lib.mjs';

const watchMs = 1000 * Number(process.env.OPENLEO_WATCH_S ?? 30), who = process.env.OPENLEO_FIRST;
const browser = await open();

/** Runs in the page before its own code: what the browser tells of paints and of tasks over 50 ms, and each frame. */
function observe() {
  const told = { paints: {}, lcp: 0, tasks: [], frames: [] };
  window.told = told;
  const watch = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
  watch('paint', (e) => { told.paints[e.name] = e.startTime; });
  watch('largest-contentful-paint', (e) => { told.lcp = e.startTime; });
  watch('longtask', (e) => { told.tasks.push([e.startTime, e.duration]); });
  const frame = (now) => { told.frames.push(now); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  // Meaningful: the numbers of the network stand there.
  const timer = setInterval(() => {
    const n = document.querySelector('[data-count=online]')?.textContent?.replace(/\D/g, '');
    if (!n || !document.querySelector('aside.left dl')) return;
    clearInterval(timer);
    requestAnimationFrame((now) => { told.meaningful = now; });
  }, 10);
}

try {
  // Once to fill the disk cache of the server's side, then as somebody who was never here.
  const warm = await visit(browser, '/', who);
  await warm.context().close();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(observe);
  if (who) await page.addInitScript((token) => sessionStorage.setItem('openleo.token', token), JSON.parse((await import('node:fs')).readFileSync(who, 'utf8')).token);
  await page.goto(process.env.OPENLEO_URL);
  await mapReady(page);
  const drawn = await page.evaluate(() => performance.now());
  await page.waitForTimeout(watchMs);
  const { told, now } = await page.evaluate(() => ({ told: window.told, now: performance.now() }));
  const first = told.tasks.filter(([at]) => at < drawn), later = told.tasks.filter(([at]) => at >= drawn), sum = (tasks) => tasks.reduce((ms, [, d]) => ms + d, 0);
  const frames = told.frames.filter((at) => at >= drawn);
  console.log(JSON.stringify({
    fcp_ms: told.paints['first-contentful-paint'], fmp_ms: told.meaningful, lcp_ms: told.lcp, map_ms: drawn,
    loading: { tasks: first.length, ms: sum(first), longest_ms: Math.max(0, ...first.map(([, d]) => d)) },
    watching: { s: (now - drawn) / 1000, tasks: later.length, ms: sum(later), longest_ms: Math.max(0, ...later.map(([, d]) => d)), longest_at_s: later.toSorted((a, b) => b[1] - a[1]).slice(0, 3).map(([at]) => Math.round(at - drawn) / 1000), frames: frames.length },
    heap_mb: await page.evaluate(() => performance.memory.usedJSHeapSize / 1e6),
  }));
} finally {
  await browser.close();
}
