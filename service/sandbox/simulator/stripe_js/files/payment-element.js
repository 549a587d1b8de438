/** The frame of the Payment Element: it holds the card, and sends it to the API itself. */
import { digitsOf, findProblems, kindOf, readExpiry, writeExpiry, writeNumber } from "./card.js";

const VARIABLES = [
  ...["colorPrimary", "colorBackground", "colorText", "colorTextSecondary", "colorTextPlaceholder", "colorDanger"],
  ...["fontFamily", "fontSizeBase", "borderRadius", "spacingUnit"],
];
const WRITERS = { number: writeNumber, expiry: writeExpiry, cvc: digitsOf };

const form = document.getElementById("card");
const fields = { number: form.number, expiry: form.expiry, cvc: form.cvc };
let port = null;

window.addEventListener("message", ({ source, data, ports }) => {
  if (source !== window.parent || port) return;
  [port] = ports;
  port.onmessage = ({ data: question, ports: [reply] }) => answer(question, reply);
  draw(data.appearance);
  new ResizeObserver(() => tell("height", { height: document.documentElement.offsetHeight })).observe(document.body);
  tell("ready");
});

for (const [name, field] of Object.entries(fields)) {
  field.addEventListener("input", () => {
    const atEnd = field.selectionEnd === field.value.length;
    // Rewriting what is typed in the middle would throw the cursor to the end.
    if (atEnd) field.value = WRITERS[name](field.value);
    if (name === "number") document.getElementById("brand").textContent = kindOf(field.value).brand;
    mark(name, null);
    tellChange();
  });
  field.addEventListener("blur", () => field.value && mark(name, problems()[name]));
}
form.addEventListener("focusin", ({ relatedTarget }) => relatedTarget || tell("focus"));
form.addEventListener("focusout", ({ relatedTarget }) => relatedTarget || tell("blur"));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  tell("submit"); // Enter means the form that the element stands in
});

function tell(event, detail = {}) {
  port?.postMessage({ event, ...detail });
}

function tellChange() {
  const complete = Object.values(problems()).every((problem) => !problem);
  const empty = Object.values(fields).every(({ value }) => !value);
  tell("change", { complete, empty, collapsed: false, value: { type: "card" } });
}

async function answer({ call, ...details }, reply) {
  if (call === "validate") reply.postMessage({ error: validate() });
  else if (call === "confirm") reply.postMessage(await confirm(details));
  else if (call === "draw") draw(details.appearance);
  else if (call === "focus") fields.number.focus();
  else if (call === "clear") {
    form.reset();
    tellChange();
  }
}

function problems() {
  const values = Object.entries(fields).map(([name, { value }]) => [name, value]);
  return findProblems(Object.fromEntries(values));
}

/** Show every problem, and go to the first; its error. */
function validate() {
  const found = problems();
  for (const name of Object.keys(fields)) mark(name, found[name]);
  const first = Object.keys(fields).find((name) => found[name]);
  if (!first) return undefined;
  fields[first].focus();
  return found[first];
}

function mark(name, problem) {
  fields[name].setAttribute("aria-invalid", String(Boolean(problem)));
  document.getElementById(`${name}-problem`).textContent = problem?.message ?? "";
}

/** Confirm with the card: {ok, body} as the API answered, null if it did not. */
async function confirm({ url, key, form: entries }) {
  const error = validate();
  if (error) return { ok: false, body: { error } };
  const { month, year } = readExpiry(fields.expiry.value);
  const card = { number: digitsOf(fields.number.value), exp_month: month, exp_year: year, cvc: fields.cvc.value };
  const details = Object.entries(card).map(([name, value]) => [`payment_method_data[card][${name}]`, value]);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}` },
      body: new URLSearchParams([...entries, ["payment_method_data[type]", "card"], ...details]),
    });
    return { ok: response.ok, body: await response.json() };
  } catch {
    return null; // no answer, whatever became of the payment
  }
}

function draw({ theme = "stripe", variables = {} } = {}) {
  document.documentElement.dataset.theme = theme;
  for (const name of VARIABLES) document.documentElement.style.setProperty(`--${name}`, variables[name] ?? "");
  // Stripe mixes its borders from text and ground.
  const border = "color-mix(in srgb, var(--colorText) 50%, var(--colorBackground))";
  document.documentElement.style.setProperty("--colorBorder", variables.colorText ? border : "");
}
