import { Notifications } from '@mantine/notifications'

import '@mantine/notifications/styles.layer.css'

/** The corner in which actions say what became of them. It comes after the first screen. */
export default function Corner() {
  return <Notifications position="bottom-right" />
}
