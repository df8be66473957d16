// Draws the state into the elements of index.html. Whatever came from outside is set as text only.

import { exactTime, language, say, shortTime } from "./words.js";

const ALERTS_SHOWN = 20;
const LINKS = ["http:", "https:", "mailto:"];
const $ = (id) => document.getElementById(id);

/** Once, before the first `draw`: the words, and what each button does. */
export function prepare(actions) {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  $("sign-in").querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    actions.signIn($("account").value.trim(), $("password").value);
  };
  $("allow-sound").onclick = actions.allowSound;
  $("allow-notifications").onclick = actions.allowNotifications;
  $("use-here").onclick = actions.useHere;
  $("reload").onclick = () => location.reload();
  $("sign-out").onclick = actions.signOut;
  $("back").onclick = () => (location.hash = "");
}

/** For people who listen to the page. */
export function announce(message) {
  $("announcer").textContent = say("newMessage", { publisher: message.publisher.name, title: message.title || message.body });
}

export function draw(state, ringer, actions) {
  const { session, openId } = state;
  showText("notice", state.notice);
  $("sign-in").hidden = Boolean(session);
  $("list").hidden = !session || Boolean(openId);
  $("message").hidden = !session || !openId;
  drawBanners(ringer.banners, actions);
  drawSignIn(state);
  drawLink(state);
  drawRinging(ringer);
  drawList(state);
  drawMessage(state, actions);
}

function drawSignIn({ busy, session }) {
  $("sign-in").querySelector("button").disabled = busy;
  if (!session) $("announcer").textContent = "";
  if (session) $("password").value = "";
}

function drawLink({ link, offlineSince, gap, session }) {
  const offline = say("offline", { since: offlineSince });
  const words = { online: say("online"), connecting: offlineSince ? offline : say("connecting"), offline };
  $("link").textContent = words[link] ?? say(link);
  $("link").dataset.link = link;
  $("use-here").hidden = link !== "elsewhere";
  $("reload").hidden = link !== "broken";
  $("who").textContent = session?.account ?? "";
  showText("gap", gap);
}

function drawRinging(ringer) {
  const heard = ringer.maySound || ringer.mayNotify === "granted";
  $("rings").textContent = say(heard ? "rings" : "ringsSilently");
  $("allow-sound").hidden = ringer.maySound;
  $("allow-notifications").hidden = ringer.mayNotify !== "default";
}

function drawList({ rows }) {
  const unread = rows.filter((row) => !row.read_at).length;
  document.title = unread ? `(${unread}) Hither` : "Hither";
  $("unread").textContent = unread ? say("unread", { count: unread }) : "";
  $("no-messages").hidden = rows.length > 0;
  keyed($("messages"), rows, newRow, (item, row) => {
    item.classList.toggle("unread", !row.read_at);
    item.querySelector("time").textContent = shortTime(row.created_at);
  });
  const rung = rows.filter((row) => row.rangAt).sort((a, b) => b.rangAt - a.rangAt).slice(0, ALERTS_SHOWN);
  $("no-alerts").hidden = rung.length > 0;
  keyed($("alerts"), rung, (row) => element("li", { dataset: { rang: row.id } }), (item, row) => {
    item.dataset.times = row.rangTimes;
    item.textContent = say("rang", { when: exactTime(row.rangAt), title: row.title || row.publisher.name });
  });
}

function newRow(row) {
  const time = element("time", { dateTime: row.created_at, title: exactTime(row.created_at) });
  const line = element("span", { className: "line" }, element("span", { className: "publisher" }, row.publisher.name), time);
  const title = element("span", { className: "title" }, row.title || firstLine(row.body));
  const text = element("span", { className: "text" }, row.title ? firstLine(row.body) : "");
  const link = element("a", { href: `#${row.id}` }, line, title, text);
  return element("li", { dataset: { id: row.id, priority: row.priority } }, link);
}

/** Builds the page of a message once, so that a rich message inside it is not loaded again at each change. */
function drawMessage({ rows, openId, link }, actions) {
  const article = $("message").querySelector("article");
  const row = rows.find(({ id }) => id === openId);
  const key = row ? openId : "";
  if (article.dataset.id !== key || !row) {
    article.replaceChildren(...(row ? messageParts(row, actions) : [openId ? say("gone") : ""]));
    article.dataset.id = key;
  }
  for (const button of article.querySelectorAll("button")) button.disabled = link !== "online";
  if (row) document.title = row.title || "Hither";
}

function messageParts(row, actions) {
  const time = element("time", { dateTime: row.created_at }, exactTime(row.created_at));
  const urgent = row.priority === 5 ? element("span", { className: "urgent" }, say("urgent")) : "";
  return [
    element("h1", {}, row.title || row.publisher.name),
    element("p", { className: "quiet" }, row.publisher.name, " · ", time, " ", urgent),
    element("p", { className: "body" }, row.body),
    row.html ? richMessage(row) : "",
    row.url ? outsideLink(row.url, row.url) : "",
    ...(row.actions ?? []).map((action) => choice(row, action, actions)),
  ].filter(Boolean);
}

/** The page of a stranger: no scripts, no forms, no origin; the server's headers keep it off the network. */
function richMessage(row) {
  const frame = element("iframe", { title: say("richMessage"), referrerPolicy: "no-referrer" });
  frame.setAttribute("sandbox", "");
  frame.src = `/v1/messages/${encodeURIComponent(row.id)}/html`;
  return frame;
}

function choice(row, action, actions) {
  if (action.url) return outsideLink(action.url, action.label);
  return element("button", { onclick: () => actions.choose(row.id, action.id) }, action.label);
}

function outsideLink(address, label) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !LINKS.includes(url.protocol)) return "";
  const link = element("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, label);
  return element("p", { className: "outside" }, link, element("small", {}, say("opens", { host: url.host || url.pathname })));
}

function drawBanners(banners, actions) {
  const boxes = banners.map((banner) => {
    const text = element("span", { className: "text" }, firstLine(banner.text));
    const go = element("button", { className: "go", onclick: () => actions.openBanner(banner) }, element("b", {}, banner.title), text);
    const dismiss = element("button", { className: "dismiss", onclick: () => actions.dismiss(banner.ids), ariaLabel: say("dismiss") }, "×");
    return element("div", { className: banner.urgent ? "banner urgent" : "banner", dataset: { ids: banner.ids.join(" ") } }, go, dismiss);
  });
  const shown = [...$("banners").children].map((box) => box.dataset.ids).join();
  if (shown !== boxes.map((box) => box.dataset.ids).join()) $("banners").replaceChildren(...boxes);
}

/** Makes the children of `list` those of `rows`, keeping the elements that stay. */
function keyed(list, rows, make, update) {
  const old = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const items = rows.map((row) => {
    const item = old.get(row.id) ?? make(row);
    item.dataset.key = row.id;
    update(item, row);
    return item;
  });
  const same = items.length === list.children.length && items.every((item, place) => list.children[place] === item);
  if (same) return;
  for (const [key, item] of old) if (!rows.some(({ id }) => id === key)) item.remove();
  items.forEach((item, place) => list.children[place] === item || list.insertBefore(item, list.children[place] ?? null));
}

function element(name, properties, ...children) {
  const made = document.createElement(name);
  const { dataset, ...others } = properties;
  Object.assign(made, others);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

function showText(id, text) {
  $(id).textContent = text;
  $(id).hidden = !text;
}

function firstLine(text) {
  return text.trim().split("\n", 1)[0];
}
