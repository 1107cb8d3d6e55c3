/** What can be the name of a topic; contacts.ValidTopic says the same. */
export const isTopic = (s: string) => /^[a-z0-9][a-z0-9_-]{0,63}$/.test(s)
