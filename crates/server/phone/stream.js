// The connection to the server: keeps it open, and knows what each way of losing it means.

const SUBPROTOCOL = "hither.v1";
const PONG_WITHIN_MS = 10_000;
const WELCOME_WITHIN_MS = 15_000;
const LONGEST_PAUSE_MS = 60_000;
const PAUSE_AFTER_TOO_MANY_MS = 30_000;

/** Close codes after which trying again by itself would be wrong. */
const ENDS = { 4400: "broken", 4401: "signInAgain", 4403: "revoked", 4409: "elsewhere" };
const CLOSE_UNKNOWN_CURSOR = 4410;
const CLOSE_TOO_MANY = 4429;

/**
 * One stream, for as long as the page is open.
 *
 * `owner` answers: `hello()` makes the first frame; `frame(frame)` carries one out, one after the other, and a
 * rejection means that it could not be stored; `state(state)` hears `connecting`, `online`, `offline`;
 * `ended(why)` hears one of `ENDS` and nothing follows until `start`; `forgetCursor()`; `signedIn()` asks the
 * server.
 */
export class Stream {
  #owner;
  #socket = null;
  #running = false;
  #welcomed = false;
  #failures = 0;
  #retry = 0;
  #heartbeat = 0;
  #deadline = 0;
  /** What to call at each outstanding `pong`. */
  #pings = [];

  constructor(owner) {
    this.#owner = owner;
    addEventListener("online", () => this.#checkNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#checkNow());
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#failures = 0;
    this.#connect();
  }

  stop() {
    this.#running = false;
    this.#drop();
  }

  /** Whether it left; what must arrive has to be kept by the caller. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /**
   * Asks for a `pong`; no answer means that the connection is dead. Resolves to whether everything sent
   * before has taken effect. Not to be awaited while a frame is carried out.
   */
  ping() {
    if (!this.send({ type: "ping" })) return Promise.resolve(false);
    this.#expectPong();
    return new Promise((resolve) => this.#pings.push(resolve));
  }

  #connect() {
    this.#drop();
    this.#welcomed = false;
    this.#owner.state("connecting");
    const address = new URL("/v1/stream", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, SUBPROTOCOL);
    this.#socket = socket;
    this.#deadline = setTimeout(() => this.#lost(socket), WELCOME_WITHIN_MS);
    let work = Promise.resolve();
    const inTurn = (step) => {
      work = work.then(() => socket === this.#socket && step()).catch((error) => this.#failed(socket, error));
    };
    socket.onopen = () => inTurn(async () => this.send(await this.#owner.hello()));
    socket.onmessage = ({ data }) => inTurn(() => this.#receive(JSON.parse(data)));
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  async #receive(frame) {
    if (frame.type === "welcome") this.#welcome(frame.policy);
    if (frame.type === "policy") this.#beat(frame.heartbeat_ms);
    if (frame.type === "pong") this.#pong();
    await this.#owner.frame(frame);
  }

  #welcome(policy) {
    this.#settleDeadline();
    this.#beat(policy.heartbeat_ms);
    this.#welcomed = true;
    this.#failures = 0;
    this.#owner.state("online");
  }

  #beat(every) {
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.ping(), every);
  }

  #failed(socket, error) {
    console.error(error);
    this.#lost(socket);
  }

  async #lost(socket, code) {
    if (socket !== this.#socket || !this.#running) return;
    this.#drop();
    this.#owner.state("offline");
    if (code in ENDS) return this.#end(ENDS[code]);
    if (code === CLOSE_UNKNOWN_CURSOR) await this.#owner.forgetCursor();
    // A refused upgrade looks like any lost connection from here.
    const refused = !this.#welcomed && (await this.#owner.signedIn()) === false;
    if (this.#socket || !this.#running) return;
    if (refused) return this.#end("signInAgain");
    this.#failures += 1;
    const longest = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** this.#failures);
    const least = code === CLOSE_TOO_MANY ? PAUSE_AFTER_TOO_MANY_MS : 0;
    this.#retry = setTimeout(() => this.#running && this.#connect(), least + Math.random() * longest);
  }

  #end(why) {
    this.#running = false;
    this.#owner.ended(why);
  }

  #checkNow() {
    if (!this.#running) return;
    if (this.#socket) this.ping();
    else this.#connect();
  }

  #expectPong() {
    this.#deadline ||= setTimeout(() => this.#lost(this.#socket), PONG_WITHIN_MS);
  }

  #pong() {
    this.#settleDeadline();
    this.#pings.shift()?.(true);
    if (this.#pings.length > 0) this.#expectPong();
  }

  #settleDeadline() {
    clearTimeout(this.#deadline);
    this.#deadline = 0;
  }

  #drop() {
    clearTimeout(this.#retry);
    clearInterval(this.#heartbeat);
    this.#settleDeadline();
    this.#pings.splice(0).forEach((resolve) => resolve(false));
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
