import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// `vite` and `vite build --mode fake` run against src/backend/fake.ts in a plain browser;
// `vite build` makes the window's own page, which holds nothing of it.
export default defineConfig(({ mode }) => ({
  base: './',
  plugins: [svelte()],
  build: {
    outDir: mode === 'fake' ? 'dist-fake' : 'dist',
    target: 'es2022',
    // A polyfill and inlined assets would need exceptions in the page's content security policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: { host: '127.0.0.1', port: 1430, strictPort: true },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
}));
