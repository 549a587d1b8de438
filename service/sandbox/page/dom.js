/** The few things that every part of the page does with it. */

export const byId = (id) => document.getElementById(id);

/** Show one of these parts and hide the others; its title takes the focus, so a screen reader follows. */
export function showOnly(id, among) {
  for (const each of among) byId(each).hidden = each !== id;
  byId(id).querySelector("[tabindex='-1']")?.focus({ preventScroll: true });
}

/** A copy of a template, and a function that fills the text of its parts. */
export function stamp(templateId) {
  const copy = byId(templateId).content.firstElementChild.cloneNode(true);
  const fill = (part, text) => {
    copy.querySelector(part).textContent = text;
  };
  return { copy, fill };
}

/** Run `work` while a button shows that it is busy. The button keeps the focus, and more clicks do nothing. */
export async function whileBusy(button, label, work) {
  if (button.ariaBusy === "true") return;
  const usual = button.textContent;
  button.ariaBusy = button.ariaDisabled = "true";
  button.textContent = label;
  try {
    await work();
  } finally {
    button.ariaBusy = button.ariaDisabled = "false";
    if (button.textContent === label) button.textContent = usual;
  }
}
