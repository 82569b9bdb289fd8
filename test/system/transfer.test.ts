/** `mqttd export` and `mqttd import` on every host: mosquitto's own file in, lines out, and the same lines in again. */

import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PacketType } from "../../src/packet/packet.ts";
import { builtPrograms, configFile, run, startBroker, temporaryFolder } from "./harness.ts";
import { fillMosquitto, mosquittoFile } from "./mosquitto.ts";
import { RawClient } from "./raw-client.ts";

type Line = Record<string, unknown>;

function linesOf(text: string): Line[] {
	return text
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Line);
}

const STATES: Readonly<Record<string, readonly unknown[]>> = {
	five: ["pubcomp", "pubrec", "pubrec", "queued", "queued", "queued"],
	three: ["queued"],
};

for (const program of builtPrograms()) {
	describe(`export and import: ${program.name}`, () => {
		test("what mosquitto kept, and what was exported", async (context) => {
			const file = await mosquittoFile(context, fillMosquitto);
			const folder = temporaryFolder(context);
			const [database, other, lines] = ["first.db", "second.db", "lines"].map((name) =>
				join(folder, name),
			) as [string, string, string];
			const imported = await run(program, ["import", "--database", database, file]);
			assert.deepEqual(imported, {
				code: 0,
				signal: null,
				// The message that its publisher had not released is handed on.
				stdout: "Imported 3 sessions, 2 subscriptions, 7 messages to clients and 2 retained messages.\n",
				stderr: "",
			});
			assert.equal(statSync(database).mode & 0o777, 0o600);

			const exported = await run(program, ["export", "--database", database]);
			assert.equal(exported.code, 0, exported.stderr);
			const first = linesOf(exported.stdout);
			for (const [clientId, expected] of Object.entries(STATES)) {
				const deliveries = first.filter((line) => line.kind === "delivery" && line.clientId === clientId);
				assert.deepEqual(
					deliveries.map(({ state }) => state),
					expected,
				);
			}
			const properties = {
				contentType: "text",
				correlationData: { base64: "AP8=" },
				userProperty: [["key", "value"]],
			};
			const message = first.find(({ kind, topic }) => kind === "message" && topic === "a/4");
			assert.deepEqual([message?.payload, message?.properties], ["message 4", properties]);
			assert.ok(Number(message?.expiresAt) > 1_700_000_000);
			const retained = first
				.filter(({ kind }) => kind === "retained")
				.map(({ topic, payload }) => [topic, payload]);
			assert.deepEqual(retained.sort(), [
				["b/1", "retained"],
				["c/1", { base64: "AAH/" }],
			]);

			assert.equal((await run(program, ["export", "--database", database, lines])).code, 0);
			assert.equal(statSync(lines).mode & 0o777, 0o600);
			assert.deepEqual(linesOf(readFileSync(lines, "utf8")).slice(1), first.slice(1));
			assert.equal((await run(program, ["import", "--database", other, lines])).code, 0);
			const second = linesOf((await run(program, ["export", "--database", other])).stdout);
			const numbered = (all: readonly Line[]) =>
				all.slice(1, -1).map((line) => {
					const ids = all.filter(({ kind }) => kind === "message").map(({ id }) => id);
					const { id, message: referred, ...rest } = line;
					return { ...rest, id: ids.indexOf(id), message: ids.indexOf(referred) };
				});
			assert.deepEqual(numbered(second), numbered(first));
		});

		test("what cannot be done is said", async (context) => {
			const folder = temporaryFolder(context);
			const database = join(folder, "database");
			const lines = join(folder, "lines");
			const refused = async (args: readonly string[]) => {
				const { code, stderr } = await run(program, args);
				return `${code} ${stderr}`;
			};
			assert.equal(
				await refused(["export", "--database", database]),
				`1 Error: There is no database '${database}'.\n`,
			);
			writeFileSync(lines, '{"kind":"export","version":1,"at":0}\n{"kind":"session"}\n');
			assert.equal(
				await refused(["import", "--database", database, lines]),
				`1 Error: ${lines}:2: "clientId" is to be text.\n`,
			);
			assert.equal(
				await refused(["import", "--database", database]),
				"3 Error: the file to import is missing.\n",
			);
			writeFileSync(database, "no database");
			assert.match(
				await refused(["export", "--database", database]),
				/^1 Error: Unable to use the database '.*' \(.*\)\.\n$/,
			);
		});

		test("a broker that has the database keeps others away, and goes on with what was imported", async (context) => {
			const file = await mosquittoFile(context, fillMosquitto);
			const folder = temporaryFolder(context);
			const settings = ["listener auto 127.0.0.1", "allow_anonymous true", "persistence true", ""].join("\n");
			const text = `persistence_location ${folder}/\n${settings}`;
			const config = configFile(folder, text);
			const imported = await run(program, ["import", "-c", config, file]);
			assert.equal(imported.code, 0, imported.stderr);
			const broker = await startBroker(context, program, { config: text });
			const busy = await run(program, ["export", "-c", config]);
			assert.equal(
				busy.stderr,
				`Error: The database '${folder}/mqttd.db' is in use; end the broker first.\n`,
			);
			assert.equal(busy.code, 1);
			const place = { host: "127.0.0.1", port: broker.port };
			const options = { clientId: "five", sessionExpiry: 3600, username: "joe" };
			const { client, sessionPresent } = await RawClient.open(place, options);
			assert.equal(sessionPresent, true);
			assert.equal((await client.next(PacketType.PUBREL)).type, PacketType.PUBREL);
			const topics: string[] = [];
			while (topics.length < 5) {
				const packet = await client.next(PacketType.PUBLISH);
				if (packet.type === PacketType.PUBLISH) topics.push(packet.topic);
			}
			assert.deepEqual(topics, ["a/2", "a/3", "a/4", "a/5", "a/last"]);
			await client.drop();
			await broker.stop();
		});
	});
}
