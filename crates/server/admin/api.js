// What the page asks of the server. The session is in a cookie that scripts do not see.

import { say } from "./words.js";

/** Why the server did not do it; the message is for people. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function ask(method, path, body) {
  const answer = await fetch(`/admin/${path}`, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  }).catch(() => {
    throw new Refused(0, say("serverSilent"));
  });
  if (answer.status === 204) return undefined;
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  if (said.code === "wrong_credentials") throw new Refused(answer.status, say("wrongCredentials"));
  if (answer.status === 429) throw new Refused(answer.status, say("tooMany"));
  throw new Refused(answer.status, say("serverSaid", { detail: said.detail ?? answer.status }));
}

export const get = (path) => ask("GET", `api/${path}`);
export const post = (path, body) => ask("POST", `api/${path}`, body);
export const put = (path, body) => ask("PUT", `api/${path}`, body);
export const remove = (path) => ask("DELETE", `api/${path}`);
