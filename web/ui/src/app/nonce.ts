/**
 * What allows a style sheet that is added at run time: the Content-Security-Policy of the
 * page names it, and the page carries it in a meta element. '' in tests and in `npm run dev`.
 */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
}
