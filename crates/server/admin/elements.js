// Elements from plain values. Text is always text: nothing that came from outside becomes HTML.

import { say } from "./words.js";

/** `element("a", { href: "#x" }, "text", child)`; properties that are functions listen. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** A button that does `act`; `of` names for a screen reader what it does it to. */
export function button(word, act, { of, kind } = {}) {
  const label = of && say("ofName", { act: say(word), name: of });
  return element("button", { type: "button", class: kind, "aria-label": label, click: act }, say(word));
}

/**
 * A table; a column is `[heading, cell, class]`, and a cell's value is text, an element, or a list
 * of both. On a narrow screen each row is a card that names its cells.
 */
export function table(label, columns, rows) {
  const head = columns.map(([heading, , kind]) => element("th", { scope: "col", class: kind }, say(heading)));
  const body = rows.map((row) => {
    const cells = columns.map(([heading, cell, kind]) =>
      element("td", { class: kind, "data-label": say(heading) }, ...[cell(row)].flat()));
    return element("tr", {}, ...cells);
  });
  return element("table", { "aria-label": say(label) },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...body));
}

/** Fills in what the page's own elements say. */
export function sayAll(root = document) {
  for (const found of root.querySelectorAll("[data-say]")) found.textContent = say(found.dataset.say);
}
