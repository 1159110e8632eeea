import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env.OPENLEO_SERVER ?? 'http://127.0.0.1:8350';

export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    outDir: '../src/openleo/api/static',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1200,
    reportCompressedSize: false,
  },
  server: { proxy: { '/v1': { target: server, ws: true } } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
