import {
  Alert,
  AppShell,
  Burger,
  Group,
  Menu,
  NavLink,
  SegmentedControl,
  Text,
  UnstyledButton,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconApi, IconLogout, IconSelector, IconUser, IconWifiOff } from '@tabler/icons-react'
import { Link, Outlet, useMatches, useRouter, useRouterState } from '@tanstack/react-router'
import { Suspense, useEffect } from 'react'

import { queryClient, signedOut } from '~/api/client'
import { useLostSince } from '~/api/live'
import { notifyProblem } from '~/api/problem'
import { Loading } from '~/components/states'
import { languages, useWords, type Language } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { Forbidden } from './errors'
import { nav, navWords } from './nav'
import { chooseLanguage, sessionQuery, signOut, useUser, type Role } from './session'
import classes from './Shell.module.css'

/** What is around every page: the menu, who is signed in, and whether the line holds. */
export function Shell() {
  const t = useWords(navWords)
  const [open, menu] = useDisclosure()
  const path = useRouterState({ select: (s) => s.location.pathname })
  const { close } = menu
  useEffect(() => close(), [path, close])
  useSignedOut()
  return (
    <AppShell
      header={{ height: 48, collapsed: false }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding={0}
      classNames={{ header: classes.header, navbar: classes.navbar, main: classes.main }}
    >
      <a className="skip-link" href="#content">
        {t('skip')}
      </a>
      <AppShell.Header>
        <Group h="100%" px="sm" gap="xs" wrap="nowrap">
          <Burger
            opened={open}
            onClick={menu.toggle}
            size="sm"
            hiddenFrom="sm"
            aria-label={t('menu')}
            aria-expanded={open}
          />
          <Link to="/" className={classes.brand}>
            <img src="/app/icon.svg" alt="" width={24} height={24} />
            <span>Posthorn</span>
          </Link>
          <Account />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar aria-label={t('label')}>
        <Navigation path={path} />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Connection />
        <Allowed>
          <Suspense fallback={<Loading />}>
            <Outlet />
          </Suspense>
        </Allowed>
      </AppShell.Main>
    </AppShell>
  )
}

/** Shows the page to whom it is for. */
function Allowed({ children }: { children: React.ReactNode }) {
  const t = useWords(common)
  const role = useUser()?.role as Role | undefined
  const roles = useMatches().at(-1)?.staticData.roles
  if (!role) return null
  return role === 'owner' || !roles || roles.includes(role) ? children : <Forbidden role={t(`roles.${role}`)} />
}

function Navigation({ path }: { path: string }) {
  const t = useWords(navWords)
  const router = useRouter()
  const role = useUser()?.role as Role | undefined
  const routes = router.routesByPath as Record<string, { options: { staticData?: { roles?: Role[] } } } | undefined>
  const may = (to: string) => {
    const route = routes[to]
    const roles = route?.options.staticData?.roles
    return route && (role === 'owner' || !roles || (role && roles.includes(role)))
  }
  // A heading stands only above entries.
  const shown = nav
    .filter((e) => 'group' in e || may(e.path))
    .filter((e, i, all) => !('group' in e) || (all[i + 1] && !('group' in all[i + 1]!)))
  return (
    <ul className={classes.list}>
      {shown.map((e) =>
        'group' in e ? (
          <li key={e.group} className={classes.group}>
            {t(e.group)}
          </li>
        ) : (
          <li key={e.path}>
            <NavLink
              component={Link}
              to={e.path}
              label={t(e.word)}
              leftSection={<e.icon size={16} stroke={1.6} aria-hidden />}
              active={e.path === '/' ? path === '/' : path === e.path || path.startsWith(`${e.path}/`)}
              aria-current={path === e.path ? 'page' : undefined}
              className={classes.link}
            />
          </li>
        ),
      )}
    </ul>
  )
}

function Account() {
  const t = useWords(navWords)
  const words = useWords(common)
  const user = useUser()
  const router = useRouter()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const language = useWordsLanguage()
  if (!user) return null
  return (
    <Menu position="bottom-end" width={260} shadow="md">
      <Menu.Target>
        <UnstyledButton ml="auto" className={classes.account}>
          <Text size="sm" truncate>
            {user.name || user.email}
          </Text>
          <IconSelector size={14} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {user.email} · {words(`roles.${user.role as Role}`)}
        </Menu.Label>
        {'/profile' in router.routesByPath && (
          <Menu.Item leftSection={<IconUser size={16} />} component={Link} to="/profile">
            {t('profile')}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconApi size={16} />} component="a" href="/api/docs" target="_blank" rel="noopener">
          {t('api')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label id="theme-label">{t('theme')}</Menu.Label>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-labelledby="theme-label"
          value={colorScheme}
          onChange={(v) => setColorScheme(v as typeof colorScheme)}
          data={(['auto', 'light', 'dark'] as const).map((v) => ({ value: v, label: t(`themes.${v}`) }))}
        />
        <SegmentedControl
          fullWidth
          size="xs"
          mt={6}
          aria-label="Language"
          value={language}
          onChange={(v) => void chooseLanguage(v as Language).catch(notifyProblem)}
          data={Object.entries(languages).map(([value, label]) => ({ value, label }))}
        />
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut().catch(notifyProblem)}>
          {t('signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function useWordsLanguage() {
  useWords(navWords) // drawn again when it changes
  return document.documentElement.lang
}

/** Says when figures do not move any more. */
function Connection() {
  const t = useWords(common)
  const f = useFormat()
  const since = useLostSince()
  return (
    <div aria-live="polite" className={classes.connection}>
      {since !== null && (
        <Alert color="yellow" icon={<IconWifiOff aria-hidden />} radius={0} py="xs">
          {t('live.lost', { time: f.time(new Date(since)) })}
        </Alert>
      )}
    </div>
  )
}

/** Leads to the sign-in when the server does not know the session any more, and back afterwards. */
function useSignedOut() {
  const router = useRouter()
  useEffect(() => {
    const leave = () => {
      queryClient.removeQueries({ queryKey: sessionQuery.queryKey })
      void router.navigate({ to: '/sign-in' as never, search: { next: router.state.location.href } as never })
    }
    signedOut.addEventListener('signed-out', leave)
    return () => signedOut.removeEventListener('signed-out', leave)
  }, [router])
}
