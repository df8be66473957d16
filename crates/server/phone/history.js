// What this phone keeps: messages, how far the stream got, and reads the server has not heard of.

const NAME = "hither";
const KEPT_MESSAGES = 500;

/** The phone's copy, in IndexedDB. Every change is one transaction that is on disk when its promise resolves. */
export class History {
  #database;

  constructor(database) {
    this.#database = database;
  }

  static async open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("messages", { keyPath: "id" });
      request.result.createObjectStore("unsentReads");
      request.result.createObjectStore("facts");
    };
    const database = await done(request);
    database.onversionchange = () => database.close();
    return new History(database);
  }

  /** One of: `session` ({account, deviceId}), `cursor`. */
  async fact(name) {
    return done(this.#database.transaction("facts").objectStore("facts").get(name));
  }

  async setFact(name, value) {
    await this.#change(["facts"], ({ facts }) => facts.put(value, name));
  }

  /** Newest first: message ids begin with their time. */
  async messages() {
    const rows = await done(this.#database.transaction("messages").objectStore("messages").getAll());
    return rows.reverse();
  }

  async message(id) {
    return done(this.#database.transaction("messages").objectStore("messages").get(id));
  }

  /** Stores a message and the cursor with it; a repeated one keeps what happened to it here. */
  async store(message, cursor) {
    await this.#change(["messages", "facts"], async ({ messages, facts }) => {
      facts.put(cursor, "cursor");
      const here = await done(messages.get(message.id));
      messages.put({ ...message, read_at: message.read_at ?? here?.read_at, rangAt: here?.rangAt, rangTimes: here?.rangTimes });
    });
  }

  /** Read somewhere, as the log says. */
  async storeRead(ids, cursor) {
    await this.#change(["messages", "facts", "unsentReads"], async ({ messages, facts, unsentReads }) => {
      facts.put(cursor, "cursor");
      for (const id of ids) {
        unsentReads.delete(id);
        await markRead(messages, id);
      }
    });
  }

  /** Taken back, as the log says. */
  async storeWithdrawal(ids, cursor) {
    await this.#change(["messages", "facts", "unsentReads"], ({ messages, facts, unsentReads }) => {
      facts.put(cursor, "cursor");
      for (const id of ids) {
        messages.delete(id);
        unsentReads.delete(id);
      }
    });
  }

  async storeCursor(cursor) {
    await this.setFact("cursor", cursor);
  }

  /** Read here; kept until the server heard of it. */
  async readHere(id) {
    await this.#change(["messages", "unsentReads"], async ({ messages, unsentReads }) => {
      if (await markRead(messages, id)) unsentReads.put(true, id);
    });
  }

  async unsentReads() {
    return done(this.#database.transaction("unsentReads").objectStore("unsentReads").getAllKeys());
  }

  async readsArrived(ids) {
    await this.#change(["unsentReads"], ({ unsentReads }) => ids.forEach((id) => unsentReads.delete(id)));
  }

  /** Remembers that the page rang for these, for the list of recent alerts. */
  async rang(ids) {
    await this.#change(["messages"], async ({ messages }) => {
      for (const id of ids) {
        const row = await done(messages.get(id));
        if (row) messages.put({ ...row, rangAt: Date.now(), rangTimes: (row.rangTimes ?? 0) + 1 });
      }
    });
  }

  /** Drops expired messages, and all but the newest. */
  async prune(now) {
    await this.#change(["messages"], async ({ messages }) => {
      const rows = (await done(messages.getAll())).reverse();
      const expired = (row) => row.expires_at && Date.parse(row.expires_at) <= now;
      rows.filter((row, place) => place >= KEPT_MESSAGES || expired(row)).forEach((row) => messages.delete(row.id));
    });
  }

  /** Leaves nothing of the account. */
  async wipe() {
    await this.#change(["messages", "unsentReads", "facts"], (stores) => {
      Object.values(stores).forEach((store) => store.clear());
    });
  }

  async #change(names, change) {
    const transaction = this.#database.transaction(names, "readwrite", { durability: "strict" });
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const stores = Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]));
    await Promise.all([finished, change(stores)]);
  }
}

/** Whether it was unread before. */
async function markRead(messages, id) {
  const row = await done(messages.get(id));
  if (!row || row.read_at) return false;
  messages.put({ ...row, read_at: new Date().toISOString() });
  return true;
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
