import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PacketType, type Properties, Reason } from "../../../src/packet/packet.ts";
import { ack, connack, publish, suback } from "../client/packets.ts";
import { type Run, settle, start } from "./fixture.ts";

const { CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType;

/** A subscriber that the broker has accepted; its SUBSCRIBE has been taken. */
async function accepted(args: readonly string[], more: Parameters<typeof start>[2] = {}): Promise<Run> {
	const run = await start("sub", ["-t", "a/#", ...args], more);
	run.server.take();
	run.server.send(connack());
	run.server.take();
	return run;
}

function subscription(topicFilter: string, more: object = {}) {
	return { topicFilter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...more };
}

describe("mosquitto_sub subscribes", () => {
	const cases: readonly (readonly [readonly string[], object[], Properties | null])[] = [
		[["-t", "a"], [subscription("a")], null],
		[
			["-t", "a", "-t", "b/+", "-q", "2"],
			[subscription("a", { qos: 2 }), subscription("b/+", { qos: 2 })],
			null,
		],
		[["-t", "a", "-R"], [subscription("a")], null],
		[["-t", "a", "-R", "-V", "5"], [subscription("a", { retainHandling: 2 })], null],
		[
			["-t", "a", "-V", "5", "--retain-handling", "new", "--retain-as-published"],
			[subscription("a", { retainHandling: 1, retainAsPublished: true })],
			null,
		],
		[
			["-t", "a", "-D", "subscribe", "subscription-identifier", "7"],
			[subscription("a")],
			{ subscriptionIdentifier: [7] },
		],
	];
	for (const [args, subscriptions, properties] of cases) {
		it(args.join(" "), async () => {
			const version = args.includes("5") || args.includes("-D") ? 5 : 4;
			const run = await start("sub", args, { version });
			run.server.take();
			run.server.send(connack());
			assert.deepEqual(run.server.take(), [{ type: SUBSCRIBE, packetId: 1, properties, subscriptions }]);
		});
	}

	it("-U unsubscribes, also without -t", async () => {
		const run = await start("sub", ["-U", "a", "-U", "b"]);
		run.server.take();
		run.server.send(connack());
		assert.deepEqual(run.server.take(), [
			{ type: UNSUBSCRIBE, packetId: 1, properties: null, topicFilters: ["a"] },
			{ type: UNSUBSCRIBE, packetId: 2, properties: null, topicFilters: ["b"] },
		]);
	});

	it("-E ends once that is acknowledged", async () => {
		const run = await accepted(["-E", "-d", "-i", "me"]);
		run.server.send(suback(1, 0));
		assert.deepEqual(run.server.takeTypes(), [DISCONNECT]);
		await settle();
		assert.equal(run.code, 0);
		assert.match(
			run.out,
			/Client me received SUBACK\nSubscribed \(mid: 1\): 0\nClient me sending DISCONNECT\n$/,
		);
	});

	it("ends when the broker denies everything", async () => {
		const run = await accepted(["-t", "b"]);
		run.server.send(suback(1, 0x80, 0x80));
		await settle();
		assert.equal(run.err, "All subscription requests were denied.\n");
		assert.equal(run.code, 0);
		const some = await accepted(["-t", "b"]);
		some.server.send(suback(1, 0x80, 0));
		await settle();
		assert.equal(some.code, null);
	});
});

describe("mosquitto_sub prints", () => {
	const cases: readonly (readonly [readonly string[], string])[] = [
		[[], "one\ntwo\n"],
		[["-v"], "a/1 one\na/2 (null)\na/3 two\n"],
		[["-N"], "onetwo"],
		[["-N", "-v"], "a/1 onea/3 two"],
		[["-R"], "two\n"],
		[["-T", "a/1"], "two\n"],
		[["-T", "a/1", "-T", "+/3"], ""],
		[["-F", "%t=%p"], "a/1=one\na/2=\na/3=two\n"],
		[["-F", "%t;", "-N"], "a/1;a/2;a/3;"],
		[["--message-rate"], ""],
	];
	for (const [args, text] of cases) {
		it(args.join(" ") || "without options", async () => {
			const run = await accepted(args);
			run.server.send(publish("a/1", "one", { retain: true }), publish("a/2", ""), publish("a/3", "two"));
			assert.equal(run.out, text);
			assert.equal(run.err, "");
		});
	}

	it("QoS 1 and 2 messages, acknowledged", async () => {
		const run = await accepted(["-q", "2"]);
		run.server.send(publish("a", "1", { qos: 1, packetId: 1 }), publish("a", "2", { qos: 2, packetId: 2 }));
		assert.equal(run.out, "1\n");
		run.server.send(ack(PUBREL, 2));
		assert.equal(run.out, "1\n2\n");
		assert.deepEqual(run.server.takeTypes(), [PUBACK, PUBREC, PUBCOMP]);
	});

	it("octets as they are", async () => {
		const run = await accepted(["-v"]);
		const written: number[] = [];
		run.host.process.stdout.write = (bytes: Uint8Array) => void written.push(...bytes);
		run.server.send(publish("a", "", { payload: Uint8Array.of(0, 255, 10) }));
		assert.deepEqual(written, [0x61, 0x20, 0, 255, 10, 0x0a]);
	});

	it("a message with one write", async () => {
		const run = await accepted(["-v"]);
		let writes = 0;
		run.host.process.stdout.write = () => void writes++;
		run.server.send(publish("a", "1"), publish("a", "2"));
		assert.equal(writes, 2);
	});

	it("how many messages come with --message-rate", async () => {
		const run = await accepted(["--message-rate"]);
		run.server.send(publish("a", "1"), publish("a", "2"));
		run.host.clock.advance(2000);
		assert.equal(run.out, "2 msgs/s\n0 msgs/s\n");
	});

	it("each topic at its line with -w", async () => {
		const run = await accepted(["-w", "-v"]);
		run.server.send(publish("a/1", "x"), publish("a/2", "y"), publish("a/1", "z"));
		assert.equal(
			run.out,
			"\x1b[2J\x1b[1;1HBroker: localhost\n" +
				"\x1b[2;1Ha/1 x\n\x1b[2;1H\n\x1b[3;1Ha/2 y\n\x1b[3;1H\n\x1b[2;1Ha/1 z\n\x1b[3;1H\n",
		);
	});

	it("about as many messages as --random-filter says", async () => {
		const run = await accepted(["--random-filter", "25"]);
		for (let count = 0; count < 1000; count++) run.server.send(publish("a", "x"));
		const printed = run.out.length / 2;
		assert.ok(printed > 150 && printed < 350, `${printed} of 1000`);
	});
});

describe("mosquitto_sub ends", () => {
	it("after the count of -C, and takes no message more", async () => {
		const run = await accepted(["-C", "2"]);
		run.server.send(publish("a", "1"), publish("a", "2"), publish("a", "3"));
		assert.equal(run.out, "1\n2\n");
		assert.deepEqual(run.server.takeTypes(), [DISCONNECT]);
		await settle();
		assert.equal(run.code, 0);
	});

	it("does not count what -T and -R leave out", async () => {
		const run = await accepted(["-C", "1", "-T", "a/no", "-R"]);
		run.server.send(publish("a/no", "1"), publish("a", "2", { retain: true }));
		assert.equal(run.code, null);
		run.server.send(publish("a", "3"));
		await settle();
		assert.equal(run.out, "3\n");
		assert.equal(run.code, 0);
	});

	it("with 27 after the time of -W", async () => {
		const run = await accepted(["-W", "3", "-V", "5"], { version: 5 });
		run.host.clock.advance(2999);
		assert.equal(run.code, null);
		run.host.clock.advance(1);
		assert.deepEqual(run.server.take(), [
			{ type: DISCONNECT, reasonCode: Reason.DISCONNECT_WITH_WILL_MESSAGE, properties: null },
		]);
		await settle();
		assert.equal(run.err, "Timed out\n");
		assert.equal(run.code, 27);
	});

	it("with 255 when -W ends before the broker's answer", async () => {
		const run = await start("sub", ["-t", "a", "-W", "1"]);
		run.host.clock.advance(1000);
		assert.equal(run.err, "");
		assert.equal(run.code, 255);
	});

	it("with 0 at SIGINT and SIGTERM, with 255 before the broker's answer", async () => {
		for (const signal of ["SIGINT", "SIGTERM"] as const) {
			const run = await accepted([]);
			run.host.process.signal(signal);
			assert.deepEqual(run.server.takeTypes(), [DISCONNECT]);
			await settle();
			assert.equal(run.code, 0);
			const early = await start("sub", ["-t", "a"]);
			early.host.process.signal(signal);
			assert.equal(early.code, 255);
		}
	});

	it("with 0 at a signal while the connection is lost", async () => {
		const run = await accepted([]);
		run.server.peer.reset();
		await settle();
		run.host.process.signal("SIGTERM");
		assert.equal(run.code, 0);
	});

	it("when nobody reads its output", async () => {
		const run = await accepted([]);
		run.host.process.stdout.failWith = "EPIPE";
		run.server.send(publish("a", "1"));
		assert.deepEqual(run.server.takeTypes(), [DISCONNECT]);
		await settle();
		assert.equal(run.code, 0);
	});

	it("with the code of a refusal", async () => {
		for (const [version, code, text] of [
			[4, 5, "Connection error: Connection Refused: not authorised.\n"],
			[5, 0x86, "Connection error: Bad User Name or Password\n"],
			[
				5,
				0x84,
				"Connection error: Unsupported Protocol Version. Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.\n",
			],
		] as const) {
			const run = await start("sub", ["-t", "a", "-V", version === 5 ? "5" : "311"], { version });
			run.server.take();
			run.server.send(connack(code));
			assert.deepEqual(run.server.takeTypes(), [DISCONNECT]);
			await settle();
			assert.equal(run.err, text);
			assert.equal(run.code, code);
		}
	});

	it("with 1 when the broker cannot be reached", async () => {
		const run = await start("sub", ["-t", "a", "-p", "1"]);
		assert.equal(run.err, "Error: Connection refused\n");
		assert.equal(run.code, 1);
	});

	it("with 2 when the broker does not speak MQTT", async () => {
		const run = await accepted([]);
		run.server.peer.send([0x00, 0x00]);
		await settle();
		assert.equal(run.err, "Error: A network protocol error occurred when communicating with the broker.\n");
		assert.equal(run.code, 2);
	});
});

describe("mosquitto_sub goes on", () => {
	it("after a lost connection, each second, and subscribes again", async () => {
		const run = await accepted([]);
		run.server.peer.reset();
		await settle();
		run.host.clock.advance(999);
		await settle();
		assert.equal(run.server.peers.length, 1);
		run.host.clock.advance(1);
		await settle();
		assert.deepEqual(run.server.takeTypes(), [CONNECT]);
		run.server.send(connack());
		assert.deepEqual(run.server.takeTypes(), [SUBSCRIBE]);
		assert.equal(run.err, "");
		assert.equal(run.code, null);
	});

	it("after the broker's DISCONNECT", async () => {
		const run = await accepted(["-V", "5"], { version: 5 });
		run.server.send({ type: DISCONNECT, reasonCode: Reason.SERVER_SHUTTING_DOWN, properties: null });
		await settle();
		run.host.clock.advance(1000);
		await settle();
		assert.equal(run.server.peers.length, 2);
	});
});

describe("mosquitto_sub and retained messages", () => {
	it("--retained-only ends at the first other message", async () => {
		const run = await accepted(["--retained-only"]);
		run.server.send(
			publish("a", "1", { retain: true }),
			publish("a", "2"),
			publish("a", "3", { retain: true }),
		);
		await settle();
		assert.equal(run.out, "1\n");
		assert.equal(run.code, 0);
	});

	it("--remove-retained deletes those that are printed, and waits for the broker", async () => {
		const run = await accepted(["--remove-retained", "--retained-only", "-T", "a/keep"]);
		run.server.send(publish("a/keep", "0", { retain: true }), publish("a/1", "1", { retain: true }));
		assert.deepEqual(run.server.take(), [publish("a/1", "", { qos: 1, retain: true, packetId: 2 })]);
		run.server.send(publish("a/2", "2"));
		assert.deepEqual(run.server.take(), []);
		run.server.send(ack(PUBACK, 2));
		assert.deepEqual(run.server.takeTypes(), [DISCONNECT]);
		await settle();
		assert.equal(run.out, "1\n");
		assert.equal(run.code, 0);
	});

	it("deletes nothing that is not retained", async () => {
		const run = await accepted(["--remove-retained"]);
		run.server.send(publish("a", "1"));
		assert.equal(run.server.takeTypes().includes(PUBLISH), false);
	});
});
