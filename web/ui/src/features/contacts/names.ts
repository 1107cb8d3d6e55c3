interface Named {
  external_id: string
  email: string
  first_name: string
  last_name: string
}

/** What to call a contact: by name, else by address, else by the shop's id. */
export function nameOf(c: Named): string {
  return (
    [c.first_name, c.last_name]
      .map((s) => s.trim())
      .filter(Boolean)
      .join(' ') ||
    c.email ||
    c.external_id
  )
}
