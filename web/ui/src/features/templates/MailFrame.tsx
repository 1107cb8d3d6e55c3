import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'

import classes from './MailPreview.module.css'

interface Props {
  html: string
  /** How wide the window is that the mail believes to be in. Where there is less room it is drawn smaller. */
  width: number
  dark: boolean
  pictures: boolean
  title: string
}

let made = 0

/**
 * HTML of a mail in a frame without rights. The page's own policy has no room for the styles
 * of mails, so the HTML is posted to the API, which answers it as a page with a policy of its
 * own (docs/adr/0021). What is shown stays until what comes next is there.
 */
export function MailFrame({ html, width, dark, pictures, title }: Props) {
  const { ref: box, width: room, height } = useElementSize()
  const holder = useRef<HTMLDivElement>(null)
  const scale = room > 0 ? Math.min(1, room / width) : 1

  useEffect(() => {
    const parent = holder.current!
    const frame = document.createElement('iframe')
    frame.name = `mail-${++made}`
    frame.title = title
    frame.setAttribute('sandbox', '')
    frame.className = classes.waiting!
    parent.append(frame)
    frame.addEventListener('load', () => {
      while (parent.firstChild && parent.firstChild !== frame) parent.firstChild.remove()
      frame.className = classes.frame!
    })
    post(frame.name, { html, dark: dark ? '1' : '', pictures: pictures ? '1' : '' })
  }, [html, dark, pictures, title])

  return (
    <div ref={box} className={classes.box}>
      <div
        ref={holder}
        className={classes.sheet}
        style={{ width, height: height / scale || undefined, transform: scale < 1 ? `scale(${scale})` : undefined }}
      />
    </div>
  )
}

/** Sends a form into a frame. A frame that is new has no history, so that "back" leaves the page, not the mail. */
function post(target: string, fields: Record<string, string>) {
  const form = document.createElement('form')
  form.method = 'post'
  form.enctype = 'multipart/form-data'
  form.action = '/api/v1/templates/preview/page'
  form.target = target
  form.hidden = true
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement('textarea')
    field.name = name
    field.value = value
    form.append(field)
  }
  document.body.append(form)
  form.submit()
  form.remove()
}
