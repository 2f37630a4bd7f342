import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))

// .test.ts runs in Node, .test.tsx in a DOM.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': root } },
  css: { postcss: {} },
  test: {
    setupFiles: ['./test/setup.ts'],
    projects: [
      { extends: true, test: { name: 'node', environment: 'node', include: ['{lib,features,scripts}/**/*.test.{ts,mjs}'] } },
      { extends: true, test: { name: 'dom', environment: 'jsdom', include: ['{lib,features,components}/**/*.test.tsx'] } },
    ],
    pool: 'threads',
    poolOptions: { threads: { maxThreads: 2 } },
    restoreMocks: true,
  },
})
