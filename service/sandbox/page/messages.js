/** What a buyer is told when something goes wrong: what happened, whether it cost anything, what to do now. */
import { Refusal } from "./purchase.js";

const OFFLINE = "You seem to be offline. Nothing was paid: check your connection and try again.";
const OURS = "Something went wrong on our side. Nothing was paid: please try again in a moment.";

const REFUSALS = {
  401: "Your session has ended. Nothing was paid: sign in again to go on.",
  402: "Your card was declined. Nothing was paid: try another card.",
  403: "A payment of yours is disputed. You can buy again when that is settled.",
  404: "This package is no longer on sale. Please choose another one.",
  409: "This purchase was begun with something else. Please choose the package again.",
  429: "You have begun many purchases without paying. Pay one of them, or come back in an hour.",
  503: "We cannot take payments at this moment. Nothing was paid: please try again in a minute.",
};

const PAYMENTS = {
  connection_lost: "The connection was lost before the payment was made. Nothing was paid: please try again.",
  payment_intent_authentication_failure:
    "Your bank could not confirm that it was you. Nothing was paid: try again, or use another card.",
};

/** Codes whose message Stripe has written for the developer, not for the buyer. */
const FAILURES = {
  payment_intent_authentication_failure: "Your bank could not confirm that it was you.",
};

const SIGN_IN = {
  invalid_credentials: "This e-mail address and password do not belong together.",
  user_already_exists: "There is an account with this e-mail address already. Sign in instead.",
  email_exists: "There is an account with this e-mail address already. Sign in instead.",
  weak_password: "This password is too easy to guess. Choose a longer one.",
  email_not_confirmed: "Open the link in the mail that we sent to you first, then sign in.",
  over_request_rate_limit: "Too many attempts. Please wait a minute.",
};

/** The sentence for anything that a purchase can fail with. */
export function explainPayment(error) {
  if (error instanceof Refusal) return REFUSALS[error.status] ?? OURS;
  if (PAYMENTS[error.code]) return PAYMENTS[error.code];
  if (error.type === "validation_error") return ""; // Stripe's fields tell it themselves
  if (error.type === "card_error") return `${error.message} Nothing was paid: check the card, or try another one.`;
  if (isUnreachable(error)) return OFFLINE;
  return OURS;
}

/** Why a purchase came to nothing, by its row. */
export function explainFailure({ failure_code, failure_message }) {
  return `${FAILURES[failure_code] ?? failure_message ?? "The payment failed."} Nothing was paid.`;
}

/** The sentence for a sign-up or sign-in that failed. */
export function explainSignIn(error) {
  if (SIGN_IN[error.code]) return SIGN_IN[error.code];
  if (isUnreachable(error)) return "You seem to be offline. Check your connection and try again.";
  return "That did not work. Check what you typed and try again.";
}

/** Whether there was no answer at all: fetch's TypeError, and what the two libraries make of it. */
function isUnreachable(error) {
  return (
    error instanceof TypeError ||
    error.type === "api_connection_error" ||
    error.name === "AuthRetryableFetchError" ||
    /^TypeError:/.test(error.message ?? "")
  );
}
