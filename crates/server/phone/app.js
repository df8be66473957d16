// The phone page: signs in as a mobile device, keeps its messages, rings, and tells the server what was read.

import { History } from "./history.js";
import { Ringer } from "./ring.js";
import { Stream } from "./stream.js";
import { announce, draw, prepare } from "./views.js";
import { say, shortTime } from "./words.js";

const APPLICATION = { name: "hither", version: "0.1.0" };

/** Everything the views draw, and what they may ask for. */
const state = {
  session: null,
  rows: [],
  /** `connecting`, `online`, `offline`, or why the stream ended: `elsewhere`, `broken`. */
  link: "offline",
  offlineSince: null,
  /** Sentences that stay until the next sign-in. */
  notice: "",
  gap: "",
  busy: false,
  get openId() {
    return decodeURIComponent(location.hash.slice(1));
  },
};
const ringer = new Ringer(redraw);
const actions = {
  signIn,
  signOut,
  openBanner,
  dismiss,
  choose: (id, action) => stream.send({ type: "action", id, action }),
  useHere: () => stream.start(),
  allowSound: () => ringer.allowSound(),
  allowNotifications: () => ringer.allowNotifications(),
};
let history;

const stream = new Stream({
  signedIn,
  forgetCursor: () => history.setFact("cursor", null),
  async hello() {
    return { type: "hello", cursor: (await history.fact("cursor")) ?? null, client: APPLICATION };
  },
  async frame(frame) {
    const carryOut = frames[frame.type];
    if (carryOut) await keeping(() => carryOut(frame));
  },
  state(link) {
    if (link === "offline") state.offlineSince ??= shortTime(Date.now());
    if (link === "online") state.offlineSince = null;
    state.link = link;
    redraw();
  },
  async ended(why) {
    if (why === "revoked") await leave(say("revoked"));
    else if (why === "signInAgain") await askToSignIn(say("signInAgain"));
    else state.link = why;
    redraw();
  },
});

const frames = {
  async welcome() {
    await sendReads();
  },
  async message({ cursor, alert, message }) {
    await history.store(message, cursor);
    stream.send({ type: "ack", cursor });
    await reload();
    if (alert === "now") await ring([message.id], "each");
    else if (state.link === "online" && !message.read_at) announce(message);
  },
  async read({ cursor, ids }) {
    await history.storeRead(ids, cursor);
    stream.send({ type: "ack", cursor });
    await reload();
  },
  async withdraw({ cursor, ids }) {
    await history.storeWithdrawal(ids, cursor);
    stream.send({ type: "ack", cursor });
    await reload();
  },
  async alert({ ids, style }) {
    await ring(ids, style);
  },
  async synced({ cursor }) {
    await history.setFact("cursor", cursor);
    stream.send({ type: "ack", cursor });
    await history.prune(Date.now());
    await reload();
  },
  gap({ since }) {
    state.gap = say("gap", { since: shortTime(since) });
    redraw();
  },
  error({ detail }) {
    state.notice = say("serverSaid", { detail });
    redraw();
  },
};

async function ring(ids, style) {
  const unread = state.rows.filter((row) => ids.includes(row.id) && !row.read_at);
  const groups = style === "each" ? unread.map((row) => [row]) : [unread];
  for (const group of groups.filter(({ length }) => length > 0)) {
    const shown = await ringer.ring(group);
    const rung = group.map(({ id }) => id);
    await history.rang(rung);
    if (shown) stream.send({ type: "shown", ids: rung });
  }
  await reload();
}

/** One message, or the list where several rang together. */
function openBanner({ ids }) {
  location.hash = ids.length === 1 ? ids[0] : "";
  dismiss(ids);
}

function dismiss(ids) {
  ringer.banners = ringer.banners.filter((banner) => banner.ids !== ids);
  redraw();
}

/** The address names the open message; whoever looks at one has read it. */
async function turnedTo() {
  redraw();
  const row = state.rows.find(({ id }) => id === state.openId);
  if (!row || row.read_at) return;
  await keeping(() => history.readHere(row.id));
  await reload();
  await sendReads();
}

async function sendReads() {
  const ids = await history.unsentReads();
  if (ids.length === 0 || !stream.send({ type: "read", ids })) return;
  stream.ping().then((arrived) => arrived && history.readsArrived(ids));
}

async function signIn(account, password) {
  state.busy = true;
  state.notice = "";
  redraw();
  const before = await history.fact("session");
  const device = { id: before?.account === account ? before.deviceId : undefined, name: deviceName(), platform: "web", kind: "mobile" };
  const answer = await request("POST", "/app/session", { account, password, device, application: APPLICATION });
  state.busy = false;
  if (answer.ok) await enter(account, before, await answer.json());
  else state.notice = await whyNot(answer);
  redraw();
}

async function enter(account, before, { device_id: deviceId }) {
  await keeping(async () => {
    // Another account's messages must not be seen, nor its place in the log be used.
    if (before?.account !== account) await history.wipe();
    await history.setFact("session", { account, deviceId });
  });
  state.session = { account, deviceId };
  await reload();
  stream.start();
}

async function signOut() {
  const answer = await request("DELETE", "/app/session");
  if (answer.ok || answer.status === 401) await leave(say("signedOut"));
  else state.notice = say("signOutOffline");
  redraw();
}

async function leave(notice) {
  stream.stop();
  await history.wipe();
  await askToSignIn(notice);
}

/** What is kept stays on the phone; nothing of it stays on the screen. */
async function askToSignIn(notice) {
  stream.stop();
  Object.assign(state, { session: null, notice, gap: "", link: "offline", offlineSince: null });
  location.hash = "";
  await reload();
}

/** `false` only when the server says so. */
async function signedIn() {
  return (await request("GET", "/v1/sessions/current")).status !== 401;
}

async function request(method, path, body) {
  const options = { method, headers: body && { "content-type": "application/json" }, body: body && JSON.stringify(body) };
  return fetch(path, options).catch(() => new Response(null, { status: 503 }));
}

async function whyNot(answer) {
  const problem = await answer.json().catch(() => ({}));
  if (problem.code === "wrong_credentials") return say("wrongCredentials");
  if (problem.code === "too_many") return say("tooMany");
  return problem.detail ? say("serverSaid", problem) : say("serverSilent");
}

/** What cannot be kept is not acknowledged: the caller sees the failure, the person why. */
async function keeping(change) {
  try {
    return await change();
  } catch (error) {
    state.notice = say("storageBroken");
    redraw();
    throw error;
  }
}

async function reload() {
  state.rows = state.session ? await history.messages() : [];
  const unread = new Set(state.rows.filter((row) => !row.read_at).map(({ id }) => id));
  await ringer.settle((id) => unread.has(id));
  redraw();
}

function redraw() {
  draw(state, ringer, actions);
}

function deviceName() {
  const systems = ["iPhone", "iPad", "Android", "Windows", "Mac", "Linux"];
  return `${systems.find((name) => navigator.userAgent.includes(name)) ?? "Web"} browser`;
}

async function start() {
  prepare(actions);
  redraw();
  navigator.serviceWorker?.register("sw.js").catch(console.error);
  navigator.serviceWorker?.addEventListener("message", ({ data }) => (location.hash = data.open));
  try {
    history = await History.open();
  } catch {
    state.notice = say("storageBroken");
    return redraw();
  }
  state.session = (await history.fact("session")) ?? null;
  await reload();
  addEventListener("hashchange", turnedTo);
  await turnedTo();
  if (state.session) stream.start();
}

await start();
