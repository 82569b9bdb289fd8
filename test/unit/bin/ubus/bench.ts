/** A broker program on a fake host, on a bus, with somebody who calls it: for tests of what it shows there. */

import assert from "node:assert/strict";
import { UbusClient, UbusError, type UbusTable } from "../../../../src/ubus/client.ts";
import type { UbusInputTable } from "../../../../src/ubus/value.ts";
import { FakeUbusd } from "../../../fake/ubusd.ts";
import { plain, settle } from "../../ubus/fixture.ts";
import { World } from "../world.ts";

export const SOCKET = "/run/ubus.sock";

/** An answer, as a literal has it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it wherever they want
export type Answer = any;

export class Bench {
	readonly world: World;
	readonly bus: FakeUbusd;
	readonly caller: UbusClient;
	/** Events of the broker that were heard. */
	readonly events: [name: string, data: unknown][] = [];

	private constructor(world: World, bus: FakeUbusd, caller: UbusClient) {
		this.world = world;
		this.bus = bus;
		this.caller = caller;
	}

	/** A broker with a listener on port 1 that lets everybody in unless `config` says otherwise. */
	static async start(config = "", files: Readonly<Record<string, string>> = {}): Promise<Bench> {
		const listener = config.includes("listener ") ? "" : "listener 1\nallow_anonymous true\n";
		const world = await World.start(`ubus ${SOCKET}\n${config}\n${listener}`, files);
		const bus = new FakeUbusd(world.host);
		await bus.listen(SOCKET);
		const log = { enabled: () => true, write: () => {} };
		const caller = new UbusClient(world.host, log, { sockets: [SOCKET] });
		const bench = new Bench(world, bus, caller);
		caller.listen("mqttd.*", (name, data) => bench.events.push([name, plain(data)]));
		caller.open();
		await settle();
		// It tried before there was a bus.
		world.advance(1);
		await settle();
		return bench;
	}

	/** Calls a method and returns what it answers, once everything has happened that needs no time. */
	async call(method: string, args: UbusInputTable = {}): Promise<Answer> {
		const under = this.caller.call("mqttd", method, args);
		const [table] = await this.settled(under);
		return plain(table);
	}

	/** The status that a call ends with. */
	async status(method: string, args: UbusInputTable = {}): Promise<number> {
		try {
			await this.settled(this.caller.call("mqttd", method, args));
			return 0;
		} catch (error) {
			assert.ok(error instanceof UbusError, String(error));
			return error.code;
		}
	}

	/** Lets the clock go on as long as work wants to rest. */
	private async settled(under: Promise<UbusTable[]>): Promise<UbusTable[]> {
		let isOver = false;
		const note = () => {
			isOver = true;
		};
		under.then(note, note);
		while (!isOver) {
			await settle();
			this.world.host.clock.advance(0);
		}
		return under;
	}

	/** The lines of the log since the program began, without times. */
	get log(): string[] {
		const { text } = this.world.host.process.stderr;
		return text.split("\n").map((line) => line.replace(/^[0-9]+: /, ""));
	}
}
