import {
  IconArrowsSplit2,
  IconDice3,
  IconDoorExit,
  IconHourglass,
  IconMail,
  IconUserEdit,
  IconWebhook,
  IconClock,
} from '@tabler/icons-react'

import type { StepType } from './definition'

export const stepIcons: Record<StepType, typeof IconMail> = {
  send: IconMail,
  wait: IconClock,
  wait_until: IconHourglass,
  branch: IconArrowsSplit2,
  split: IconDice3,
  update_contact: IconUserEdit,
  webhook: IconWebhook,
  exit: IconDoorExit,
}
