import { Button } from '@mantine/core'
import { IconTableImport } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import type { Kind } from './search'

/** The way from another page to an import of its kind. */
export function ImportButton({ kind, children }: { kind: Kind; children: ReactNode }) {
  return (
    <Button
      component={Link}
      to={`/imports/new?kind=${kind}`}
      variant="default"
      leftSection={<IconTableImport size={16} aria-hidden />}
    >
      {children}
    </Button>
  )
}
