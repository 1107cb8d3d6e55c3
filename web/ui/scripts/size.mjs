// Says how much the first screen loads, gzipped, and fails where that is over the limit.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const limit = 250_000 // bytes
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist)))

// The entry, what it imports, and the page that is shown first.
const files = new Set()
const add = (key) => {
  const chunk = manifest[key]
  if (files.has(chunk.file)) return
  files.add(chunk.file)
  chunk.css?.forEach((file) => files.add(file))
  chunk.imports?.forEach(add)
}
const first = ['index.html', 'src/features/home/HomePage.tsx'].filter((key) => manifest[key])
first.forEach(add)

let sum = 0
for (const file of files) sum += gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length
console.log(`first screen: ${files.size} files, ${(sum / 1000).toFixed(1)} kB gzipped of at most ${limit / 1000}`)
if (sum > limit) process.exit(1)
