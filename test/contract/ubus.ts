/** ubus-js on one host: the captured messages, octets of values, and a bus with clients on a real unix socket. */

import type { Host } from "../../src/host/host.ts";
import { UbusClient, UbusError } from "../../src/ubus/client.ts";
import { decodeMessage, encodeMessage, MessageType } from "../../src/ubus/message.ts";
import { typed } from "../../src/ubus/value.ts";
import { FakeUbusd } from "../fake/ubusd.ts";
import { parseConversations } from "../vectors/ubus-messages.ts";
import { equal, Gate, ok, runTests, scratch, type Tests } from "./harness.ts";

/** Octets of the longest file of conversations. */
const LONGEST = 1_048_576;

/** Runs everything on `host`, with the conversations in the file of that name, and ends the process. */
export function runUbusChecks(host: Host, [path = ""]: readonly string[]): Promise<never> {
	return runTests(host, { ubus: ubusTests(path) });
}

function ubusTests(path: string): Tests {
	return {
		"captured messages, both ways": ({ files, utf8 }) => {
			const bytes = files.read(path, LONGEST);
			const text = utf8.decode(bytes, 0, bytes.length) ?? "";
			let written = 0;
			for (const { messages } of parseConversations(text)) {
				for (const { name, bytes: octets, type, seq, peer, received, sent } of messages) {
					const message = decodeMessage(utf8, octets, 0, octets.length);
					equal<unknown>(message, { type, seq, peer, attributes: received }, name);
					if (sent === null || type === MessageType.MONITOR) continue;
					equal(encodeMessage(utf8, type, seq, peer, sent), octets, name);
					written++;
				}
			}
			ok(written >= 400, `written: ${written}`);
		},

		"values that depend on the byte order": ({ utf8 }) => {
			const data = {
				i: -2,
				l: 2 ** 40 + 1,
				big: -(2n ** 62n) - 1n,
				h: typed("int16", -300),
				b: true,
				d: -1.5,
				s: "é\u{1f600}",
			};
			const bytes = encodeMessage(utf8, MessageType.DATA, 0x1234, 0xfedc_ba98, { data });
			let hex = "";
			for (const octet of bytes) hex += octet.toString(16).padStart(2, "0");
			equal(
				hex,
				[
					"00021234fedcba98000000700700006c",
					"8500000c00016900fffffffe",
					"8400001000016c000000010000000001",
					"840000140003626967000000bfffffffffffffff",
					"8600000a00016800fed40000",
					"870000090001620001000000",
					"8800001000016400bff8000000000000",
					"8300000f00017300c3a9f09f98800000",
				].join(""),
				"octets",
			);
			const read = decodeMessage(utf8, bytes, 0, bytes.length).attributes.data;
			equal<unknown>({ ...read }, { ...data, h: -300 }, "what is read");
		},

		"a bus, and its restart": async (host) => {
			const socket = scratch(host, "ubus");
			const bus = new FakeUbusd(host);
			await bus.listen(socket);
			const lines: string[] = [];
			const log = { enabled: () => true, write: (_type: unknown, text: string) => void lines.push(text) };
			let up = new Gate();
			let down = new Gate();
			const options = { sockets: [socket] };
			const owner = new UbusClient(host, log, options);
			const user = new UbusClient(host, log, {
				...options,
				onState: (isConnected) => (isConnected ? up : down).open(),
			});
			let subscribed = new Gate();
			let heard = new Gate<string>();
			let noted = new Gate<string>();
			const object = owner.register("lab", {
				echo: { call: (args) => args },
				later: { call: () => new Promise((resolve) => host.timers.after(1, () => resolve({ late: true }))) },
			});
			user.listen("lab.*", (event) => heard.open(event));
			user.subscribe("lab", {
				onNotification: ({ type }) => {
					noted.open(type);
					return undefined;
				},
				onState: (isSubscribed) => {
					if (isSubscribed) subscribed.open();
				},
			});
			owner.open();
			user.open();
			for (const round of ["first", "second"]) {
				await up.passed;
				await subscribed.passed;
				const text = "x".repeat(100_000);
				const [echoed] = await user.call("lab", "echo", { text, big: 2n ** 60n, on: true });
				equal<unknown>({ ...echoed }, { text, big: 2n ** 60n, on: true }, "echo");
				equal(await codeOf(user.call("lab", "none")), 3, "no such method");
				equal<unknown>({ ...(await user.call("lab", "later"))[0] }, { late: true }, "later");
				await owner.send(`lab.${round}`);
				equal(await heard.passed, `lab.${round}`, "event");
				ok(object.notify(round), "there is a subscriber");
				equal(await noted.passed, round, "notification");
				equal(
					(await object.ask(round)).map(({ status }) => status),
					[0],
					"answers",
				);
				if (round === "second") break;
				[up, down, subscribed] = [new Gate(), new Gate(), new Gate()];
				[heard, noted] = [new Gate<string>(), new Gate<string>()];
				bus.stop();
				await down.passed;
				equal(await codeOf(user.list()), 10, "no connection");
				await bus.listen(socket);
			}
			owner.close();
			user.close();
			bus.stop();
			ok(
				lines.every((line) => line.startsWith("ubus: ")),
				lines.join("\n"),
			);
		},
	};
}

/** The code that a request fails with. */
async function codeOf(request: Promise<unknown>): Promise<number> {
	try {
		await request;
		return 0;
	} catch (error) {
		ok(error instanceof UbusError, String(error));
		return error.code;
	}
}
