import { MantineProvider } from '@mantine/core'
import { DatesProvider } from '@mantine/dates'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

import { queryClient } from '~/api/client'
import { ConfirmProvider } from '~/components/Confirm'

import { styleNonce } from './nonce'
import { router } from './router'
import { colors, theme } from './theme'

import 'dayjs/locale/de'

const Corner = lazy(() => import('./Corner'))

export function App() {
  const { i18n } = useTranslation()
  return (
    <MantineProvider theme={theme} cssVariablesResolver={colors} defaultColorScheme="auto" getStyleNonce={styleNonce}>
      <DatesProvider settings={{ locale: i18n.language, firstDayOfWeek: 1 }}>
        <QueryClientProvider client={queryClient}>
          <ConfirmProvider>
            <Suspense>
              <Corner />
            </Suspense>
            <RouterProvider router={router} />
          </ConfirmProvider>
        </QueryClientProvider>
      </DatesProvider>
    </MantineProvider>
  )
}
