/** LuCI's `_()` and `N_()`. A text that the catalogue's template does not have would never be translated: that is a misuse. */

import { check } from "./class.ts";

/** Translations by text; null for a language of its own, English. Set before the first view. */
let catalogue: Readonly<Record<string, string>> | null = null;
/** The template's texts. */
let known: ReadonlySet<string> = new Set();

/** LuCI's own texts, which its own catalogue has. */
const LUCI = new Set([
	"Reveal/hide password",
	"non-empty value",
	"-- Please choose --",
	"Loading view…",
	"This section contains no values yet",
	"Add",
	"Delete",
	"Edit",
	"Save",
	"Save & Apply",
	"Reset",
	"Dismiss",
	"Cancel",
	"none",
	"Yes",
	"No",
]);

export function setCatalogue(
	template: readonly string[],
	texts: Readonly<Record<string, string>> | null,
): void {
	known = new Set(template);
	catalogue = texts;
}

export function _(text: unknown): string {
	check(typeof text === "string" && text !== "", "_() takes a text");
	check(known.has(text) || LUCI.has(text), `the template has no text "${text}"`);
	return catalogue?.[text] ?? text;
}
