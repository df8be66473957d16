// Each view draws what the server answers; `act` carries out a change and draws anew.

import { get, post, put, remove } from "./api.js";
import { askForAccount, askForPublisher, confirm, confirmByName, showOnce } from "./dialogs.js";
import { button, element, table } from "./elements.js";
import { duration, say, size, time } from "./words.js";

/** What was typed into the search; survives a redraw. */
let part = "";

const path = (...names) => names.map(encodeURIComponent).join("/");
const tag = (word, kind = "") => element("span", { class: `tag ${kind}` }, say(word));
const online = (yes, text) => element("span", { class: yes ? "online yes" : "online" }, text);

function bar(title, ...tools) {
  return element("div", { class: "bar" }, element("h1", {}, title), ...tools);
}

/** Draws accounts, or one of them. */
export async function accounts(act, name) {
  return name ? oneAccount(act, name) : allAccounts(act);
}

async function allAccounts(act) {
  const found = await get(`accounts?part=${encodeURIComponent(part)}`);
  const search = element("input", {
    type: "search", id: "search", value: part, "aria-label": say("search"), placeholder: say("search"),
    input: () => { part = search.value.trim().toLowerCase(); act(undefined, { quietly: true }); },
  });
  const { accounts: rows, total } = found;
  const summary = rows.length < total ? say("shownOf", { shown: rows.length, total }) : say("total", { total });
  return [
    bar(say("accounts"), search, button("addAccount", () => act(addAccount), { kind: "main" })),
    element("p", { class: "quiet", role: "status" }, rows.length ? summary : say("noAccounts")),
    rows.length > 0 && table("accounts", [
      ["name", accountName, "first"],
      ["devices", (row) => (row.devices ? online(row.online > 0, say("onlineCount", row)) : "0")],
      ["lastSeen", (row) => time(row.last_seen_at)],
      ["created", (row) => time(row.created_at)],
      ["actions", (row) => accountActs(act, row), "acts"],
    ], rows),
  ];
}

function accountName(row) {
  return [
    element("a", { href: `#accounts/${encodeURIComponent(row.name)}` }, row.name),
    row.admin && tag("administrator"),
    row.disabled_at && tag("disabled", "off"),
  ].filter(Boolean);
}

/** Nobody is offered to saw off the branch they sit on. */
function accountActs(act, { name, disabled_at }) {
  if (name === act.account) return say("yourself");
  return [
    button("resetPassword", () => act(() => resetPassword(name)), { of: name }),
    disabled_at
      ? button("enable", () => act(() => setDisabled("accounts", name, false)), { of: name })
      : button("disable", () => act(() => disable("accounts", name, name, "disableAccountMeans")), { of: name }),
    button("remove", () => act(() => removeAccount(name)), { of: name, kind: "danger" }),
  ];
}

async function addAccount() {
  const made = await askForAccount((values) => post("accounts", values));
  if (made) await showOnce(say("passwordOf", made), [made.password]);
  return made?.name;
}

async function resetPassword(name) {
  const made = await confirmAndAsk(say("resetQuestion", { name }), "resetMeans", "reset",
    () => post(`accounts/${path(name)}/password`));
  if (made) await showOnce(say("passwordOf", made), [made.password]);
  return made?.name;
}

/** Confirms, and answers what the server did. */
async function confirmAndAsk(title, meaning, word, question) {
  let answer;
  await confirm(title, meaning, word, async () => { answer = await question(); });
  return answer;
}

async function removeAccount(name) {
  const done = await confirmByName(name, say("removeQuestion", { name }), "removeMeans", "removeNow",
    () => remove(`accounts/${path(name)}`));
  return done && name;
}

async function disable(what, id, name, meaning) {
  const done = await confirm(say("disableQuestion", { name }), meaning, "disable",
    () => setDisabled(what, id, true));
  return done && name;
}

async function setDisabled(what, id, disabled) {
  await put(`${what}/${path(id)}/disabled`, { disabled });
  return id;
}

async function oneAccount(act, name) {
  const { devices } = await get(`accounts/${path(name)}/devices`);
  return [
    element("p", {}, element("a", { href: "#accounts" }, `← ${say("back")}`)),
    bar(name),
    element("h2", {}, say("devices")),
    devices.length === 0 && element("p", { class: "quiet" }, say("noDevices")),
    devices.length > 0 && table("devices", [
      ["name", (row) => row.name, "first"],
      ["online", (row) => online(row.online, say(row.online ? "online" : "offline"))],
      ["platform", (row) => `${say(row.kind)}, ${row.platform}`],
      ["applications", (row) => row.applications.map(application).join(", ")],
      ["lastSeen", (row) => time(row.last_seen_at)],
      ["actions", (row) => button("revoke", () => act(() => revoke(name, row)), { of: row.name, kind: "danger" }), "acts"],
    ], devices),
  ];
}

function application({ name, version, signed_in }) {
  return `${name} ${version}${signed_in ? "" : ` (${say("signedOut")})`}`;
}

async function revoke(account, { id, name }) {
  const done = await confirm(say("revokeQuestion", { name }), "revokeMeans", "revoke",
    () => remove(`accounts/${path(account)}/devices/${path(id)}`));
  return done && name;
}

export async function publishers(act) {
  const { publishers: rows } = await get("publishers");
  return [
    bar(say("publishers"), button("addPublisher", () => act(addPublisher), { kind: "main" })),
    rows.length === 0 && element("p", { class: "quiet" }, say("noPublishers")),
    rows.length > 0 && table("publishers", [
      ["name", (row) => [row.name, row.disabled_at && tag("disabled", "off")].filter(Boolean), "first"],
      ["id", (row) => element("code", {}, row.id)],
      ["secrets", (row) => String(row.secrets), "number"],
      ["created", (row) => time(row.created_at)],
      ["actions", (row) => publisherActs(act, row), "acts"],
    ], rows),
  ];
}

function publisherActs(act, { id, name, disabled_at }) {
  return [
    button("rotate", () => act(() => rotate(id, name)), { of: name }),
    disabled_at
      ? button("enable", () => act(() => setDisabled("publishers", id, false)), { of: name })
      : button("disable", () => act(() => disable("publishers", id, name, "disablePublisherMeans")), { of: name, kind: "danger" }),
  ];
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

async function rotate(id, name) {
  const made = await confirmAndAsk(say("rotateQuestion", { name }), "rotateMeans", "rotateNow",
    () => post(`publishers/${path(id)}/secret`));
  if (made) await showOnce(say("secretOf", { name }), [made.id, made.secret]);
  return made && name;
}

export async function messages() {
  const { messages: rows } = await get("messages");
  return [
    bar(say("recentMessages")),
    element("p", { class: "quiet" }, rows.length ? say("messagesHint") : say("noMessages")),
    rows.length > 0 && table("recentMessages", [
      ["publisher", (row) => row.publisher.name, "first"],
      ["time", (row) => time(row.created_at)],
      ["priority", (row) => element("span", { class: `priority-${row.priority}` }, say("priorities")[row.priority])],
      ["receivers", (row) => String(row.receivers), "number"],
      ["shown", (row) => String(row.shown), "number"],
      ["read", (row) => String(row.read), "number"],
      ["message", (row) => element("code", {}, row.id)],
    ], rows),
  ];
}

export async function health() {
  const said = await get("health");
  const facts = [
    ["version", said.version],
    ["uptime", duration(said.uptime_s)],
    ["streams", String(said.streams)],
    ["accounts", String(said.accounts)],
    ["publishers", String(said.publishers)],
    ["storeSize", size(said.store_bytes)],
    ["diskFree", size(said.disk_free_bytes)],
  ];
  return [
    bar(say("health")),
    element("dl", {}, ...facts.flatMap(([word, value]) => [element("dt", {}, say(word)), element("dd", {}, value)])),
  ];
}
