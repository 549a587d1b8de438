import { answer, confirm, orderMediumPackage, purchaseWithStatus, readCredits, signUpAndIn } from "./page.mjs";

const intent = await orderMediumPackage(await signUpAndIn());

/** Pay with a card whose bank asks, and answer it on the bank's page. */
async function pay(outcome) {
  const { status, next_action } = await confirm(intent, "pm_card_authenticationRequired");
  const waiting = { confirmed: status, ...(await readCredits()) };
  const url = next_action.redirect_to_url.url;
  const response = await fetch(url, { method: "POST", body: new URLSearchParams({ outcome }), redirect: "manual" });
  return { waiting, returned_to: response.headers.get("location") };
}

const failed = await pay("fail");
failed.purchase = await purchaseWithStatus("failed");
const passed = await pay("succeed");
passed.purchase = await purchaseWithStatus("succeeded");
answer({ failed, passed, ...(await readCredits()) });
