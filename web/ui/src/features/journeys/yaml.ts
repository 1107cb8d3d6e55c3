/** A name as YAML has it, quoted where it would mean something else. */
export function quoted(name: string): string {
  const plain = /^[A-Za-z][\w %&.()/-]*$/.test(name) && !name.endsWith(' ')
  return plain && !/^(true|false|yes|no|null|on|off|y|n)$/i.test(name) ? name : JSON.stringify(name)
}
