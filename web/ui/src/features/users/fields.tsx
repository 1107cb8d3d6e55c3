import { PasswordInput, type PasswordInputProps } from '@mantine/core'

import { useWords } from '~/i18n'

import { words } from './words'

/** A password, with a button that shows it. */
export function Password(props: PasswordInputProps) {
  const t = useWords(words)
  return <PasswordInput visibilityToggleButtonProps={{ 'aria-label': t('showPassword'), tabIndex: 0 }} {...props} />
}

/** Checks that need no server; what they return is shown at the field. */
export const checks = {
  filled: (value: string) => (value.trim() ? null : words.t('missing')),
  email: (value: string) =>
    !value.trim() ? words.t('missing') : /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value.trim()) ? null : words.t('emailWrong'),
  newPassword: (value: string) => ([...value].length >= 12 ? null : words.t('passwordShort')),
}
