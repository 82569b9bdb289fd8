/** Dates and times as the C function strftime prints them in the C locale. */

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
const MINUTE = 60_000;
const DAY = 86_400_000;

function pad(value: number, width: number, fill = "0"): string {
	return String(value).padStart(width, fill);
}

/** A moment, taken apart in local time. */
export class LocalTime {
	/** Milliseconds since 1970 in UTC. */
	readonly moment: number;
	private readonly offset: number;
	/** The local date and time, in the UTC fields. */
	private readonly date: Date;

	/** `offset`: minutes that local time is ahead of UTC. */
	constructor(moment: number, offset: number) {
		this.moment = moment;
		this.offset = offset;
		this.date = new Date(moment + offset * MINUTE);
	}

	/** Nanoseconds within the second, as nine digits. */
	nanoseconds(): string {
		const whole = Math.floor(this.moment);
		const rest = Math.floor((this.moment - whole) * 1_000_000);
		return pad((((whole % 1000) + 1000) % 1000) * 1_000_000 + rest, 9);
	}

	/** Whole seconds since 1970. */
	seconds(): string {
		return String(Math.floor(this.moment / 1000));
	}

	/** `2026-11-22T13:07:24+0100` */
	iso(): string {
		return `${this.conversion("F")}T${this.conversion("T")}${this.conversion("z")}`;
	}

	/** `2026-11-22T13:07:24.496027+0100` */
	isoWithMicroseconds(): string {
		const fraction = this.nanoseconds().slice(0, 6);
		return `${this.conversion("F")}T${this.conversion("T")}.${fraction}${this.conversion("z")}`;
	}

	/** What `%X` stands for, for one letter X; `%X` itself for a letter that strftime does not know. */
	conversion(letter: string): string {
		const { date } = this;
		const year = date.getUTCFullYear();
		const month = date.getUTCMonth();
		const day = date.getUTCDate();
		const weekday = date.getUTCDay();
		const hour = date.getUTCHours();
		const hour12 = hour % 12 === 0 ? 12 : hour % 12;
		switch (letter) {
			case "a":
				return DAYS[weekday]!.slice(0, 3);
			case "A":
				return DAYS[weekday]!;
			case "b":
			case "h":
				return MONTHS[month]!.slice(0, 3);
			case "B":
				return MONTHS[month]!;
			case "c":
				return `${this.all("a b e T")} ${year}`;
			case "C":
				return pad(Math.floor(year / 100), 2);
			case "d":
				return pad(day, 2);
			case "D":
			case "x":
				return this.all("m/d/y");
			case "e":
				return pad(day, 2, " ");
			case "F":
				return this.all("Y-m-d");
			case "g":
				return pad(this.isoWeek().year % 100, 2);
			case "G":
				return String(this.isoWeek().year);
			case "H":
				return pad(hour, 2);
			case "I":
				return pad(hour12, 2);
			case "j":
				return pad(this.dayOfYear() + 1, 3);
			case "k":
				return pad(hour, 2, " ");
			case "l":
				return pad(hour12, 2, " ");
			case "m":
				return pad(month + 1, 2);
			case "M":
				return pad(date.getUTCMinutes(), 2);
			case "n":
				return "\n";
			case "p":
				return hour < 12 ? "AM" : "PM";
			case "P":
				return hour < 12 ? "am" : "pm";
			case "r":
				return this.all("I:M:S p");
			case "R":
				return this.all("H:M");
			case "s":
				return this.seconds();
			case "S":
				return pad(date.getUTCSeconds(), 2);
			case "t":
				return "\t";
			case "T":
			case "X":
				return this.all("H:M:S");
			case "u":
				return String(weekday === 0 ? 7 : weekday);
			case "U":
				return pad(Math.floor((this.dayOfYear() + 7 - weekday) / 7), 2);
			case "V":
				return pad(this.isoWeek().week, 2);
			case "w":
				return String(weekday);
			case "W":
				return pad(Math.floor((this.dayOfYear() + 7 - ((weekday + 6) % 7)) / 7), 2);
			case "y":
				return pad(year % 100, 2);
			case "Y":
				return String(year);
			case "z":
				return this.zone();
			case "Z":
				return this.offset === 0 ? "UTC" : this.zone();
			case "%":
				return "%";
			default:
				return `%${letter}`;
		}
	}

	/** Replaces each letter of a short pattern. */
	private all(pattern: string): string {
		return pattern.replace(/[A-Za-z]/g, (letter) => this.conversion(letter));
	}

	private zone(): string {
		const minutes = Math.abs(this.offset);
		return `${this.offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60), 2)}${pad(minutes % 60, 2)}`;
	}

	private dayOfYear(): number {
		const { date } = this;
		const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
		return Math.round((midnight - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY);
	}

	/** The week of ISO 8601: the one that holds its year's first Thursday is week 1. */
	private isoWeek(): { year: number; week: number } {
		const { date } = this;
		const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
		const thursday = new Date(midnight + (3 - ((date.getUTCDay() + 6) % 7)) * DAY);
		const year = thursday.getUTCFullYear();
		return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY / 7) + 1 };
	}
}
