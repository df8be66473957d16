// Topics: who owns them, who may read and write.

import { get, put, remove } from "./api.js";
import { askForGrant, confirm } from "./dialogs.js";
import { button, element, table } from "./elements.js";
import { back, bar, path, tag } from "./view.js";
import { say, time } from "./words.js";

/** Draws topics, or one of them. */
export async function topics(act, name) {
  const { topics: rows } = await get("topics");
  const found = name && rows.find((row) => row.name === name);
  return found ? oneTopic(act, found) : allTopics(rows);
}

function allTopics(rows) {
  return [
    bar(say("topics")),
    element("p", { class: "quiet" }, say(rows.length ? "topicsHint" : "noTopics")),
    rows.length > 0 && table("topics", [
      ["name", topicName, "first"],
      ["owner", (row) => (row.owner ? element("code", {}, row.owner) : say("free"))],
      ["subscribers", (row) => String(row.subscribers), "number"],
      ["grants", (row) => String(row.grants.length), "number"],
      ["created", (row) => time(row.created_at)],
    ], rows),
  ];
}

function topicName({ name, private: hidden }) {
  const link = element("a", { href: `#topics/${encodeURIComponent(name)}` }, name);
  return hidden ? [link, tag("private")] : [link];
}

function oneTopic(act, { name, private: hidden, owner, grants }) {
  return [
    back("topics", "allTopics"),
    bar(name, button(hidden ? "makePublic" : "makePrivate", () => act(() => setPrivate(name, !hidden))),
      button("addGrant", () => act(() => grant(name)), { kind: "main" })),
    element("p", {}, say(owner ? "ownedBy" : "ownedByNobody", { owner }), " ", say(hidden ? "readByGranted" : "readByAll")),
    element("h2", {}, say("grants")),
    grants.length === 0 && element("p", { class: "quiet" }, say("noGrants")),
    grants.length > 0 && table("grants", [
      ["name", ({ to }) => to.account ?? element("code", {}, to.publisher), "first"],
      ["may", ({ may }) => say("rightsOfGrant")[may]],
      ["actions", ({ to, may }) => revokeButton(act, name, to.account ?? to.publisher, may), "acts"],
    ], grants),
  ];
}

function revokeButton(act, topic, to, may) {
  return button("revoke", () => act(() => revoke(topic, to, may)), { of: to, kind: "danger" });
}

async function setPrivate(topic, hidden) {
  if (hidden) {
    const done = await confirm(say("privateQuestion", { name: topic }), "privateMeans", "makePrivate",
      () => put(`topics/${path(topic)}/private`, { private: true }));
    return done && topic;
  }
  await put(`topics/${path(topic)}/private`, { private: false });
  return topic;
}

async function grant(topic) {
  return askForGrant(topic, async ({ to, may }) => {
    await put(`topics/${path(topic)}/grants/${path(to, may)}`);
    return to;
  });
}

async function revoke(topic, to, may) {
  const done = await confirm(say("revokeGrantQuestion", { name: to, topic }), "revokeGrantMeans", "revoke",
    () => remove(`topics/${path(topic)}/grants/${path(to, may)}`));
  return done && to;
}
