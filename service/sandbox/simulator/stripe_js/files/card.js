/** What stands on a card: how it is written, and what Stripe.js says of it before anybody is asked. */

const BRANDS = [
  { brand: "Visa", starts: /^4/, lengths: [13, 16, 19], groups: [4, 8, 12, 16], cvc: 3 },
  { brand: "Mastercard", starts: /^(5[1-5]|2[2-7])/, lengths: [16], groups: [4, 8, 12], cvc: 3 },
  { brand: "Amex", starts: /^3[47]/, lengths: [15], groups: [4, 10], cvc: 4 },
  { brand: "Discover", starts: /^6(011|4|5)/, lengths: [16], groups: [4, 8, 12], cvc: 3 },
  { brand: "Diners", starts: /^3(0|[68])/, lengths: [14, 16], groups: [4, 8, 12], cvc: 3 },
  { brand: "JCB", starts: /^35/, lengths: [16], groups: [4, 8, 12], cvc: 3 },
  { brand: "UnionPay", starts: /^62/, lengths: [16, 17, 18, 19], groups: [4, 8, 12, 16], cvc: 3 },
];
const UNKNOWN = { brand: "", lengths: [16], groups: [4, 8, 12], cvc: 3 };

export const digitsOf = (text) => text.replace(/\D/g, "");

/** The kind of card that a number, or its beginning, belongs to. */
export function kindOf(number) {
  return BRANDS.find(({ starts }) => starts.test(digitsOf(number))) ?? UNKNOWN;
}

/** "4242424242424242" → "4242 4242 4242 4242" */
export function writeNumber(text) {
  const { groups, lengths } = kindOf(text);
  const digits = digitsOf(text).slice(0, Math.max(...lengths));
  return [...digits].map((digit, index) => (groups.includes(index) ? ` ${digit}` : digit)).join("");
}

/** "434" → "04 / 34" */
export function writeExpiry(text) {
  let digits = digitsOf(text);
  if (/^[2-9]/.test(digits)) digits = `0${digits}`;
  // A year may be pasted with its century.
  if (/^\d\d20\d\d/.test(digits)) digits = digits.slice(0, 2) + digits.slice(4);
  return digits.length > 2 ? `${digits.slice(0, 2)} / ${digits.slice(2, 4)}` : digits;
}

/** "04 / 34" → {month: 4, year: 2034} */
export function readExpiry(text) {
  const digits = digitsOf(text);
  return { month: Number(digits.slice(0, 2)), year: 2000 + Number(digits.slice(2, 4)) };
}

/** Stripe's code and message for each field that is not well-formed. */
export function findProblems({ number, expiry, cvc }, today = new Date()) {
  return { number: checkNumber(number), expiry: checkExpiry(expiry, today), cvc: checkCvc(cvc, kindOf(number)) };
}

function checkNumber(text) {
  const digits = digitsOf(text);
  const { lengths } = kindOf(digits);
  if (digits.length < Math.min(...lengths)) return problem("incomplete_number", "Your card number is incomplete.");
  if (!lengths.includes(digits.length) || !passesLuhn(digits)) {
    return problem("invalid_number", "Your card number is invalid.");
  }
  return null;
}

function checkExpiry(text, today) {
  if (digitsOf(text).length < 4) return problem("incomplete_expiry", "Your card's expiration date is incomplete.");
  const { month, year } = readExpiry(text);
  if (month < 1 || month > 12) return problem("invalid_expiry_month", "Your card's expiration month is invalid.");
  if (year < today.getFullYear()) {
    return problem("invalid_expiry_year_past", "Your card's expiration year is in the past.");
  }
  if (year === today.getFullYear() && month < today.getMonth() + 1) {
    return problem("invalid_expiry_month_past", "Your card's expiration date is in the past.");
  }
  return null;
}

function checkCvc(text, { cvc }) {
  return digitsOf(text).length === cvc ? null : problem("incomplete_cvc", "Your card's security code is incomplete.");
}

function problem(code, message) {
  return { type: "validation_error", code, message };
}

function passesLuhn(digits) {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
