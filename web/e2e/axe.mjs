// What axe finds wrong with a view (WCAG 2.1 AA), and the faults that the page met: printed and counted.
import AxeBuilder from '@axe-core/playwright';

let broken = 0;
export const wrong = () => broken;

export async function look(page, name, rules = null) {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules ? axe.withRules(rules) : axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])).analyze();
  for (const one of violations) {
    broken += 1;
    console.log(`${name}: ${one.id} (${one.impact}): ${one.help}`);
    for (const node of one.nodes.slice(0, 4)) console.log(`    ${node.target.join(' ')}  ${node.failureSummary?.split('\n')[1]?.trim() ?? ''}`);
  }
  for (const fault of page.faults) { broken += 1; console.log(`${name}: ${fault}`); }
  page.faults.length = 0;
}

/** Looks in both themes: what differs between them is colours alone. */
export async function lookTwice(page, name) {
  await look(page, `${name}, dark`);
  await page.evaluate(() => { document.documentElement.dataset.theme = 'light'; });
  await look(page, `${name}, light`, ['color-contrast']);
  await page.evaluate(() => { document.documentElement.dataset.theme = 'dark'; });
}
