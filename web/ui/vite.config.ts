import react from '@vitejs/plugin-react'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const styles = fileURLToPath(new URL('./node_modules/@mantine/core/styles/', import.meta.url))

/**
 * A component of Mantine's brings its style sheet along, so that a chunk has those of its
 * own components: the first screen would otherwise load those of all. A sheet comes after
 * those of the components that its own is made of, as Mantine asks for.
 */
const mantineStyles: Plugin = {
  name: 'mantine-styles',
  transform(code, id) {
    const name = /@mantine\/core\/esm\/(?:components|utils)\/(?:.+\/)?(\w+)\.mjs$/.exec(id)?.[1]
    if (!name || !existsSync(`${styles}${name}.layer.css`)) return
    return { code: `${code}\nimport '@mantine/core/styles/${name}.layer.css'`, map: null, moduleSideEffects: true }
  },
}

// The program serves the result under /app/, with a Content-Security-Policy that
// allows scripts and styles of its own only: see web/ui/ui.go.
export default defineConfig({
  base: '/app/',
  plugins: [react(), mantineStyles],
  resolve: { alias: { '~': fileURLToPath(new URL('./src', import.meta.url)) } },
  html: { cspNonce: '{{nonce}}' },
  build: {
    manifest: true,
    target: 'es2023',
    // light-dark() as it is: what it would be made into needs a color-scheme that Mantine sets by a variable.
    cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0, // data: is not allowed
    chunkSizeWarningLimit: 1000,
  },
  // `npm run dev` beside a running Posthorn.
  server: { proxy: { '/api': process.env.POSTHORN_BASE_URL ?? 'http://127.0.0.1:8080' } },
  test: {
    environment: 'jsdom',
    setupFiles: ['src/test/setup.ts'],
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
  },
})
