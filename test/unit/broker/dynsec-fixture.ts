/** Dynamic security on a fake host, for unit tests. */

import assert from "node:assert/strict";
import { DynamicSecurity } from "../../../src/broker/dynsec/dynsec.ts";
import { readModel } from "../../../src/broker/dynsec/file.ts";
import { parsePasswordHash } from "../../../src/config/password.ts";
import { createFakeHost, type FakeHost, fakeError } from "../../fake/host.ts";

export interface DynsecFixture {
	readonly host: FakeHost;
	readonly security: DynamicSecurity;
	readonly lines: string[];
	/** Texts of the file, each time that it was written. */
	readonly saved: string[];
	/** Who was made to come again. */
	readonly kicked: (string | null)[];
	/** When true, the file cannot be written. */
	full: boolean;
	/** Sends a request, and returns what is answered at once or once passwords are hashed. */
	ask(request: unknown): unknown;
	/** One command, which is not refused. */
	command(command: string, members?: object): unknown;
}

export function createDynsec(file: unknown = {}): DynsecFixture {
	const host = createFakeHost();
	const [lines, saved, kicked]: [string[], string[], (string | null)[]] = [[], [], []];
	const model = readModel(JSON.stringify(file), parsePasswordHash, (text) => lines.push(text));
	const log = {
		enabled: () => true,
		write: (type: string, text: string) => void lines.push(`${type}: ${text}`),
	};
	const security = new DynamicSecurity(host, log, model, (text) => {
		if (fixture.full) throw fakeError("ENOSPC");
		saved.push(text);
	});
	security.attach({
		accessChanged() {},
		kick: (username) => kicked.push(username),
		connectionsOf: (username) => (username === "here" ? ["192.0.2.7"] : []),
	});
	const fixture: DynsecFixture = {
		host,
		security,
		lines,
		saved,
		kicked,
		full: false,
		ask(request) {
			let answer: string | null = null;
			const text = typeof request === "string" ? request : JSON.stringify(request);
			const payload = new TextEncoder().encode(text);
			security.take(payload, { clientId: "ctrl", username: "admin" }, (response) => {
				answer = response;
			});
			for (let turns = 0; answer === null && turns < 2000; turns++) host.network.turn();
			assert.ok(answer !== null, "there is no answer");
			return JSON.parse(answer);
		},
		command(command, members = {}) {
			const answer = this.ask({ commands: [{ command, ...members }] }) as {
				responses: { error?: string; data?: unknown }[];
			};
			const [response] = answer.responses;
			assert.equal(response?.error, undefined, `${command} ${JSON.stringify(members)}`);
			return response?.data;
		},
	};
	return fixture;
}
