import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isText, octetsOf } from "../../../src/tools/argument.ts";
import { createFakeHost } from "../../fake/host.ts";
import { connack } from "../client/packets.ts";
import { settle, start } from "./fixture.ts";

const { utf8 } = createFakeHost();

describe("arguments that are no text", () => {
	it("are told from others", () => {
		for (const text of ["", "größe 😀", "\ufffd"]) assert.equal(isText(text), true, text);
		for (const text of ["\udcff", "a\udc80", "\udc80\ud83d", "😀\ude00"]) assert.equal(isText(text), false);
	});

	it("are turned back", () => {
		assert.deepEqual([...octetsOf(utf8, "ä")], [0xc3, 0xa4]);
		const mixed = "a\udc80ä\udcff\udcc3😀\udca4";
		assert.deepEqual(
			[...octetsOf(utf8, mixed)],
			[0x61, 0x80, 0xc3, 0xa4, 0xff, 0xc3, 0xf0, 0x9f, 0x98, 0x80, 0xa4],
		);
	});

	it("are sent as they are: message, password and will", async () => {
		const more = ["-u", "u", "-P", "p\udcfe", "--will-topic", "w", "--will-payload", "\udc80"];
		const run = await start("pub", ["-t", "t", "-m", "\udcff\u0001", ...more]);
		const [packet] = run.server.take();
		assert.ok(packet?.type === 1);
		assert.deepEqual(packet.password, Uint8Array.of(0x70, 0xfe));
		assert.deepEqual(packet.will?.payload, Uint8Array.of(0x80));
		run.server.send(connack());
		const [message] = run.server.take();
		assert.ok(message?.type === 3);
		assert.deepEqual(message.payload, Uint8Array.of(0xff, 1));
		await settle();
		assert.equal(run.code, 0);
	});

	for (const [program, args, label] of [
		["pub", ["-m", "x", "--topic", "\udcff"], "-t"],
		["sub", ["-t", "a\udcff"], "-t"],
		["sub", ["-t", "a", "-T", "\udcff"], "-T"],
		["sub", ["-U", "\udcff"], "-U"],
		["sub", ["-t", "a", "--will-topic", "\udcff"], "--will-topic"],
	] as const) {
		it(`are refused as text: ${args.slice(0, -1).join(" ")}`, async () => {
			const run = await start(program, args);
			assert.equal(
				run.err,
				`Error: Malformed UTF-8 in ${label} argument.\n\n\nUse 'mosquitto_${program} --help' to see usage.\n`,
			);
			assert.equal(run.code, 1);
		});
	}
});
