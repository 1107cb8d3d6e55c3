import { TextInput } from '@mantine/core'

import { CopyButton } from './CopyButton'

/** A text that is shown once, or is to be copied as it is: selected at a click, with a button that copies. */
export function Secret({ label, value, description }: { label: string; value: string; description?: string }) {
  return (
    <TextInput
      label={label}
      description={description}
      value={value}
      readOnly
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      onFocus={(e) => e.currentTarget.select()}
      rightSection={<CopyButton value={value} what={label} />}
    />
  )
}
