/**
 * Words in English and German.
 *
 * Each feature defines its own beside its pages, both languages at once; the types
 * refuse a German text that is missing or left over:
 *
 *     export const words = defineWords('campaigns', { title: 'Campaigns', people_one: '{{count, number}} person', people_other: … }, { … })
 *     const t = useWords(words);  t('people', { count: 3 })
 *
 * Texts are i18next's: {{name}} is filled in, _one and _other are chosen by count.
 */
import i18next from 'i18next'
import { initReactI18next, useTranslation } from 'react-i18next'

export type Language = 'en' | 'de'
export const languages: Record<Language, string> = { en: 'English', de: 'Deutsch' }

type Tree = { [key: string]: string | Tree }
type Same<T> = { [K in keyof T]: T[K] extends string ? string : Same<T[K]> }
type Counted<K extends string> = K extends `${infer B}_one` | `${infer B}_other` ? B : K
type Keys<T> = {
  [K in keyof T & string]: T[K] extends string ? Counted<K> : `${K}.${Keys<T[K]>}`
}[keyof T & string]

/** Fills a text's places. Values are shown as they are: React escapes them. */
export type Translate<K extends string> = (key: K, values?: Record<string, unknown>) => string

export interface Words<K extends string> {
  namespace: string
  /** For places outside React. */
  t: Translate<K>
}

export type KeyOf<W> = W extends Words<infer K> ? K : never

void i18next.use(initReactI18next).init({
  lng: preferredLanguage(),
  fallbackLng: 'en',
  initAsync: false,
  resources: {},
  interpolation: { escapeValue: false },
  react: { useSuspense: false, bindI18n: 'languageChanged', bindI18nStore: 'added' },
})
document.documentElement.lang = i18next.language
i18next.on('languageChanged', (language) => (document.documentElement.lang = language))

export function defineWords<const T extends Tree>(namespace: string, en: T, de: Same<T>): Words<Keys<T>> {
  i18next.addResourceBundle('en', namespace, en)
  i18next.addResourceBundle('de', namespace, de)
  return { namespace, t: (key, values) => i18next.t(key, { ns: namespace, ...values }) }
}

/** The words in the language of the moment: the component is drawn again when it changes. */
export function useWords<K extends string>(words: Words<K>): Translate<K> {
  const { t } = useTranslation(words.namespace)
  return t as unknown as Translate<K>
}

/** The language before anybody has signed in: the one chosen last here, else the browser's. */
export function preferredLanguage(): Language {
  const known = (tag: string | null | undefined) =>
    (Object.keys(languages) as Language[]).find((l) => tag?.toLowerCase().startsWith(l))
  return known(localStorage.getItem('language')) ?? navigator.languages.map(known).find((l) => l !== undefined) ?? 'en'
}

export function setLanguage(language: Language) {
  localStorage.setItem('language', language)
  if (i18next.language !== language) void i18next.changeLanguage(language)
}
