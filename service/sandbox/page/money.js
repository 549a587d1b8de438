/** Amounts for people. They come as text from Postgres, and no double ever touches them. */

const credits = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 6 });
const signed = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 6,
  signDisplay: "exceptZero",
});

/** "15.00" → "15.00" */
export const showCredits = (amount) => credits.format(amount);

/** "15.00" → "+15.00" */
export const showChange = (amount) => signed.format(amount);

/** "15.00", "usd" → "$15.00", with the decimals that came */
export function showMoney(amount, currency) {
  const decimals = String(amount).split(".")[1]?.length ?? 0;
  const style = { style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return new Intl.NumberFormat(undefined, style).format(amount);
}
