/** The last lines of the log, in memory: for who looks at them from outside. */

import type { LogType } from "../host/log.ts";

/** Lines kept at most, and characters of their text. */
const MAXIMUM_LINES = 1000;
const MAXIMUM_CHARACTERS = 131_072;

export interface LogLine {
	/** Counted from 1 since the start of the program. */
	readonly number: number;
	/** Milliseconds since 1970. */
	readonly time: number;
	readonly type: LogType;
	readonly text: string;
}

export class LogRing {
	/** Number of the last line. */
	last = 0;
	/** Places of lines, which begin with that of number `base` and come round again; those that are gone are empty. */
	private readonly places: (LogLine | null)[] = [];
	private base = 1;
	private first = 1;
	private characters = 0;
	private isKeeping = true;

	/** Whether lines are kept; without, those that were are gone. They are counted all the same. */
	keep(isKeeping: boolean): void {
		this.isKeeping = isKeeping;
		if (!isKeeping) while (this.first <= this.last) this.dropFirst();
	}

	push(time: number, type: LogType, text: string): void {
		const number = ++this.last;
		if (!this.isKeeping) {
			this.first = number + 1;
			return;
		}
		// Without holes: what is written behind the end of an array makes it a slow one for good.
		if (this.first === number) {
			this.base = number;
			this.places.length = 0;
		}
		while (number - this.first >= MAXIMUM_LINES) this.dropFirst();
		this.places[(number - this.base) % MAXIMUM_LINES] = { number, time, type, text };
		this.characters += text.length;
		while (this.characters > MAXIMUM_CHARACTERS && this.first < number) this.dropFirst();
	}

	/** Number of the oldest line that there is; the next one when there is none. */
	get oldest(): number {
		return this.first;
	}

	/** The line of that number; null when it is gone or to come. */
	line(number: number): LogLine | null {
		if (number < this.first || number > this.last) return null;
		return this.places[(number - this.base) % MAXIMUM_LINES] ?? null;
	}

	private dropFirst(): void {
		const place = (this.first - this.base) % MAXIMUM_LINES;
		this.characters -= this.places[place]?.text.length ?? 0;
		this.places[place] = null;
		this.first++;
	}
}
