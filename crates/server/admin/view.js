// What several views do alike.

import { put } from "./api.js";
import { confirm } from "./dialogs.js";
import { element } from "./elements.js";
import { say } from "./words.js";

export const path = (...names) => names.map(encodeURIComponent).join("/");
export const tag = (word, kind = "") => element("span", { class: `tag ${kind}` }, say(word));

export function bar(title, ...tools) {
  return element("div", { class: "bar" }, element("h1", {}, title), ...tools);
}

/** The way out of one of them. */
export function back(view, word) {
  return element("p", {}, element("a", { href: `#${view}` }, `← ${say(word)}`));
}

/** Confirms, and answers what the server did. */
export async function confirmAndAsk(title, meaning, word, question) {
  let answer;
  await confirm(title, meaning, word, async () => { answer = await question(); });
  return answer;
}

export async function disable(what, id, name, meaning) {
  const done = await confirm(say("disableQuestion", { name }), meaning, "disable",
    () => setDisabled(what, id, true));
  return done && name;
}

export async function setDisabled(what, id, disabled) {
  await put(`${what}/${path(id)}/disabled`, { disabled });
  return id;
}
