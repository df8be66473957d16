// Questions before anything that cannot be taken back, and secrets that are shown once.

import { button, element } from "./elements.js";
import { say } from "./words.js";

const dialog = document.querySelector("#dialog");

/**
 * Shows a form; `act` gets its values and may throw, which is said in the form. Resolves to what
 * `act` answered, or to undefined when the person left it.
 */
function show(title, content, submit, act) {
  return new Promise((resolve) => {
    let answered;
    const refusal = element("p", { class: "notice", role: "alert", hidden: true });
    const form = element("form", {
      method: "dialog",
      async submit(event) {
        event.preventDefault();
        const values = Object.fromEntries(new FormData(form));
        submit.disabled = true;
        try {
          answered = await act(values);
          dialog.close();
        } catch (error) {
          refusal.textContent = error.message;
          refusal.hidden = false;
        } finally {
          submit.disabled = false;
        }
      },
    }, element("h1", { id: "dialog-title" }, title), ...content, refusal,
    element("div", { class: "acts" }, button("cancel", () => dialog.close()), submit));
    dialog.addEventListener("close", () => resolve(answered), { once: true });
    dialog.replaceChildren(form);
    dialog.showModal();
  });
}

function submitButton(word, kind) {
  return element("button", { type: "submit", class: kind }, say(word));
}

function field(word, name, properties = {}) {
  const id = `field-${name}`;
  return [element("label", { for: id }, say(word)), element("input", { id, name, autocomplete: "off", ...properties })];
}

function checkbox(word, name, checked) {
  return element("label", { class: "check" }, element("input", { type: "checkbox", name, checked }), say(word));
}

/** Asks whether to do something. */
export function confirm(title, meaning, word, act) {
  return show(title, [element("p", {}, say(meaning))], submitButton(word, "danger"), async () => {
    await act();
    return true;
  });
}

/** Asks to type a name before something that cannot be undone. */
export function confirmByName(name, title, meaning, word, act) {
  const submit = submitButton(word, "danger");
  submit.disabled = true;
  const typed = element("input", {
    id: "field-typed", name: "typed", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    input: () => { submit.disabled = typed.value !== name; },
  });
  const content = [
    element("p", {}, say(meaning)),
    element("label", { for: "field-typed" }, say("typeToConfirm", { name })),
    typed,
  ];
  return show(title, content, submit, async ({ typed: text }) => {
    if (text !== name) return undefined;
    await act();
    return true;
  });
}

export function askForAccount(act) {
  const content = [
    ...field("name", "name", { required: true, maxlength: 64, pattern: "[a-z0-9][a-z0-9._\\-]*", autocapitalize: "none", spellcheck: "false", "aria-describedby": "rule" }),
    element("small", { id: "rule" }, say("accountRule")),
    checkbox("makeAdmin", "admin", false),
    element("p", { class: "quiet" }, say("passwordMadeUp")),
  ];
  return show(say("addAccount"), content, submitButton("add", "main"),
    ({ name, admin }) => act({ name, admin: admin === "on" }));
}

export function askForPublisher(act) {
  const content = [
    ...field("name", "name", { required: true, maxlength: 100 }),
    ...field("kind", "kind", { required: true, value: "app", minlength: 2, maxlength: 16, pattern: "[a-z]+", autocapitalize: "none", spellcheck: "false", "aria-describedby": "rule" }),
    element("small", { id: "rule" }, say("kindRule")),
  ];
  return show(say("addPublisher"), content, submitButton("add", "main"), act);
}

/** Asks whom a publisher reaches and what it may. */
export function askForRights(name, { rights, audience }, act) {
  const list = (names) => names.join(" ");
  const narrowed = checkbox("onlyThese", "narrowed", rights.narrowed);
  const everyone = checkbox("mayEveryone", "everyone", rights.everyone);
  const whom = element("fieldset", {},
    ...field("accountsByName", "accounts", { value: list(audience.accounts), autocapitalize: "none", spellcheck: "false", "aria-describedby": "rule" }),
    ...field("topicsByName", "topics", { value: list(audience.topics), autocapitalize: "none", spellcheck: "false" }),
    element("small", { id: "rule" }, say("namesRule")));
  const settle = () => {
    const only = narrowed.querySelector("input").checked;
    whom.hidden = !only;
    everyone.hidden = only;
  };
  narrowed.addEventListener("change", settle);
  settle();
  const content = [
    narrowed, whom, everyone,
    checkbox("mayUrgent", "urgent", rights.urgent),
    checkbox("mayHtml", "html", rights.html),
  ];
  const names = (text) => text.split(/[\s,]+/).filter(Boolean);
  return show(say("rightsOf", { name }), content, submitButton("save", "main"), (values) => act({
    rights: {
      narrowed: values.narrowed === "on",
      everyone: values.everyone === "on" && values.narrowed !== "on",
      urgent: values.urgent === "on",
      html: values.html === "on",
    },
    audience: { accounts: names(values.accounts), topics: names(values.topics) },
  }));
}

/** Asks whom to let read or write a topic. */
export function askForGrant(topic, act) {
  const choice = (may, checked) => element("label", { class: "check" },
    element("input", { type: "radio", name: "may", value: may, checked }), say("rightsOfGrant")[may]);
  const content = [
    ...field("accountOrPublisher", "to", { required: true, autocapitalize: "none", spellcheck: "false" }),
    choice("read", true), choice("write", false),
  ];
  return show(say("grantOf", { name: topic }), content, submitButton("add", "main"),
    ({ to, may }) => act({ to: to.trim(), may }));
}

/** Shows what is never shown again. */
export function showOnce(title, lines) {
  return new Promise((resolve) => {
    const said = element("p", { role: "status" });
    const copy = button("copy", async () => {
      await navigator.clipboard?.writeText(lines.join("\n"));
      said.textContent = navigator.clipboard ? say("copied") : "";
    });
    dialog.addEventListener("close", () => {
      dialog.replaceChildren();
      resolve();
    }, { once: true });
    dialog.replaceChildren(
      element("h1", { id: "dialog-title" }, title),
      element("p", {}, say("shownOnce")),
      ...lines.map((line) => element("p", {}, element("code", { class: "secret" }, line))),
      said,
      element("div", { class: "acts" }, copy, button("close", () => dialog.close(), { kind: "main" })),
    );
    dialog.showModal();
  });
}
