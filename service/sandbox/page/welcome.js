/** Signing up and signing in. */
import { supabase } from "./client.js";
import { byId, whileBusy } from "./dom.js";
import { explainSignIn } from "./messages.js";

const WORDS = {
  signUp: {
    title: "Create your account",
    enter: "Create account",
    busy: "Creating your account …",
    question: "Have an account?",
    other: "Sign in",
    autocomplete: "new-password",
  },
  signIn: {
    title: "Welcome back",
    enter: "Sign in",
    busy: "Signing in …",
    question: "New here?",
    other: "Create an account",
    autocomplete: "current-password",
  },
};

let mode = "signUp";

/** Make the form work. What follows from a session is the business of onAuthStateChange. */
export function prepareWelcome() {
  byId("switch").addEventListener("click", () => setMode(mode === "signUp" ? "signIn" : "signUp"));
  byId("credentials").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(byId("enter"), WORDS[mode].busy, enter);
  });
  setMode(mode);
}

async function enter() {
  const { email, password } = byId("credentials").elements;
  byId("welcome-alert").textContent = "";
  const credentials = { email: email.value.trim(), password: password.value };
  const { data, error } =
    mode === "signUp" ? await supabase.auth.signUp(credentials) : await supabase.auth.signInWithPassword(credentials);
  if (error) {
    byId("welcome-alert").textContent = explainSignIn(error);
  } else if (!data.session) {
    setMode("signIn");
    byId("welcome-alert").textContent = `We sent a mail to ${credentials.email}: open its link, then sign in.`;
  } else {
    byId("credentials").reset();
  }
}

function setMode(next) {
  mode = next;
  const words = WORDS[mode];
  byId("welcome-title").textContent = words.title;
  byId("enter").textContent = words.enter;
  byId("switch-question").textContent = words.question;
  byId("switch").textContent = words.other;
  byId("password").autocomplete = words.autocomplete;
  byId("password-hint").hidden = mode === "signIn";
  byId("welcome-alert").textContent = "";
}
