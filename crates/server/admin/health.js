// How the server does.

import { get } from "./api.js";
import { element } from "./elements.js";
import { bar } from "./view.js";
import { duration, say, size } from "./words.js";

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
