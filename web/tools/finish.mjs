// Ends a build: writes the licences of what is bundled beside it, as they ask for, and packs every file.
import fs from 'node:fs';
import { gzipSync } from 'node:zlib';

const lock = JSON.parse(fs.readFileSync('package-lock.json'));
const parts = [];
for (const [path, told] of Object.entries(lock.packages)) {
  if (!path || told.dev || told.optional) continue;
  const file = fs.readdirSync(path).find((name) => /^(licen[cs]e|copying)/i.test(name));
  const name = path.replace(/^.*node_modules\//, '');
  parts.push(`${name} ${told.version} (${told.license ?? 'see below'})\n${file ? fs.readFileSync(`${path}/${file}`, 'utf8').trim() : ''}\n`);
}
for (const name of ['svelte', 'world-atlas']) {
  parts.push(`${name}\n${fs.readFileSync(`node_modules/${name}/${fs.readdirSync(`node_modules/${name}`).find((f) => /^licen/i.test(f))}`, 'utf8').trim()}\n`);
}
fs.writeFileSync('../src/openleo/api/static/third-party-licences.txt', parts.join(`\n${'-'.repeat(80)}\n\n`));

// Packed copies beside the files, so that the server need not pack them for every browser.
const OUT = '../src/openleo/api/static';
for (const name of fs.readdirSync(OUT, { recursive: true })) {
  const path = `${OUT}/${name}`;
  if (!/\.(js|mjs|css|html|json|geojson|svg|txt)$/.test(name) || fs.statSync(path).size < 1000) continue;
  fs.writeFileSync(`${path}.gz`, gzipSync(fs.readFileSync(path), { level: 9 }));
}
