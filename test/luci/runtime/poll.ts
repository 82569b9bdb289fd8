/** LuCI's poll: functions that are called again and again, none of them twice at once. */

import { check } from "./class.ts";

interface Entry {
	readonly call: () => unknown;
	readonly interval: number;
	isIdle: boolean;
}

const entries: Entry[] = [];
let timer: number | null = null;
let tick = 0;

function step(): void {
	for (const entry of entries) {
		if (tick % entry.interval !== 0 || !entry.isIdle) continue;
		entry.isIdle = false;
		void Promise.resolve(entry.call()).finally(() => {
			entry.isIdle = true;
		});
	}
	tick++;
}

export const poll = {
	/** `interval` in seconds; 5 without. */
	add(call: unknown, interval?: unknown): boolean {
		check(typeof call === "function", "poll.add() takes a function");
		const every = interval ?? 5;
		check(typeof every === "number" && Number.isInteger(every) && every > 0, "poll.add(): whole seconds");
		if (entries.some((entry) => entry.call === call)) return false;
		entries.push({ call: call as () => unknown, interval: every, isIdle: true });
		if (timer === null) poll.start();
		return true;
	},
	remove(call: unknown): boolean {
		const at = entries.findIndex((entry) => entry.call === call);
		if (at >= 0) entries.splice(at, 1);
		if (entries.length === 0) poll.stop();
		return at >= 0;
	},
	start(): boolean {
		if (timer !== null) return false;
		tick = 0;
		timer = window.setInterval(step, 1000);
		step();
		return true;
	},
	stop(): boolean {
		if (timer === null) return false;
		window.clearInterval(timer);
		timer = null;
		return true;
	},
	active: (): boolean => timer !== null,
};
