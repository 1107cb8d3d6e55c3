import { CloseButton, TextInput, type TextInputProps } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useState } from 'react'

import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

interface Props extends Omit<TextInputProps, 'onChange' | 'value'> {
  label: string
  value: string
  /** Told when typing has paused. */
  onSearch: (text: string) => void
}

/** A search that does not ask with every key. */
export function SearchInput({ label, value, onSearch, ...rest }: Props) {
  const t = useWords(common)
  const [text, setText] = useState(value)
  const search = useDebouncedCallback(onSearch, 200)
  const change = (next: string) => {
    setText(next)
    search(next.trim())
  }
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={16} aria-hidden />}
      value={text}
      onChange={(e) => change(e.currentTarget.value)}
      rightSection={text ? <CloseButton size="sm" onClick={() => change('')} aria-label={t('clear')} /> : null}
      miw={{ base: '100%', xs: 260 }}
      {...rest}
    />
  )
}
