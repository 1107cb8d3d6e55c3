import { defineWords } from '~/i18n'

export const words = defineWords('home', { title: 'Home' }, { title: 'Start' })
