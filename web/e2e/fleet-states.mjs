// A fleet of which nothing was heard for long (`old`), and one of nobody (`empty`): what is said of them, and that nobody acts.
import assert from 'node:assert/strict';
import { look, wrong } from './axe.mjs';
import { api, open, PLAIN, step, until, visit } from './lib.mjs';

const browser = await open(PLAIN);
try {
  for (const theme of ['dark', 'light']) {
    const page = await visit(browser, '/', null, { theme });
    if (process.argv[2] === 'empty') {
      await page.waitForSelector('text=No terminal yet');
      assert.match(await page.textContent('.none'), /openleo fleet add/);
      await look(page, `empty, ${theme}`);
      step(`an empty fleet says how to fill it, ${theme}`);
    } else {
      const told = await api(null, '/v1/fleet');
      assert.ok(told.stale.length, 'the server calls it old');
      await page.waitForSelector('[data-stale]');
      assert.match(await page.textContent('[data-stale]'), /STALE/);
      await page.waitForSelector('.mode.stale');
      assert.equal(Number(await page.getAttribute('h1[data-dark]', 'data-dark')), told.counts.dark);
      await look(page, `old, ${theme}`);
      step(`what is old is called so, and how it stood then is still told, ${theme}`);
      await page.click('.parts >> text=Bulk actions');
      await page.waitForSelector('[data-why-not]');
      assert.ok(await page.isDisabled('[data-start]'));
      assert.ok((await page.textContent('[data-cannot]')).trim().length > 10, 'it says why nothing can be started');
      await look(page, `nobody acts, ${theme}`);
      step(`where nobody logs in nobody acts, and that is said, ${theme}`);
    }
    if (theme === 'dark' && process.argv[2] === 'old') {
      await page.click('.parts >> text=Now');
      await page.route('**/v1/fleet**', (route) => route.abort());
      await page.waitForSelector('[role=alert]:has-text("does not answer")', { timeout: 25_000 });
      await until('what was read is still there', () => page.isVisible('h1[data-dark]'));
      page.faults.length = 0;
      await look(page, 'the server is gone');
      step('a server that is gone is said, and what was read stays');
    }
    await page.context().close();
  }
} finally { await browser.close(); }
process.exit(wrong() ? 1 : 0);
