/**
 * The contract of a Connection: input with tails, output gathered by turns, back-pressure, the end. All octets arrive,
 * in their order: [MQTT-4.2.0-1], 3.1.1: [MQTT-7.1.1-1], [MQTT-7.1.2-1].
 */

import type { Connection, Host } from "../../src/host/host.ts";
import {
	connectPair,
	End,
	endPair,
	equal,
	Gate,
	ok,
	type Pair,
	pattern,
	type Tests,
	turn,
} from "./harness.ts";

/** Fills the connection until output has piled up, and returns how many octets were written. */
async function pileUp(host: Host, end: End, chunk: Uint8Array): Promise<number> {
	let written = 0;
	// The system's own buffers take some megabytes; 64 MiB are more than any has.
	while (written < 64 * 1024 * 1024) {
		end.write(chunk);
		written += chunk.length;
		await turn(host);
		await turn(host);
		if (end.connection.buffered > 0) {
			return written;
		}
	}
	throw new Error("nothing piled up");
}

/** Octets that went to and fro on another connection: what came before has been told by now. */
async function barrier(pair: Pair, times = 2): Promise<void> {
	for (let count = 0; count < times; count++) {
		const { client, server } = pair;
		const [toServer, toClient] = [server.received + 1, client.received + 1];
		client.write(Uint8Array.of(1));
		await server.until(() => server.received === toServer);
		server.write(Uint8Array.of(2));
		await client.until(() => client.received === toClient);
	}
}

async function startedPair(host: Host, address?: string): Promise<Pair> {
	const pair = await connectPair(host, address);
	pair.client.start();
	pair.server.start();
	return pair;
}

/** Compares what arrives with `expected`, at a few places of each piece: a loop over every octet is slow when emulated. */
function compare(end: End, expected: Uint8Array): () => string {
	let at = 0;
	let wrong = "";
	end.consume = (bytes, start, stop) => {
		for (let from = start; from < stop; from += 997) {
			check(from);
		}
		check(stop - 1);
		at += stop - start;
		return stop - start;

		function check(from: number): void {
			if (bytes[from] !== expected[at + from - start] && wrong === "") {
				wrong = `octet ${at + from - start} differs`;
			}
		}
	};
	return () => (wrong === "" && at !== expected.length ? `${at} octets of ${expected.length}` : wrong);
}

export const connectionTests: Tests = {
	"input: reading begins with start": async (host) => {
		const pair = await connectPair(host);
		const other = await startedPair(host);
		pair.client.start();
		pair.client.write(Uint8Array.of(1, 2, 3));
		await barrier(other);
		equal(pair.server.calls, 0, "before start");
		pair.server.start();
		await pair.server.until(() => pair.server.received === 3);
		await endPair(pair);
		await endPair(other);
	},

	"input: single octets, consumed five at a time": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		const seen: number[] = [];
		let wrong = "";
		server.consume = (bytes, start, end) => {
			const length = end - start;
			if (length > 5 || length === 0) {
				wrong = `${length} octets given`;
			}
			for (let at = start; at < end; at++) {
				if (bytes[at] !== (seen.length + at - start) % 256) {
					wrong = `octet ${seen.length + at - start} is ${bytes[at]}`;
				}
			}
			if (length < 5) {
				return 0;
			}
			seen.push(...bytes.slice(start, end));
			return 5;
		};
		for (let count = 0; count < 300; count++) {
			const calls = server.calls + 1;
			client.write(Uint8Array.of(count % 256));
			await server.until(() => server.calls === calls);
		}
		equal(wrong, "", "input");
		equal(seen.length, 300, "octets");
		await endPair(pair);
	},

	"input: what is left does not come again without new input": async (host) => {
		const pair = await startedPair(host);
		const other = await startedPair(host);
		pair.server.consume = () => 0;
		pair.client.write(Uint8Array.of(1, 2, 3));
		await pair.server.until(() => pair.server.calls === 1);
		await barrier(other);
		equal(pair.server.calls, 1, "calls");
		let given = 0;
		pair.server.consume = (_bytes, start, end) => {
			given = end - start;
			return given;
		};
		pair.client.write(Uint8Array.of(4));
		await pair.server.until(() => pair.server.calls === 2);
		equal(given, 4, "all that was left, and the new");
		await endPair(pair);
		await endPair(other);
	},

	"input: a handler that waits for three megabytes": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		const bytes = pattern(3 * 1024 * 1024);
		let result = "";
		let last = 0;
		server.consume = (input, start, end) => {
			if (end - start <= last) {
				result = "called without new input";
			}
			last = end - start;
			if (last < bytes.length) {
				return 0;
			}
			for (let at = 0; at < last; at += 997) {
				if (input[start + at] !== bytes[at]) {
					result = `octet ${at} differs`;
				}
			}
			return last;
		};
		client.write(bytes);
		await server.until(() => server.received > 0);
		equal(server.received, bytes.length, "octets");
		equal(result, "", "content");
		server.consume = (_input, start, end) => end - start;
		client.write(Uint8Array.of(1));
		await server.until(() => server.received === bytes.length + 1);
		await endPair(pair);
	},

	"input: any part may be consumed": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		const bytes = pattern(600_000);
		let wrong = "";
		let at = 0;
		let step = 1;
		server.consume = (input, start, end) => {
			const length = end - start;
			for (let from = 0; from < length; from += 499) {
				if (input[start + from] !== bytes[at + from]) {
					wrong = `octet ${at + from} differs`;
				}
			}
			// Sometimes nothing, sometimes all, mostly something between; at the end all.
			step = (step * 7919 + 13) % 10_007;
			const used = at + length === bytes.length ? length : Math.floor((length * (step % 5)) / 4);
			at += used;
			return used;
		};
		let sent = 0;
		for (let piece = 1; sent < bytes.length; piece = (piece * 31 + 7) % 20_011) {
			const end = Math.min(sent + piece, bytes.length);
			client.write(bytes, sent, end);
			sent = end;
			if (piece % 3 === 0) {
				await turn(host);
			}
		}
		await server.until(() => at === bytes.length);
		equal(wrong, "", "content");
		await endPair(pair);
	},

	"input: two connections keep their tails apart": async (host) => {
		const pairs = [await startedPair(host), await startedPair(host)];
		for (const [number, { client, server }] of pairs.entries()) {
			server.consume = (bytes, start, end) => {
				const length = end - start;
				ok(
					bytes.slice(start, end).every((octet) => octet === number + 1),
					"octets of the other connection",
				);
				return length === 10 ? 10 : 0;
			};
			client.write(new Uint8Array(4).fill(number + 1));
			await server.until(() => server.calls > 0);
		}
		for (const [number, { client, server }] of pairs.entries()) {
			client.write(new Uint8Array(6).fill(number + 1));
			await server.until(() => server.received === 10);
		}
		for (const pair of pairs) {
			await endPair(pair);
		}
	},

	"input: pause and resume": async (host) => {
		const pair = await startedPair(host);
		const other = await startedPair(host);
		const { client, server } = pair;
		server.pause(true);
		client.write(Uint8Array.of(1));
		await barrier(other);
		equal(server.calls, 0, "while paused");
		server.pause(false);
		await server.until(() => server.received === 1);
		server.consume = () => {
			server.connection.pause(true);
			return 1;
		};
		client.write(Uint8Array.of(2));
		await server.until(() => server.received === 2);
		client.write(Uint8Array.of(3));
		await barrier(other);
		equal(server.received, 2, "paused in onData");
		server.pause(true);
		server.pause(false);
		await server.until(() => server.received === 3);
		equal(server.calls, 3, "calls");
		await endPair(other);
		server.pause(false);
		await endPair(pair);
	},

	"output: a turn's writes go out together and in order": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		const bytes = pattern(1000);
		const result = compare(server, bytes);
		let buffered = 0;
		for (let at = 0; at < 1000; at += 10) {
			buffered = client.write(bytes, at, at + 10);
		}
		equal(buffered, 1000, "what the last write returned");
		equal(client.connection.buffered, 1000, "buffered in the turn");
		await turn(host);
		await turn(host);
		equal(client.connection.buffered, 0, "buffered after the turn");
		await server.until(() => server.received === 1000);
		equal(result(), "", "content");
		equal(server.calls, 1, "arrivals");
		equal(client.drains, 0, "onDrain: nothing had piled up");
		await endPair(pair);
	},

	"output: bytes are copied at once": async (host) => {
		const pair = await startedPair(host);
		for (const length of [5, 500, 50_000]) {
			const bytes = pattern(length);
			const result = compare(pair.server, bytes.slice());
			const before = pair.server.received;
			pair.client.write(bytes);
			bytes.fill(0xee);
			await pair.server.until(() => pair.server.received === before + length);
			equal(result(), "", `${length} octets`);
		}
		await endPair(pair);
	},

	"output: a part of an array, and nothing": async (host) => {
		const pair = await startedPair(host);
		const bytes = pattern(300);
		const result = compare(pair.server, bytes.slice(100, 250));
		equal(pair.client.write(bytes, 100, 100), 0, "nothing");
		equal(pair.client.write(bytes, 100, 200), 100, "a part");
		equal(pair.client.write(bytes.subarray(150), 50, 100), 150, "a part of a part");
		await pair.server.until(() => pair.server.received === 150);
		equal(result(), "", "content");
		await endPair(pair);
	},

	"output: two megabytes in small pieces": async (host) => {
		const pair = await startedPair(host);
		const bytes = pattern(2 * 1024 * 1024);
		const result = compare(pair.server, bytes);
		for (let at = 0; at < bytes.length; at += 1021) {
			pair.client.write(bytes, at, Math.min(at + 1021, bytes.length));
		}
		await pair.server.until(() => pair.server.received === bytes.length);
		equal(result(), "", "content");
		await endPair(pair);
	},

	"output: an echo of a megabyte, written inside onData": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		const bytes = pattern(1024 * 1024);
		const result = compare(client, bytes);
		server.consume = (input, start, end) => {
			server.connection.write(input, start, end);
			return end - start;
		};
		client.write(bytes);
		await client.until(() => client.received === bytes.length);
		equal(result(), "", "content");
		await endPair(pair);
	},

	"back-pressure: output piles up, then onDrain once when all has been taken": async (host) => {
		for (const address of ["127.0.0.1", "::1"]) {
			const pair = await connectPair(host, address);
			const { client, server } = pair;
			client.start();
			const chunk = new Uint8Array(256 * 1024).fill(7);
			let written = await pileUp(host, client, chunk);
			// On a busy machine some was taken late, and told as drained, before it piled up.
			const { drains } = client;
			const { buffered } = client.connection;
			equal(client.write(chunk), buffered + chunk.length, "more piles up");
			written += chunk.length;
			equal(client.drains, drains, "onDrain before");
			let atDrain = -1;
			client.drained = () => {
				atDrain = client.connection.buffered;
			};
			server.start();
			await client.until(() => client.drains > drains);
			equal(atDrain, 0, "buffered at onDrain");
			await server.until(() => server.received === written);
			await turn(host);
			equal(client.drains, drains + 1, "onDrain");
			// And the same again: it is not a matter of once in a life.
			server.pause(true);
			written += await pileUp(host, client, chunk);
			const later = client.drains;
			server.pause(false);
			await client.until(() => client.drains > later);
			await server.until(() => server.received === written);
			await endPair(pair);
		}
	},

	"back-pressure: writing inside onDrain": async (host) => {
		const pair = await connectPair(host);
		const { client, server } = pair;
		client.start();
		const written = await pileUp(host, client, new Uint8Array(256 * 1024));
		const { drains } = client;
		client.drained = () => {
			client.connection.write(new Uint8Array(10), 0, 10);
		};
		server.start();
		await server.until(() => server.received === written + 10);
		equal(client.drains, drains + 1, "onDrain");
		await endPair(pair);
	},

	"back-pressure: one slow consumer does not hold up another": async (host) => {
		const slow = await connectPair(host);
		const quick = await startedPair(host);
		slow.client.start();
		await pileUp(host, slow.client, new Uint8Array(256 * 1024));
		await barrier(quick, 20);
		ok(slow.client.connection.buffered > 0, "still piled up");
		slow.client.destroy();
		slow.server.start();
		await slow.client.closed();
		await slow.server.closed();
		slow.listener.close();
		await endPair(quick);
	},

	"close: what was written is sent first": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		const bytes = pattern(1024 * 1024);
		const result = compare(server, bytes);
		client.write(bytes);
		client.close();
		client.close();
		equal(client.write(Uint8Array.of(1)), 0, "write after close");
		equal(client.closes, 0, "not told from inside");
		await server.closed();
		await client.closed();
		equal(result(), "", "content");
		equal(server.error, null, "the peer's error");
		equal(client.error, null, "our error");
		await endPair(pair);
	},

	"close: sends all to a peer that reads late": async (host) => {
		const pair = await connectPair(host);
		const { client, server } = pair;
		client.start();
		const written = await pileUp(host, client, new Uint8Array(256 * 1024));
		// On a busy machine some of it was taken late, but before it piled up.
		const { drains } = client;
		client.close();
		await turn(host);
		equal(client.closes, 0, "not yet");
		server.start();
		await server.closed();
		await client.closed();
		equal(server.received, written, "octets");
		equal(client.drains, drains, "no onDrain after close");
		await endPair(pair);
	},

	"close: reads no more": async (host) => {
		const pair = await connectPair(host);
		const { client, server } = pair;
		client.start();
		await pileUp(host, client, new Uint8Array(256 * 1024));
		client.close();
		server.consume = (_bytes, start, end) => {
			server.connection.write(new Uint8Array(8), 0, 8);
			return end - start;
		};
		server.start();
		await Promise.all([client.closed(), server.closed()]);
		equal(client.calls, 0, "onData after close");
		pair.listener.close();
	},

	"close: the last octets reach a peer that has sent a lot which nobody read": async (host) => {
		for (const reads of [true, false]) {
			const pair = await connectPair(host);
			const { client, server } = pair;
			client.start();
			if (reads) {
				// What is read and not consumed is no better than what was never read.
				server.consume = () => 0;
				server.start();
				client.write(pattern(1000));
				await server.until(() => server.calls > 0);
				server.pause(true);
			}
			const written = await pileUp(host, client, new Uint8Array(256 * 1024));
			if (!reads) {
				server.start();
			}
			const { calls } = server;
			server.write(pattern(1000));
			server.close();
			await Promise.all([client.closed(), server.closed()]);
			equal(client.received, 1000, `the last octets, to one that has sent ${written}`);
			equal(client.error, null, "the peer's error");
			equal(server.error, null, "our error");
			equal(server.calls, calls, "onData after close");
			pair.listener.close();
		}
	},

	"close: without a start": async (host) => {
		const pair = await connectPair(host);
		pair.client.start();
		pair.client.write(pattern(100_000));
		pair.server.close();
		await pair.client.closed();
		equal(pair.client.error, null, "the peer's error");
		pair.server.start();
		await pair.server.closed();
		equal(pair.server.error, null, "our error");
		equal(pair.server.calls, 0, "onData");
		await endPair(pair);
	},

	"close: both ends at once": async (host) => {
		const pair = await startedPair(host);
		pair.client.write(Uint8Array.of(1));
		pair.server.write(Uint8Array.of(2));
		pair.client.close();
		pair.server.close();
		await endPair(pair);
	},

	"close: inside onData": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		server.consume = (bytes, start, end) => {
			server.connection.write(bytes, start, end);
			server.connection.close();
			server.connection.close();
			return end - start;
		};
		client.write(pattern(100));
		await client.closed();
		equal(client.received, 100, "the answer");
		equal(server.calls, 1, "onData");
		await endPair(pair);
	},

	"close: ends a connection after 5 s whose peer does not read": async (host) => {
		const pair = await connectPair(host);
		const { client, server } = pair;
		client.start();
		await pileUp(host, client, new Uint8Array(256 * 1024));
		const start = host.clock.monotonic();
		client.close();
		await client.closed();
		const passed = host.clock.monotonic() - start;
		ok(passed >= 5000, `after ${passed} ms`);
		equal(client.closes, 1, "onClose");
		server.start();
		await server.closed();
		await endPair(pair);
	},

	"peer's end: what was written is sent, then the connection is over": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		client.write(Uint8Array.of(1, 2));
		client.close();
		await server.closed();
		equal(server.error, null, "error");
		equal(server.received, 2, "octets before the end");
		equal(server.write(Uint8Array.of(1)), 0, "write afterwards");
		server.close();
		server.destroy();
		await endPair(pair);
	},

	"peer's end: an unfinished tail is forgotten": async (host) => {
		const pair = await startedPair(host);
		pair.server.consume = () => 0;
		pair.client.write(Uint8Array.of(1, 2));
		pair.client.close();
		await pair.server.closed();
		equal(pair.server.error, null, "error");
		equal(pair.server.calls, 1, "onData");
		await endPair(pair);
	},

	"peer's end: seen when reading begins": async (host) => {
		const pair = await connectPair(host);
		pair.client.start();
		const other = await startedPair(host);
		pair.client.write(Uint8Array.of(1));
		pair.client.close();
		await barrier(other);
		pair.server.start();
		await pair.server.closed();
		equal(pair.server.received, 1, "octets");
		await endPair(other);
		await endPair(pair);
	},

	"destroy: what was not taken is dropped": async (host) => {
		const pair = await connectPair(host);
		const { client, server } = pair;
		client.start();
		const written = await pileUp(host, client, new Uint8Array(256 * 1024));
		client.destroy();
		equal(client.closes, 0, "not told from inside");
		client.destroy();
		client.close();
		equal(client.write(Uint8Array.of(1)), 0, "write afterwards");
		await client.closed();
		equal(client.error, null, "error");
		equal(client.drains, 0, "onDrain");
		server.start();
		await server.closed();
		ok(server.received < written, `${server.received} of ${written} octets arrived`);
		await endPair(pair);
	},

	"destroy: a turn's output is dropped": async (host) => {
		const pair = await startedPair(host);
		pair.client.write(Uint8Array.of(1));
		pair.client.destroy();
		await pair.server.closed();
		equal(pair.server.received, 0, "octets");
		await endPair(pair);
	},

	"destroy: inside onData, with more to come": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		server.consume = () => {
			server.connection.destroy();
			return 1;
		};
		client.write(pattern(200_000));
		await server.closed();
		equal(server.calls, 1, "onData");
		equal(server.error, null, "error");
		await client.closed();
		await endPair(pair);
	},

	"destroy: cuts a close short": async (host) => {
		const pair = await connectPair(host);
		pair.client.start();
		await pileUp(host, pair.client, new Uint8Array(256 * 1024));
		const start = host.clock.monotonic();
		pair.client.close();
		pair.client.destroy();
		await pair.client.closed();
		ok(host.clock.monotonic() - start < 5000, "at once");
		pair.server.start();
		await pair.server.closed();
		await endPair(pair);
	},

	"reset: the peer that leaves unread input breaks the connection": async (host) => {
		const pair = await connectPair(host);
		const other = await startedPair(host);
		const { client, server } = pair;
		client.start();
		client.pause(true);
		server.start();
		server.write(pattern(1000));
		await barrier(other);
		client.destroy();
		await server.closed();
		equal(server.error?.code, "ECONNRESET", "code");
		equal(server.error?.message, "Connection reset by peer", "message");
		await endPair(pair);
		await endPair(other);
	},

	"onClose: handlers of others may be used in it": async (host) => {
		const one = await startedPair(host);
		const two = await startedPair(host);
		one.server.until(() => {
			if (one.server.closes > 0) {
				two.server.connection.write(Uint8Array.of(1, 2, 3), 0, 3);
				two.server.connection.close();
				return true;
			}
			return false;
		});
		one.client.close();
		await two.client.closed();
		equal(two.client.received, 3, "octets");
		await endPair(one);
		await endPair(two);
	},

	"unix sockets behave alike": async (host) => {
		const folder = host.process.env("CONTRACT_DIR") ?? "/tmp";
		const path = `${folder}/contract-${host.process.pid}.sock`;
		const accepted = new Gate<Connection>();
		const listener = await host.network.listen({ address: path, port: 0 }, accepted.open);
		const client = new End(await host.network.connect({ host: path, port: 0 })).start();
		const server = new End(await accepted.passed);
		const written = await pileUp(host, client, pattern(256 * 1024));
		const { drains } = client;
		server.start();
		await client.until(() => client.drains > drains);
		await server.until(() => server.received === written);
		client.write(pattern(100_000));
		await endPair({ client, server, listener });
		equal(server.received, written + 100_000, "octets");
	},

	"beforeFlush: at the end of the turn, in order, those that are asked for inside too": async (host) => {
		const { network } = host;
		const order: string[] = [];
		const gate = new Gate();
		network.beforeFlush(() => {
			order.push("one");
			network.beforeFlush(() => {
				order.push("three");
				gate.open();
			});
		});
		network.beforeFlush(() => order.push("two"));
		order.push("now");
		await gate.passed;
		equal(order, ["now", "one", "two", "three"], "order");
		await turn(host);
		equal(order.length, 4, "once each");
	},

	"beforeFlush: before the output of the turn, and what it writes goes with it": async (host) => {
		const pair = await startedPair(host);
		const { client, server } = pair;
		const seen: number[] = [];
		let answered = 0;
		client.consume = (_bytes, start, end) => {
			answered += end - start;
			return end - start;
		};
		server.consume = (bytes, start, end) => {
			const before = server.connection.buffered;
			server.connection.write(bytes, start, end);
			network.beforeFlush(() => {
				seen.push(server.connection.buffered - before - (end - start));
				server.connection.write(bytes, 0, 1);
			});
			return end - start;
		};
		const { network } = host;
		for (let round = 1; round <= 3; round++) {
			client.write(pattern(100));
			await client.until(() => server.received === 100 * round && answered === 100 * round + seen.length);
		}
		ok(seen.length >= 3, "called");
		equal(
			seen.filter((sent) => sent !== 0),
			[],
			"nothing had gone when it was called",
		);
		equal(server.connection.buffered, 0, "all has gone");
		await endPair(pair);
	},
};
