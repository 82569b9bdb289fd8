/** The contract of src/host/clock.ts. */

import type { Timer } from "../../src/host/host.ts";
import { equal, Gate, ok, type Tests, turn } from "./harness.ts";

export const clockTests: Tests = {
	"clock: monotonic time is whole milliseconds and never goes back": (host) => {
		let last = host.clock.monotonic();
		for (let count = 0; count < 20_000; count++) {
			const time = host.clock.monotonic();
			ok(Number.isInteger(time), `whole: ${time}`);
			ok(time >= last, `${time} after ${last}`);
			last = time;
		}
	},

	"clock: monotonic time goes on within a turn": (host) => {
		const start = host.clock.monotonic();
		let calls = 0;
		while (host.clock.monotonic() < start + 3) {
			calls++;
		}
		ok(calls > 0, "time passed");
	},

	"clock: wall clock in milliseconds": (host) => {
		const now = host.clock.now();
		ok(now > Date.UTC(2024, 0, 1), `${now} is after 2024`);
		ok(now < Date.UTC(2100, 0, 1), `${now} is before 2100`);
		ok(Number.isInteger(host.clock.utcOffset(now)), "offset in whole minutes");
	},

	"timers: not from inside `after`, also with delay 0": async (host) => {
		const gate = new Gate();
		let inside = true;
		let early = false;
		host.timers.after(0, () => {
			early = inside;
			gate.open();
		});
		inside = false;
		await gate.passed;
		ok(!early, "called later");
	},

	"timers: in order of their time, the older first": async (host) => {
		const order: string[] = [];
		const gate = new Gate();
		host.timers.after(30, () => order.push("30"));
		host.timers.after(10, () => order.push("10 a"));
		host.timers.after(50, () => gate.open());
		host.timers.after(10, () => order.push("10 b"));
		host.timers.after(0, () => order.push("0"));
		await gate.passed;
		equal(order, ["0", "10 a", "10 b", "30"], "order");
	},

	"timers: never early, also when the turn was long": async (host) => {
		for (const busy of [0, 25]) {
			const begin = host.clock.monotonic();
			while (host.clock.monotonic() < begin + busy) {
				// the turn takes this long
			}
			const start = host.clock.monotonic();
			const gate = new Gate();
			host.timers.after(20, gate.open);
			await gate.passed;
			const passed = host.clock.monotonic() - start;
			ok(passed >= 20, `${passed} ms after a turn of ${busy} ms`);
		}
	},

	"timers: never early, wherever in a millisecond they start": async (host) => {
		for (let count = 0; count < 200; count++) {
			for (let work = 0; work < (count * 7919) % 20_000; work++) {
				// a part of a millisecond goes by
			}
			const start = host.clock.monotonic();
			const gate = new Gate();
			host.timers.after(2, gate.open);
			await gate.passed;
			const passed = host.clock.monotonic() - start;
			ok(passed >= 2, `${passed} ms`);
		}
	},

	"timers: fractions of a millisecond": async (host) => {
		const start = host.clock.monotonic();
		const gate = new Gate();
		host.timers.after(4.5, gate.open);
		await gate.passed;
		ok(host.clock.monotonic() - start >= 4, "not early");
	},

	"timers: cancel": async (host) => {
		let called = 0;
		const gate = new Gate();
		const timer = host.timers.after(5, () => called++);
		timer.cancel();
		timer.cancel();
		let second = host.timers.after(6, () => called++);
		const first = host.timers.after(5, () => {
			second.cancel();
			first.cancel();
		});
		host.timers.after(15, gate.open);
		await gate.passed;
		equal(called, 0, "calls");
		second = host.timers.after(0, () => called++);
		await turn(host);
		second.cancel();
		equal(called, 1, "cancel after the call is harmless");
	},

	"timers: one of the same moment can still be cancelled": async (host) => {
		let called = 0;
		const gate = new Gate();
		const timers: Timer[] = [];
		timers.push(host.timers.after(5, () => timers[1]!.cancel()));
		timers.push(host.timers.after(5, () => called++));
		host.timers.after(15, gate.open);
		await gate.passed;
		equal(called, 0, "calls");
	},

	"timers: one started in a callback comes in a later turn": async (host) => {
		let depth = 0;
		const gate = new Gate();
		const again = () => {
			if (++depth === 100) {
				gate.open();
			} else {
				host.timers.after(0, again);
			}
		};
		again();
		equal(depth, 1, "not at once");
		await gate.passed;
		equal(depth, 100, "depth");
	},

	"timers: ten thousand, half of them cancelled": async (host) => {
		let called = 0;
		const gate = new Gate();
		for (let count = 0; count < 10_000; count++) {
			const timer = host.timers.after(count % 40, () => called++);
			if (count % 2 === 1) {
				timer.cancel();
			}
		}
		host.timers.after(60, gate.open);
		await gate.passed;
		equal(called, 5000, "calls");
	},

	"timers: delays of weeks do not come at once": async (host) => {
		let called = 0;
		const timers = [0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1e12].map((delay) =>
			host.timers.after(delay, () => called++),
		);
		await turn(host);
		const gate = new Gate();
		host.timers.after(10, gate.open);
		await gate.passed;
		equal(called, 0, "calls");
		for (const timer of timers) {
			timer.cancel();
		}
	},
};
