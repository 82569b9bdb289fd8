import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PacketType, Reason } from "../../../src/packet/packet.ts";
import { ack, connack, publish } from "../client/packets.ts";
import { type Run, settle, start } from "./fixture.ts";

const { DISCONNECT, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType;
const BYE = { type: DISCONNECT, reasonCode: 0, properties: null };

/** A publisher that the broker has accepted. */
async function accepted(args: readonly string[], more: Parameters<typeof start>[2] = {}): Promise<Run> {
	const run = await start("pub", ["-t", "t", ...args], more);
	run.server.take();
	run.server.send(connack());
	return run;
}

describe("mosquitto_pub", () => {
	const messages: readonly (readonly [readonly string[], string])[] = [
		[["-m", "héllo"], "héllo"],
		[["-m", ""], ""],
		[["-n"], ""],
		[["-f", "/file"], "of a file\n"],
		[["-f", "/empty"], ""],
	];
	for (const [args, text] of messages) {
		it(`sends ${args.join(" ")} and ends`, async () => {
			const run = await accepted(args, { files: { "/file": "of a file\n", "/empty": "" } });
			assert.deepEqual(run.server.take(), [publish("t", text), BYE]);
			await settle();
			assert.equal(run.code, 0);
			assert.equal(run.out + run.err, "");
		});
	}

	it("sends with -r and properties", async () => {
		const run = await accepted(["-m", "x", "-r", "-D", "publish", "content-type", "text/plain"], {
			version: 5,
		});
		const [message] = run.server.take();
		assert.deepEqual(message, publish("t", "x", { retain: true, properties: { contentType: "text/plain" } }));
	});

	it("waits for the answer at QoS 1 and 2", async () => {
		const one = await accepted(["-m", "x", "-q", "1"]);
		assert.deepEqual(one.server.take(), [publish("t", "x", { qos: 1, packetId: 1 })]);
		one.server.send(ack(PUBACK, 1));
		assert.deepEqual(one.server.take(), [BYE]);
		await settle();
		assert.equal(one.code, 0);
		const two = await accepted(["-m", "x", "-q", "2"]);
		two.server.send(ack(PUBREC, 1));
		assert.equal(two.code, null);
		two.server.send(ack(PUBCOMP, 1));
		assert.deepEqual(two.server.takeTypes(), [PacketType.PUBLISH, PUBREL, DISCONNECT]);
		await settle();
		assert.equal(two.code, 0);
	});

	it("prints what happens with -d", async () => {
		const run = await accepted(["-m", "x", "-d", "-i", "me"]);
		assert.equal(
			run.out,
			"Client me sending CONNECT\n" +
				"Client me received CONNACK (0)\n" +
				"Client me sending PUBLISH (d0, q0, r0, m1, 't', ... (1 bytes))\n" +
				"Client me sending DISCONNECT\n",
		);
	});

	it("warns when the broker did not take the message", async () => {
		const run = await accepted(["-m", "x", "-q", "1", "-V", "5"], { version: 5 });
		run.server.send(ack(PUBACK, 1, Reason.NOT_AUTHORIZED, { reasonString: "not you" }));
		await settle();
		assert.equal(run.err, "Warning: Publish 1 failed: Not authorized.\nnot you\n");
		assert.equal(run.code, 0);
	});

	it("repeats with a pause between", async () => {
		const run = await accepted(["-m", "x", "--repeat", "3", "--repeat-delay", "1.5"]);
		assert.deepEqual(run.server.take(), [publish("t", "x")]);
		run.host.clock.advance(1499);
		assert.deepEqual(run.server.take(), []);
		run.host.clock.advance(1);
		assert.deepEqual(run.server.take(), [publish("t", "x")]);
		run.host.clock.advance(1500);
		assert.deepEqual(run.server.take(), [publish("t", "x"), BYE]);
	});

	it("does not pile up repetitions that the broker is slow to take", async () => {
		const run = await start("pub", ["-t", "t", "-f", "/file", "--repeat", "3"], {
			files: { "/file": "x".repeat(100_000) },
		});
		run.server.take();
		run.server.peer.hold();
		run.server.send(connack());
		run.host.clock.advance(1000);
		assert.ok(run.host.clock.timers > 0);
		run.server.peer.hold(100_007);
		assert.equal(run.server.take().length, 1, "one message was written and no more");
		run.server.peer.release();
		run.host.clock.advance(1000);
		assert.deepEqual(run.server.takeTypes(), [PUBLISH, PUBLISH, DISCONNECT]);
	});

	it("uses a topic alias instead of the topic from the second message on", async () => {
		const run = await start("pub", ["-t", "t", "-n", "--repeat", "2", "-D", "publish", "topic-alias", "1"], {
			version: 5,
		});
		run.server.take();
		run.server.send(connack(0, false, { topicAliasMaximum: 1 }));
		run.host.clock.advance(0);
		const properties = { topicAlias: 1 };
		assert.deepEqual(run.server.take(), [
			publish("t", "", { properties }),
			publish("", "", { properties }),
			BYE,
		]);
	});

	it("fails when the broker's limits do not let the message through", async () => {
		const run = await start("pub", ["-t", "t", "-m", "x".repeat(100), "-q", "2", "-V", "5"], { version: 5 });
		run.server.take();
		run.server.send(connack(0, false, { maximumQos: 1 }));
		await settle();
		assert.equal(run.err, "Error: Message QoS not supported on broker, try a lower QoS.\n");
		assert.equal(run.code, 24);
		const large = await start("pub", ["-t", "t", "-m", "x".repeat(100), "-V", "5"], { version: 5 });
		large.server.take();
		large.server.send(connack(0, false, { maximumPacketSize: 100 }));
		await settle();
		assert.equal(large.err, "Error: Packet larger than supported by the server.\n");
		assert.equal(large.code, 25);
	});
});

describe("mosquitto_pub -f and -s", () => {
	it("report a file that cannot be read", async () => {
		const run = await start("pub", ["-t", "t", "-f", "/none"]);
		assert.equal(run.err, 'Error: Unable to open file "/none".\nError loading input file "/none".\n');
		assert.equal(run.code, 1);
		assert.equal((await start("pub", ["-t", "t", "-f", "/none", "--quiet"])).err, "");
	});

	it("send all of standard input as one message", async () => {
		const run = await start("pub", ["-t", "t", "-s"]);
		assert.equal(run.server.peers.length, 0, "connects only then");
		run.host.process.feed("one\n");
		run.host.process.feed("two");
		run.host.process.feed(null);
		await settle();
		run.server.take();
		run.server.send(connack());
		assert.deepEqual(run.server.take(), [publish("t", "one\ntwo"), BYE]);
	});

	it("refuse empty standard input", async () => {
		const run = await start("pub", ["-t", "t", "-s"]);
		run.host.process.feed(null);
		assert.equal(run.err, "Error: Zero length input.\nError loading input from stdin.\n");
		assert.equal(run.code, 1);
	});

	it("refuse more standard input than a message can have, without reading on", async () => {
		const run = await start("pub", ["-t", "t", "-s"]);
		const piece = new Uint8Array(65_536);
		for (let count = 0; count < 4095; count++) run.host.process.feed(piece);
		// With 65,535 octets more it were as much as a message can have.
		run.host.process.feed(piece.subarray(0, 65_534));
		assert.equal(run.err, "");
		run.host.process.feed("12");
		assert.equal(
			run.err,
			"Error: Message length must be less than 268435455 bytes.\n\nError loading input from stdin.\n",
		);
		assert.equal(run.code, 1);
		assert.equal(run.host.process.stdinPaused, true);
	});
});

describe("mosquitto_pub -l", () => {
	it("sends each line, the last one without an end too", async () => {
		const run = await accepted(["-l"]);
		run.host.process.feed("one\ntw");
		run.host.process.feed("o\n\nthr");
		run.host.process.feed("ee");
		assert.deepEqual(run.server.take(), [publish("t", "one"), publish("t", "two"), publish("t", "")]);
		run.host.process.feed(null);
		assert.deepEqual(run.server.take(), [publish("t", "three"), BYE]);
		await settle();
		assert.equal(run.code, 0);
	});

	it("ends at once without input", async () => {
		const run = await accepted(["-l"]);
		run.host.process.feed(null);
		assert.deepEqual(run.server.take(), [BYE]);
		await settle();
		assert.equal(run.code, 0);
	});

	it("waits for all answers", async () => {
		const run = await accepted(["-l", "-q", "1"]);
		run.host.process.feed("1\n2\n");
		run.host.process.feed(null);
		run.server.send(ack(PUBACK, 2));
		assert.equal(run.server.takeTypes().includes(DISCONNECT), false);
		run.server.send(ack(PUBACK, 1));
		assert.deepEqual(run.server.take(), [BYE]);
	});

	it("copes with more lines than there are packet identifiers, and reads them as they are answered", async () => {
		const run = await accepted(["-l", "-q", "1"]);
		run.host.process.feed("x\n".repeat(70_000));
		run.host.process.feed(null);
		assert.ok(run.host.process.stdinPaused);
		assert.equal(run.host.process.stdinUnread, 140_000 - 65_536, "one piece was read");
		let count = 0;
		for (let packets = run.server.take(); packets[0]?.type === PUBLISH; packets = run.server.take()) {
			count += packets.length;
			run.server.send(...packets.map((each) => ack(PUBACK, each.type === PUBLISH ? each.packetId : 0)));
			await settle();
			if (count === 70_000) break;
		}
		assert.equal(count, 70_000);
		assert.deepEqual(run.server.take(), [BYE]);
		await settle();
		assert.equal(run.code, 0);
	});

	it("stops reading while a megabyte is not answered", async () => {
		const run = await accepted(["-l", "-q", "1"]);
		const { process } = run.host;
		const line = `${"x".repeat(99_999)}\n`;
		for (let count = 0; count < 10; count++) process.feed(line);
		assert.equal(process.stdinPaused, false);
		process.feed(line);
		assert.equal(process.stdinPaused, true, "1,099,989 octets");
		process.feed(line);
		assert.equal(process.stdinUnread, 100_000);
		run.server.take();
		run.server.send(ack(PUBACK, 1));
		await settle();
		assert.equal(process.stdinUnread, 0);
		assert.equal(process.stdinPaused, true, "as many as before");
	});

	it("stops reading while the server is slow to take QoS 0", async () => {
		const run = await accepted(["-l"]);
		const { process } = run.host;
		run.server.take();
		run.server.peer.hold();
		const lines = "some words\n".repeat(100_000);
		process.feed(lines);
		process.feed(null);
		assert.equal(process.stdinPaused, true);
		// A line is 11 octets and a packet is 15: of the first piece it has 64 KiB of packets.
		assert.equal(process.stdinUnread, lines.length - 65_536);
		assert.deepEqual(run.server.take(), []);
		run.server.peer.release();
		await settle();
		for (let turns = 0; process.stdinUnread > 0 && turns < 1000; turns++) await settle();
		const packets = run.server.take();
		assert.equal(packets.length, 100_001);
		assert.deepEqual(packets.at(-2), publish("t", "some words"));
		assert.deepEqual(packets.at(-1), BYE);
		assert.equal(run.code, 0);
	});

	it("reads nothing while there is no connection", async () => {
		const run = await accepted(["-l"]);
		run.server.peer.reset();
		await settle();
		run.host.process.feed("1\n");
		run.host.process.feed("2\n");
		assert.equal(run.host.process.stdinPaused, true);
		run.host.clock.advance(1000);
		await settle();
		run.server.take();
		run.server.send(connack());
		await settle();
		assert.deepEqual(run.server.take(), [publish("t", "1"), publish("t", "2")]);
	});

	it("connects again and loses no line", async () => {
		const run = await accepted(["-l", "-q", "1"]);
		run.host.process.feed("1\n");
		run.server.take();
		run.server.peer.reset();
		await settle();
		run.host.process.feed("2\n");
		run.host.process.feed(null);
		assert.equal(run.code, null);
		run.host.clock.advance(1000);
		await settle();
		run.server.take();
		run.server.send(connack());
		assert.deepEqual(run.server.take(), [
			publish("t", "1", { qos: 1, packetId: 1 }),
			publish("t", "2", { qos: 1, packetId: 2 }),
		]);
		run.server.send(ack(PUBACK, 1), ack(PUBACK, 2));
		await settle();
		assert.equal(run.code, 0);
	});
});

describe("mosquitto_pub's exit codes", () => {
	const unreachable: readonly (readonly [readonly string[], string])[] = [
		[["-p", "1"], "Error: Connection refused\n"],
		[["-h", "no.such.host"], "Unable to connect (Lookup error.).\n"],
		[["--unix", "/none"], "Error: Connection refused\n"],
	];
	for (const [args, text] of unreachable) {
		it(`1 for ${args.join(" ")}`, async () => {
			const run = await start("pub", ["-t", "t", "-m", "x", ...args]);
			assert.equal(run.err, text);
			assert.equal(run.code, 1);
		});
	}

	it("the return code when refused", async () => {
		for (const [code, text] of [
			[1, "unacceptable protocol version"],
			[2, "identifier rejected"],
			[3, "broker unavailable"],
			[4, "bad user name or password"],
			[5, "not authorised"],
		] as const) {
			for (const mode of [["-m", "x"], ["-l"]]) {
				const run = await start("pub", ["-t", "t", ...mode]);
				run.server.send(connack(code));
				await settle();
				assert.equal(
					run.err,
					`Connection error: Connection Refused: ${text}.\nError: The connection was refused.\n`,
				);
				assert.equal(run.code, code);
			}
		}
	});

	it("the reason code when refused in 5.0", async () => {
		const run = await start("pub", ["-t", "t", "-m", "x", "-V", "5"], { version: 5 });
		run.server.send(connack(Reason.NOT_AUTHORIZED));
		await settle();
		assert.equal(
			run.err,
			"Connection error: Not authorized\n" +
				"Error: A network protocol error occurred when communicating with the broker.\n",
		);
		assert.equal(run.code, 135);
	});

	const lost: readonly (readonly [string, (run: Run) => void, number, string])[] = [
		["closed", (run) => run.server.peer.end(), 7, "Error: The connection was lost.\n"],
		["reset", (run) => run.server.peer.reset(), 7, "Error: The connection was lost.\n"],
		["timed out", (run) => run.server.peer.reset("ETIMEDOUT"), 14, "Error: Connection timed out\n"],
		[
			"no MQTT",
			(run) => run.server.peer.send([0x00, 0x00]),
			2,
			"Error: A network protocol error occurred when communicating with the broker.\n",
		],
		["silent", (run) => run.host.clock.advance(120_000), 19, "Error: Keepalive exceeded.\n"],
		[
			"DISCONNECT",
			(run) =>
				run.server.send({ type: DISCONNECT, reasonCode: Reason.SERVER_SHUTTING_DOWN, properties: null }),
			4,
			"Error: The client is not currently connected.\n",
		],
	];
	for (const [name, act, code, text] of lost) {
		it(`${code} for a connection that is ${name}`, async () => {
			const run = await accepted(["-m", "x", "-q", "1", "-V", "5"], { version: 5 });
			act(run);
			await settle();
			assert.equal(run.err, text);
			assert.equal(run.code, code);
		});
	}
});
