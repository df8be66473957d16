// Publishers: who they are, what they may, whom they reach.

import { get, post, put } from "./api.js";
import { askForPublisher, askForRights, confirm, showOnce } from "./dialogs.js";
import { button, element, table } from "./elements.js";
import { bar, confirmAndAsk, disable, path, setDisabled, tag } from "./view.js";
import { say, time } from "./words.js";

export async function publishers(act) {
  const { publishers: rows } = await get("publishers");
  return [
    bar(say("publishers"), button("addPublisher", () => act(addPublisher), { kind: "main" })),
    rows.length === 0 && element("p", { class: "quiet" }, say("noPublishers")),
    rows.length > 0 && table("publishers", [
      ["name", publisherName, "first"],
      ["id", (row) => element("code", {}, row.id)],
      ["reaches", reach],
      ["secrets", (row) => String(row.secrets), "number"],
      ["created", (row) => time(row.created_at)],
      ["actions", (row) => publisherActs(act, row), "acts"],
    ], rows),
  ];
}

function publisherName({ name, contact, approved_at, disabled_at }) {
  return [
    name,
    !approved_at && tag("waitsForApproval", "off"),
    disabled_at && tag("disabled", "off"),
    contact && element("small", { class: "contact" }, contact),
  ].filter(Boolean);
}

/** Whom it reaches, and what it may not. */
function reach({ rights, audience: { accounts, topics } }) {
  const whom = [...accounts, ...topics.map((topic) => `#${topic}`)];
  const nobody = whom.length ? whom.join(", ") : say("nobody");
  const without = ["everyone", "urgent", "html"]
    .filter((right) => !rights[right] && !(right === "everyone" && rights.narrowed))
    .map((right) => say("without")[right]);
  return [
    rights.narrowed ? nobody : say("everyAccount"),
    without.length > 0 && element("small", { class: "contact" }, without.join(", ")),
  ].filter(Boolean);
}

function publisherActs(act, publisher) {
  const { id, name, approved_at, disabled_at } = publisher;
  return [
    !approved_at && button("approve", () => act(() => approve(id, name)), { of: name, kind: "main" }),
    button("rights", () => act(() => setRights(publisher)), { of: name }),
    button("rotate", () => act(() => rotate(id, name)), { of: name }),
    disabled_at
      ? button("enable", () => act(() => setDisabled("publishers", id, false)), { of: name })
      : button("disable", () => act(() => disable("publishers", id, name, "disablePublisherMeans")), { of: name, kind: "danger" }),
  ].filter(Boolean);
}

async function addPublisher() {
  let name;
  const made = await askForPublisher((values) => {
    ({ name } = values);
    return post("publishers", values);
  });
  if (made) await showOnce(say("secretOf", { name }), [made.id, made.secret]);
  return made && name;
}

async function approve(id, name) {
  const done = await confirm(say("approveQuestion", { name }), "approveMeans", "approve",
    () => post(`publishers/${path(id)}/approval`));
  return done && name;
}

async function setRights({ id, name, rights, audience }) {
  const done = await askForRights(name, { rights, audience }, async (wanted) => {
    await put(`publishers/${path(id)}/rights`, wanted);
    return true;
  });
  return done && name;
}

async function rotate(id, name) {
  const made = await confirmAndAsk(say("rotateQuestion", { name }), "rotateMeans", "rotateNow",
    () => post(`publishers/${path(id)}/secret`));
  if (made) await showOnce(say("secretOf", { name }), [made.id, made.secret]);
  return made && name;
}
