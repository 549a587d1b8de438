/**
 * The simulator's Stripe.js (docs.stripe.com/js): `Stripe()`, Elements with a Payment Element for cards, and what
 * pays with them. Calls, results and errors are those of Stripe's own; what it does not model it refuses.
 */
(() => {
  const ORIGIN = new URL(document.currentScript.src).origin;
  const FILES = `${ORIGIN}/_simulator/stripe-js`;
  const UNREACHABLE = {
    type: "api_connection_error",
    message:
      "We are experiencing issues connecting to our payments provider. Please check your internet connection and try again.",
  };
  const UNAUTHENTICATED =
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.";

  /** The page calls it wrongly, which no buyer can mend. */
  class IntegrationError extends Error {
    name = "IntegrationError";
  }

  function require(condition, message) {
    if (!condition) throw new IntegrationError(message);
  }

  /** {a: {b: 1}} → [["a[b]", "1"]], as Stripe's API takes it. */
  function encode(value, name = "") {
    if (value === null || value === undefined) return [];
    if (typeof value !== "object") return [[name, String(value)]];
    return Object.entries(value).flatMap(([key, inner]) => encode(inner, name ? `${name}[${key}]` : key));
  }

  /** An answer of the API, or of the frame that holds the card, as Stripe.js gives it. */
  function result(answer) {
    if (!answer) return { error: UNREACHABLE };
    return answer.ok ? { paymentIntent: answer.body } : { error: answer.body.error };
  }

  class Elements {
    #key;
    #appearance;
    element = null;

    constructor(key, options) {
      const { clientSecret, appearance = {}, ...rest } = options ?? {};
      require(isClientSecret(clientSecret), "elements(): the simulator's Stripe.js needs a clientSecret, pi_…_secret_….");
      for (const name of Object.keys(rest)) {
        require(["loader", "locale", "fonts"].includes(name), `elements(): the simulator does not model ${name}.`);
      }
      this.clientSecret = clientSecret;
      this.#key = key;
      this.#appearance = appearance;
    }

    create(type, options = {}) {
      require(type === "payment", `create(): the simulator draws the payment element, not ${type}.`);
      require(!this.element, "create(): there is a payment element already.");
      this.element = new PaymentElement(this.#key, this.clientSecret, this.#appearance, options, () => {
        this.element = null;
      });
      return this.element;
    }

    getElement(type) {
      return type === "payment" ? this.element : null;
    }

    update({ appearance }) {
      this.#appearance = appearance ?? this.#appearance;
      this.element?.draw(this.#appearance);
    }

    /** Check what was typed; the fields show what is wrong. */
    async submit() {
      require(this.element, "submit(): there is no payment element.");
      const { error } = await this.element.ask({ call: "validate" });
      return error ? { error } : { selectedPaymentMethod: "card" };
    }
  }

  /** The card's fields, in a frame of Stripe's: the page never sees the number. */
  class PaymentElement {
    #key;
    #clientSecret;
    #appearance;
    #options;
    #forget;
    #handlers = new Map();
    #frame = null;
    #port = null;

    constructor(key, clientSecret, appearance, options, forget) {
      this.#key = key;
      this.#clientSecret = clientSecret;
      this.#appearance = appearance;
      this.#options = options;
      this.#forget = forget;
    }

    on(event, handler) {
      this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]);
      return this;
    }

    once(event, handler) {
      const first = (detail) => {
        this.off(event, first);
        handler(detail);
      };
      return this.on(event, first);
    }

    off(event, handler) {
      const kept = (this.#handlers.get(event) ?? []).filter((each) => handler && each !== handler);
      this.#handlers.set(event, kept);
      return this;
    }

    #emit(event, detail = {}) {
      for (const handler of this.#handlers.get(event) ?? []) handler({ elementType: "payment", ...detail });
    }

    mount(target) {
      const place = typeof target === "string" ? document.querySelector(target) : target;
      require(place instanceof HTMLElement, `mount(): there is no ${target} in this page.`);
      require(!this.#frame, "mount(): this element is mounted already.");
      const frame = document.createElement("iframe");
      frame.title = "Secure payment input frame";
      // One scheme for frame and document, or the browser paints an opaque ground behind the fields.
      frame.style.cssText = "display: block; width: 100%; height: 0; border: 0; color-scheme: light";
      this.#frame = frame;
      this.#load(frame, place);
    }

    async #load(frame, place) {
      const { paymentIntent, error } = await retrieve(this.#key, this.#clientSecret);
      if (this.#frame !== frame) return; // unmounted meanwhile
      if (error) return this.#emit("loaderror", { error });
      if (["succeeded", "canceled"].includes(paymentIntent.status)) {
        const message = `This PaymentIntent is in a terminal state (${paymentIntent.status}).`;
        return this.#emit("loaderror", { error: { type: "invalid_request_error", message } });
      }
      frame.src = `${FILES}/payment-element.html`;
      frame.addEventListener("load", () => {
        const { port1, port2 } = new MessageChannel();
        this.#port = port1;
        port1.onmessage = ({ data }) => this.#hear(data, place);
        frame.contentWindow.postMessage({ appearance: this.#appearance, options: this.#options }, ORIGIN, [port2]);
      });
      place.replaceChildren(frame);
    }

    #hear({ event, ...detail }, place) {
      if (event === "height") this.#frame.style.height = `${detail.height}px`;
      else if (event === "submit") place.closest("form")?.requestSubmit();
      else this.#emit(event, detail);
    }

    draw(appearance) {
      this.#appearance = appearance;
      this.#port?.postMessage({ call: "draw", appearance });
    }

    focus() {
      this.#frame?.focus();
      this.#port?.postMessage({ call: "focus" });
    }

    clear() {
      this.#port?.postMessage({ call: "clear" });
    }

    /** Ask the frame; its answer. */
    ask(question) {
      require(this.#port, "The payment element is not ready: wait for its ready event.");
      return new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        this.#port.postMessage(question, [port2]);
      });
    }

    unmount() {
      this.#frame?.remove();
      this.#port?.close();
      this.#frame = this.#port = null;
    }

    destroy() {
      this.unmount();
      this.#forget();
    }
  }

  function isClientSecret(text) {
    return typeof text === "string" && /^pi_\w+_secret_\w+$/.test(text);
  }

  function addressOf(clientSecret) {
    require(isClientSecret(clientSecret), "A client secret looks like pi_…_secret_….");
    return `${ORIGIN}/v1/payment_intents/${clientSecret.split("_secret_")[0]}`;
  }

  async function send(key, method, url, form) {
    try {
      const query = new URLSearchParams(form);
      const response = await fetch(method === "GET" ? `${url}?${query}` : url, {
        method,
        headers: { Authorization: `Bearer ${key}` },
        body: method === "GET" ? undefined : query,
      });
      return { ok: response.ok, body: await response.json() };
    } catch {
      return null; // no answer, whatever became of the request
    }
  }

  async function retrieve(key, clientSecret) {
    return result(await send(key, "GET", addressOf(clientSecret), { client_secret: clientSecret }));
  }

  /** What a buyer is told of a payment that came back from their bank unpaid. */
  function refusal(paymentIntent) {
    const error = { ...paymentIntent.last_payment_error, payment_intent: paymentIntent };
    if (error.code === "payment_intent_authentication_failure") error.message = UNAUTHENTICATED;
    return { error };
  }

  /** Let the buyer do what their bank asks for; the PaymentIntent after it. */
  async function follow(key, clientSecret, paymentIntent) {
    const action = paymentIntent.next_action;
    if (action.type === "redirect_to_url") {
      location.assign(action.redirect_to_url.url);
      return new Promise(() => {}); // the page ends here
    }
    const after = await challenge(action.use_stripe_sdk.stripe_js, () => retrieve(key, clientSecret));
    return after.paymentIntent?.status === "requires_payment_method" ? refusal(after.paymentIntent) : after;
  }

  /** The bank's own page in a dialog, until it has decided. */
  function challenge(url, read) {
    return new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      dialog.setAttribute("aria-label", "Your bank asks you to confirm this payment");
      dialog.style.cssText =
        "position: fixed; inset: 0; width: 100%; height: 100%; max-width: none; max-height: none; margin: 0; padding: 0; border: 0; background: rgb(10 15 30 / 60%)";
      const frame = document.createElement("iframe");
      frame.title = "3-D Secure";
      frame.style.cssText = "display: block; width: 100%; height: 100%; border: 0; color-scheme: light";
      frame.src = url;
      const close = (outcome) => {
        dialog.close();
        dialog.remove();
        resolve(outcome);
      };
      // The frame loads twice: with the bank's question, and with its answer to the buyer's decision.
      frame.addEventListener("load", async () => {
        const now = await read();
        if (now.paymentIntent?.status !== "requires_action") close(now);
      });
      dialog.addEventListener("cancel", async (event) => {
        event.preventDefault();
        await fetch(url, { method: "POST", body: new URLSearchParams({ outcome: "fail" }) }).catch(() => {});
        close(await read());
      });
      dialog.append(frame);
      document.body.append(dialog);
      dialog.showModal();
      frame.focus();
    });
  }

  class StripeJs {
    #key;

    constructor(key) {
      this.#key = key;
    }

    elements(options) {
      return new Elements(this.#key, options);
    }

    retrievePaymentIntent(clientSecret) {
      return retrieve(this.#key, clientSecret);
    }

    /** Pay with what was typed into `elements`, or with `confirmParams.payment_method`. */
    async confirmPayment({ elements, clientSecret = elements?.clientSecret, confirmParams = {}, redirect = "always" }) {
      require(["always", "if_required"].includes(redirect), "confirmPayment(): redirect is always or if_required.");
      require(redirect !== "always" || confirmParams.return_url, "confirmPayment(): confirmParams.return_url is missing.");
      const url = `${addressOf(clientSecret)}/confirm`;
      const form = encode({ client_secret: clientSecret, use_stripe_sdk: true, ...confirmParams });
      const answer = elements
        ? await elements.element.ask({ call: "confirm", url, key: this.#key, form })
        : await send(this.#key, "POST", url, form);
      let outcome = result(answer);
      if (outcome.paymentIntent?.status === "requires_action") {
        outcome = await follow(this.#key, clientSecret, outcome.paymentIntent);
      }
      if (outcome.error || redirect === "if_required") return outcome;
      const back = new URL(confirmParams.return_url);
      back.searchParams.set("payment_intent", outcome.paymentIntent.id);
      back.searchParams.set("payment_intent_client_secret", clientSecret);
      back.searchParams.set("redirect_status", "succeeded");
      location.assign(back);
      return new Promise(() => {}); // the page ends here
    }

    async handleNextAction({ clientSecret }) {
      const now = await retrieve(this.#key, clientSecret);
      if (now.error) return now;
      require(
        now.paymentIntent.status === "requires_action",
        `handleNextAction(): the PaymentIntent's status is ${now.paymentIntent.status}, not requires_action.`,
      );
      return follow(this.#key, clientSecret, now.paymentIntent);
    }
  }

  function Stripe(key) {
    require(typeof key === "string" && key, "Stripe(): the publishable key is missing.");
    require(key.startsWith("pk_"), "Stripe(): a page takes the publishable key, pk_…, and never the secret one.");
    return new StripeJs(key);
  }
  Stripe.version = "simulator";
  globalThis.Stripe = Stripe;
})();
