// Without WebGL 2 there is no map, and everything else.
import assert from 'node:assert/strict';
import { counts, open, PLAIN, step, until, visit } from './lib.mjs';

const browser = await open(PLAIN);
try {
  const page = await visit(browser, '/?view=terminals', process.env.OPENLEO_FIRST);
  await page.waitForSelector('text=No map here');
  await page.click('aside.left tbody .link');
  await page.waitForSelector('[data-verdict]');
  await until('counts are there', async () => (await counts(page)).online > 0);
  assert.deepEqual(page.faults.filter((fault) => !/WebGL/.test(fault)), []);
  step('the lists, the reasons and the counts are there without a map');
} finally {
  await browser.close();
}
