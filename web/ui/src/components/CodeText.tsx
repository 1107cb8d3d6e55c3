import { Code } from '@mantine/core'
import { Fragment } from 'react'

/** A text of the API's in which `code` stands in backticks, and links as [text](address) without where they lead. */
export function CodeText({ children }: { children: string }) {
  return children
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .split('`')
    .map((part, i) => (i % 2 ? <Code key={i}>{part}</Code> : <Fragment key={i}>{part}</Fragment>))
}
