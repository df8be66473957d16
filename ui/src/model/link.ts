/** A web or mail address that may be offered to the person, and where it really leads. */
export interface Link {
  url: string;
  /** The host as the network knows it (punycode), or the mail address. */
  host: string;
}

/** Only http, https and mailto; anything else is no link. */
export function link(address: string): Link | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol === 'mailto:') return { url: url.href, host: url.pathname };
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return null;
  return { url: url.href, host: url.host };
}

/** Whether a link's text already says where it leads. */
export function names(text: string, { host, url }: Link): boolean {
  const said = text.trim().toLowerCase();
  return [host, url, url.replace(/\/$/, ''), `http://${host}`, `https://${host}`].includes(said);
}
