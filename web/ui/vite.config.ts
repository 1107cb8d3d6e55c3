import react from '@vitejs/plugin-react'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// The program serves the result under /app/, with a Content-Security-Policy that
// allows scripts and styles of its own only: see web/ui/ui.go.
export default defineConfig({
  base: '/app/',
  plugins: [react()],
  resolve: { alias: { '~': fileURLToPath(new URL('./src', import.meta.url)) } },
  html: { cspNonce: '{{nonce}}' },
  build: {
    manifest: true,
    target: 'es2023',
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
