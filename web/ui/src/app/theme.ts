import { createTheme, defaultVariantColorsResolver, type CSSVariablesResolver } from '@mantine/core'

import { common } from '~/i18n/common'

/**
 * Calm and dense: small text, thin lines, one accent. Colours of texts are darker (in the
 * dark: lighter) than Mantine's own, so that they are read on every ground (WCAG 1.4.3, 4.5:1).
 */
export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 8, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1.0625rem' }, h3: { fontSize: '0.9375rem' } },
  },
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input)
    if (input.variant === 'filled' && input.color === 'red')
      return { ...colors, background: 'var(--mantine-color-red-9)', hover: 'var(--mantine-color-red-8)' }
    if (
      (input.variant === 'light' ||
        input.variant === 'subtle' ||
        input.variant === 'outline' ||
        input.variant === 'transparent') &&
      input.color &&
      input.color in input.theme.colors
    ) {
      return {
        ...colors,
        color: `light-dark(color-mix(in srgb, var(--mantine-color-${input.color}-9) 70%, black), var(--mantine-color-${input.color}-2))`,
      }
    }
    return colors
  },
  components: {
    Button: { defaultProps: { size: 'sm' } },
    Tooltip: {
      defaultProps: { multiline: true, maw: 320, openDelay: 300, events: { hover: true, focus: true, touch: true } },
    },
    Badge: { defaultProps: { variant: 'light', radius: 'sm', tt: 'none', miw: 'fit-content' } },
    Modal: { defaultProps: { centered: true } },
    ModalHeader: { defaultProps: { role: 'none' } }, // a page has one banner
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } }, // the first entry takes the focus
    Notification: { defaultProps: () => ({ closeButtonProps: { 'aria-label': common.t('close') } }) },
    Anchor: { defaultProps: { underline: 'hover' } },
    Select: { defaultProps: { allowDeselect: false } },
  },
})

export const colors: CSSVariablesResolver = (theme) => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': theme.colors.gray[7],
    '--mantine-color-placeholder': theme.colors.gray[6],
    '--mantine-color-error': theme.colors.red[9],
    '--mantine-color-anchor': theme.colors.indigo[8],
  },
  dark: {
    '--mantine-color-dimmed': theme.colors.dark[1],
    '--mantine-color-placeholder': theme.colors.dark[2],
    '--mantine-color-error': theme.colors.red[4],
    '--mantine-color-anchor': theme.colors.indigo[3],
  },
})
