/** Times in the form that an owner asks for: strftime of ISO C in its "C" locale. */

import { LocalTime } from "../tools/strftime.ts";

/**
 * `format` with its conversions replaced by the time `ms` (milliseconds since 1970), `offset` minutes ahead of UTC.
 * An unknown conversion stays as it is; the modifiers E and O say nothing in this locale.
 */
export function strftime(format: string, ms: number, offset: number): string {
	const time = new LocalTime(ms, offset);
	return format.replace(/%[EO]?([A-Za-z%])/g, (_, letter: string) => time.conversion(letter));
}
