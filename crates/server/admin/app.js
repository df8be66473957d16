// The admin page: one view at a time, named in the address after `#`.

import { ask, get } from "./api.js";
import { element, sayAll } from "./elements.js";
import * as views from "./views.js";
import { language, say } from "./words.js";

const part = (id) => document.querySelector(`#${id}`);
const DEVICE = "hither-admin-device";
/** Answers that come later than the newest question are of no interest. */
let newest = 0;

document.documentElement.lang = language;
document.title = say("title");
sayAll();

function address() {
  const [view, ...names] = location.hash.slice(1).split("/");
  const known = Object.hasOwn(views, view);
  return { view: known ? view : "accounts", names: known ? names.map(decodeURIComponent) : [] };
}

/** Draws the view anew; `quietly` keeps what the person is doing in it. */
async function draw({ quietly = false } = {}) {
  const { view, names } = address();
  const question = ++newest;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!quietly) part("content").replaceChildren(element("p", { class: "quiet" }, say("loading")));
  try {
    const drawn = await views[view](act, ...names);
    if (question !== newest) return;
    const typing = document.activeElement?.id === "search" && document.activeElement;
    part("content").replaceChildren(...drawn.filter(Boolean));
    if (typing) {
      const search = part("search");
      search?.focus();
      search?.setSelectionRange(typing.selectionStart, typing.selectionEnd);
    }
    notice("");
  } catch (error) {
    if (question === newest) failed(error);
  }
}

/** Carries out a change, says that it is done, and draws what is there. */
async function act(change, { quietly = true } = {}) {
  try {
    const done = await change?.();
    await draw({ quietly });
    if (done) part("announcer").textContent = say("done", { name: done });
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  if (error.status === 401) return leave(say("signInAgain"));
  part("content").querySelector(".quiet")?.remove();
  notice(error.message);
}

function notice(text) {
  part("notice").textContent = text;
  part("notice").hidden = !text;
}

function leave(why) {
  part("dialog").close();
  part("inside").hidden = true;
  part("content").replaceChildren();
  part("sign-in").hidden = false;
  refuse(why);
  part("account").focus();
}

function refuse(why) {
  part("refusal").textContent = why;
  part("refusal").hidden = !why;
}

async function enter({ account }) {
  act.account = account;
  part("sign-in").hidden = true;
  part("inside").hidden = false;
  part("who").textContent = say("signedInAs", { name: account });
  part("who").title = account;
  await draw();
}

part("sign-in").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const submit = form.querySelector("button");
  const { account, password } = Object.fromEntries(new FormData(form));
  submit.disabled = true;
  try {
    const device_id = localStorage.getItem(DEVICE) ?? undefined;
    const session = await ask("POST", "session", { account: account.trim(), password, device_id });
    localStorage.setItem(DEVICE, session.device_id);
    form.reset();
    refuse("");
    await enter(session);
    part("content").focus();
  } catch (error) {
    refuse(error.message);
    part("password").select();
  } finally {
    submit.disabled = false;
  }
});

part("sign-out").addEventListener("click", async () => {
  try {
    await ask("DELETE", "session");
    leave("");
  } catch (error) {
    failed(error);
  }
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  part("content").focus();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, dialog");
  if (event.key !== "/" || typing || !part("search")) return;
  event.preventDefault();
  part("search").focus();
});

addEventListener("hashchange", async () => {
  if (part("inside").hidden) return;
  await draw();
  scrollTo(0, 0);
  part("content").focus({ preventScroll: true });
});

try {
  await enter(await get("session"));
} catch (error) {
  leave(error.status === 401 ? "" : error.message);
}
