/** Times in the form that an owner asks for: strftime of ISO C in its "C" locale. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
	"January",
	"February",
	"March",
	"April",
	"May",
	"June",
	"July",
	"August",
	"September",
	"October",
	"November",
	"December",
];
const DAY_MS = 86_400_000;

function pad(value: number, width: number, fill = "0"): string {
	return String(value).padStart(width, fill);
}

/** Days since 1 January, from 0. */
function dayOfYear(local: Date): number {
	return Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / DAY_MS);
}

/** Weeks begun since the year's first `firstDay` (0 Sunday, 1 Monday). */
function weekOfYear(local: Date, firstDay: number): number {
	const sinceFirstDay = (local.getUTCDay() - firstDay + 7) % 7;
	return Math.floor((dayOfYear(local) + 7 - sinceFirstDay) / 7);
}

/** Year and week of ISO 8601: weeks begin on Monday, the first holds 4 January. */
function isoWeek(local: Date): { year: number; week: number } {
	const thursday = new Date(local.getTime() + (4 - (local.getUTCDay() || 7)) * DAY_MS);
	return { year: thursday.getUTCFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function zone(offset: number): string {
	const minutes = Math.abs(offset);
	return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60), 2)}${pad(minutes % 60, 2)}`;
}

function conversion(letter: string, ms: number, offset: number, local: Date): string | null {
	const hour = local.getUTCHours();
	const hour12 = hour % 12 === 0 ? 12 : hour % 12;
	const year = local.getUTCFullYear();
	const day = DAYS[local.getUTCDay()] ?? "";
	const month = MONTHS[local.getUTCMonth()] ?? "";
	const half = hour < 12 ? "AM" : "PM";
	const form = (text: string) => strftime(text, ms, offset);
	switch (letter) {
		case "a":
			return day.slice(0, 3);
		case "A":
			return day;
		case "b":
		case "h":
			return month.slice(0, 3);
		case "B":
			return month;
		case "c":
			return form("%a %b %e %H:%M:%S %Y");
		case "C":
			return pad(Math.floor(year / 100), 2);
		case "d":
			return pad(local.getUTCDate(), 2);
		case "D":
		case "x":
			return form("%m/%d/%y");
		case "e":
			return pad(local.getUTCDate(), 2, " ");
		case "F":
			return form("%Y-%m-%d");
		case "g":
			return pad(isoWeek(local).year % 100, 2);
		case "G":
			return String(isoWeek(local).year);
		case "H":
			return pad(hour, 2);
		case "I":
			return pad(hour12, 2);
		case "j":
			return pad(dayOfYear(local) + 1, 3);
		case "k":
			return pad(hour, 2, " ");
		case "l":
			return pad(hour12, 2, " ");
		case "m":
			return pad(local.getUTCMonth() + 1, 2);
		case "M":
			return pad(local.getUTCMinutes(), 2);
		case "n":
			return "\n";
		case "p":
			return half;
		case "P":
			return half.toLowerCase();
		case "r":
			return form("%I:%M:%S %p");
		case "R":
			return form("%H:%M");
		case "s":
			return String(Math.floor(ms / 1000));
		case "S":
			return pad(local.getUTCSeconds(), 2);
		case "t":
			return "\t";
		case "T":
		case "X":
			return form("%H:%M:%S");
		case "u":
			return String(local.getUTCDay() || 7);
		case "U":
			return pad(weekOfYear(local, 0), 2);
		case "V":
			return pad(isoWeek(local).week, 2);
		case "w":
			return String(local.getUTCDay());
		case "W":
			return pad(weekOfYear(local, 1), 2);
		case "y":
			return pad(year % 100, 2);
		case "Y":
			return String(year);
		case "z":
			return zone(offset);
		case "Z":
			// The host knows no names of zones.
			return offset === 0 ? "UTC" : zone(offset);
		case "%":
			return "%";
		default:
			return null;
	}
}

/**
 * `format` with its conversions replaced by the time `ms` (milliseconds since 1970), `offset` minutes ahead of UTC.
 * An unknown conversion stays as it is.
 */
export function strftime(format: string, ms: number, offset: number): string {
	// A Date whose UTC fields are the local ones: the language's own idea of the zone is not asked.
	const local = new Date(ms + offset * 60_000);
	return format.replace(
		/%[EO]?([A-Za-z%])/g,
		(whole, letter: string) => conversion(letter, ms, offset, local) ?? whole,
	);
}
