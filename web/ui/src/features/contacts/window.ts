import { useCallback, useEffect, useState, type RefObject } from 'react'

/** Which of count rows are to be drawn, of a list whose top is at top in a window of that height; both in px. */
export function visibleRows(top: number, height: number, rowHeight: number, count: number, over: number) {
  const first = Math.floor(-top / rowHeight) - over
  const last = Math.ceil((height - top) / rowHeight) + over
  const start = Math.min(Math.max(first, 0), Math.max(count - 1, 0))
  return { start, end: Math.max(start, Math.min(last, count)) }
}

const over = 12 // rows above and below the window, so that the keyboard finds the next one

/** The rows near the window, as the page scrolls: of a hundred thousand, some forty are in the document. */
export function useVisibleRows(list: RefObject<HTMLElement | null>, rowHeight: number, count: number) {
  const [range, setRange] = useState({ start: 0, end: Math.min(count, 60) })
  const measure = useCallback(() => {
    if (!list.current) return
    const next = visibleRows(list.current.getBoundingClientRect().top, window.innerHeight, rowHeight, count, over)
    setRange((old) => (old.start === next.start && old.end === next.end ? old : next))
  }, [list, rowHeight, count])
  useEffect(() => {
    let frame = 0
    const soon = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(measure)
    }
    soon()
    window.addEventListener('scroll', soon, { passive: true, capture: true })
    window.addEventListener('resize', soon)
    return () => {
      cancelAnimationFrame(frame)
      window.removeEventListener('scroll', soon, { capture: true })
      window.removeEventListener('resize', soon)
    }
  }, [measure])
  return { start: Math.min(range.start, count), end: Math.min(range.end, count) }
}
