// Accounts and their devices. `act` carries out a change and draws anew.

import { get, post, remove } from "./api.js";
import { askForAccount, confirm, confirmByName, showOnce } from "./dialogs.js";
import { button, element, table } from "./elements.js";
import { back, bar, confirmAndAsk, disable, path, setDisabled, tag } from "./view.js";
import { say, time } from "./words.js";

/** What was typed into the search; survives a redraw. */
let part = "";

const online = (yes, text) => element("span", { class: yes ? "online yes" : "online" }, text);

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

async function removeAccount(name) {
  const done = await confirmByName(name, say("removeQuestion", { name }), "removeMeans", "removeNow",
    () => remove(`accounts/${path(name)}`));
  return done && name;
}

async function oneAccount(act, name) {
  const { devices } = await get(`accounts/${path(name)}/devices`);
  return [
    back("accounts", "back"),
    bar(name),
    element("h2", {}, say("devices")),
    devices.length === 0 && element("p", { class: "quiet" }, say("noDevices")),
    devices.length > 0 && table("devices", [
      ["name", (row) => row.name, "first"],
      ["online", (row) => online(row.online, say(row.online ? "online" : "offline"))],
      ["platform", system],
      ["applications", (row) => row.applications.map(application).join(", ")],
      ["lastSeen", (row) => time(row.last_seen_at)],
      ["actions", (row) => button("revoke", () => act(() => revoke(name, row)), { of: row.name, kind: "danger" }), "acts"],
    ], devices),
  ];
}

function system({ kind, platform, push }) {
  const reached = push && say(push.rings ? "pushed" : "notPushed", push);
  return [say(kind), platform, reached].filter(Boolean).join(", ");
}

function application({ name, version, signed_in }) {
  return `${name} ${version}${signed_in ? "" : ` (${say("signedOut")})`}`;
}

async function revoke(account, { id, name }) {
  const done = await confirm(say("revokeQuestion", { name }), "revokeMeans", "revoke",
    () => remove(`accounts/${path(account)}/devices/${path(id)}`));
  return done && name;
}
