// The newest messages without their content, and why one alerted where it did.

import { get } from "./api.js";
import { element, table } from "./elements.js";
import { back, bar, path } from "./view.js";
import { exactTime, say, time } from "./words.js";

/** Draws the newest messages; one of a publisher; or, of an account, why it alerted where it did. */
export async function messages(act, publisher, message, account) {
  if (account) return trace(publisher, message, account);
  return message ? oneMessage(publisher, message) : allMessages();
}

async function allMessages() {
  const { messages: rows } = await get("messages");
  return [
    bar(say("recentMessages")),
    element("p", { class: "quiet" }, rows.length ? say("messagesHint") : say("noMessages")),
    rows.length > 0 && table("recentMessages", [
      ["publisher", (row) => row.publisher.name, "first"],
      ["time", (row) => time(row.created_at)],
      ...(rows.some((row) => row.deliver_at) ? [["scheduledFor", (row) => (row.deliver_at ? time(row.deliver_at) : "")]] : []),
      ["priority", (row) => element("span", { class: `priority-${row.priority}` }, say("priorities")[row.priority])],
      ["receivers", (row) => String(row.receivers), "number"],
      ["shown", (row) => String(row.shown), "number"],
      ["read", (row) => String(row.read), "number"],
      ["message", (row) => link(row.id, row.publisher.id, row.id)],
    ], rows),
  ];
}

function link(text, ...names) {
  return element("a", { href: `#messages/${path(...names)}` }, element("code", {}, text));
}

async function oneMessage(publisher, message) {
  const state = await get(`publishers/${path(publisher)}/messages/${path(message)}`);
  const { counts, receivers, more } = state;
  return [
    back("messages", "allMessages"),
    bar(message),
    facts(state, counts),
    element("h2", {}, say("receivers")),
    element("p", { class: "quiet" }, say(more ? "receiversMore" : "receiversHint")),
    whyForm(publisher, message),
    receivers.length > 0 && table("receivers", [
      ["name", (row) => row.account, "first"],
      ["delivered", (row) => when(row.delivered_at)],
      ["shown", (row) => when(row.shown_at)],
      ["read", (row) => when(row.read_at)],
      ["actions", (row) => element("a", { href: `#messages/${path(publisher, message, row.account)}`,
        "aria-label": say("ofName", { act: say("why"), name: row.account }) }, say("why")), "acts"],
    ], receivers),
  ];
}

const when = (text) => (text ? time(text) : say("notYet"));

function facts(state, counts) {
  const said = [
    ["time", time(state.created_at)],
    ["expires", state.expires_at && time(state.expires_at)],
    ["scheduledFor", state.deliver_at && time(state.deliver_at)],
    ["refused", state.refused?.map((what) => say("refusals")[what] ?? what).join(", ")],
    ["withdrawn", state.withdrawn_at && `${time(state.withdrawn_at)} ${say("withdrawals")[state.withdrawn] ?? ""}`],
    ...["stored", "delivered", "shown", "read"].map((word) => [word, String(counts[word])]),
  ];
  return element("dl", {}, ...said.filter(([, value]) => value)
    .flatMap(([word, value]) => [element("dt", {}, say(word)), element("dd", {}, value)]));
}

/** Receivers by topic, or of everyone, are in no list. */
function whyForm(publisher, message) {
  return element("form", {
    class: "inline",
    submit(event) {
      event.preventDefault();
      const account = new FormData(event.target).get("account").trim();
      location.hash = `messages/${path(publisher, message, account)}`;
    },
  },
  element("label", { for: "why-account" }, say("account")),
  element("input", { id: "why-account", name: "account", required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false" }),
  element("button", { type: "submit" }, say("why")));
}

async function trace(publisher, message, account) {
  const { steps } = await get(`accounts/${path(account)}/messages/${path(message)}/trace`);
  return [
    back(`messages/${path(publisher, message)}`, "message"),
    bar(say("whyFor", { account })),
    element("p", { class: "quiet" }, say(steps.length ? "traceHint" : "noTrace")),
    steps.length > 0 && table("steps", [
      ["time", (step) => exactTime(step.at), "first"],
      ["decision", (step) => element("span", { lang: "en" }, step.text)],
    ], steps),
  ];
}
