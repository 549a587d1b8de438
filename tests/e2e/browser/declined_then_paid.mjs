import { answer, confirm, orderMediumPackage, purchaseWithStatus, readCredits, signUpAndIn } from "./page.mjs";

const intent = await orderMediumPackage(await signUpAndIn());
const { error } = await confirm(intent, "pm_card_chargeDeclinedInsufficientFunds");
const declined = { error, purchase: await purchaseWithStatus("failed"), ...(await readCredits()) };
await confirm(intent, "pm_card_visa");
answer({ declined, paid: { purchase: await purchaseWithStatus("succeeded"), ...(await readCredits()) } });
