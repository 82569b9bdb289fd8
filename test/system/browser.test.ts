/**
 * A page in a real browser, on every host: it comes from the broker's own http_dir, and MQTT.js in it talks MQTT over
 * wss:// and ws:// on the same port.
 */

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { evaluate, noFailures, openPage, startBrowser } from "../browser.ts";
import { makeCertificates } from "../certificates.ts";
import { builtPrograms, startBroker, temporaryFolder } from "./harness.ts";

const MQTTJS = fileURLToPath(new URL("../../node_modules/mqtt/dist/mqtt.min.js", import.meta.url));

const PAGE = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>MQTT in a page</title>
<script src="mqtt.min.js"></script>
<script src="page.js"></script>
`;

/** Connects to where the page is from, and has each of `texts` sent to itself; what arrived. */
const SCRIPT = `
const large = "0123456789abcdef".repeat(20000);
async function talk(options) {
	const url = location.origin.replace(/^http/, "ws") + "/mqtt";
	const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 120000, ...options }, false);
	const arrived = [];
	const all = new Promise((resolve) => client.on("message", (topic, payload, packet) => {
		const text = new TextDecoder().decode(payload);
		arrived.push([topic, text === large ? "large" : text, packet.qos]);
		if (arrived.length === 4) resolve();
	}));
	await client.subscribeAsync("page/#", { qos: 2 });
	for (const qos of [0, 1, 2]) await client.publishAsync("page/" + qos, "QoS " + qos + " \\u{1f984}", { qos });
	await client.publishAsync("page/large", large, { qos: 1 });
	await all;
	await client.endAsync();
	return arrived;
}
/** How a connection of the browser's own that is refused ends. */
function refused() {
	return new Promise((resolve) => {
		const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/mqtt", "mqtt");
		socket.onopen = () => resolve("open");
		socket.onclose = ({ code }) => resolve(code);
	});
}
`;

const EXPECTED = [
	["page/0", "QoS 0 \u{1f984}", 0],
	["page/1", "QoS 1 \u{1f984}", 1],
	["page/2", "QoS 2 \u{1f984}", 2],
	["page/large", "large", 1],
];

describe("a page in Chromium", () => {
	let browser: Browser;
	const ends: (() => unknown)[] = [];
	before(async () => {
		browser = await startBrowser({ after: (end) => void ends.push(end as () => unknown) });
	});
	after(async () => {
		for (const end of ends) await end();
	});

	for (const program of builtPrograms()) {
		for (const isSecure of [true, false]) {
			test(`MQTT.js over ${isSecure ? "wss" : "ws"} on ${program.name}`, async (context) => {
				const folder = temporaryFolder(context);
				writeFileSync(join(folder, "index.html"), PAGE);
				writeFileSync(join(folder, "page.js"), SCRIPT);
				copyFileSync(MQTTJS, join(folder, "mqtt.min.js"));
				const lines = ["listener auto 127.0.0.1", "allow_anonymous true", `http_dir ${folder}`];
				if (isSecure) {
					makeCertificates(join(folder, "tls"));
					const { certfile, keyfile } = { certfile: "tls/server.pem", keyfile: "tls/server.key" };
					lines.push("protocol websockets", `certfile ${join(folder, certfile)}`);
					lines.push(`keyfile ${join(folder, keyfile)}`);
				} else {
					lines.push("protocol auto");
				}
				const broker = await startBroker(context, program, { config: `${lines.join("\n")}\n` });
				const url = `${isSecure ? "https" : "http"}://127.0.0.1:${broker.port}/`;
				if (isSecure) {
					const { page } = await openPage(context, browser);
					await assert.rejects(page.goto(url), /ERR_CERT_AUTHORITY_INVALID/);
				}
				const opened = await openPage(context, browser, { ignoreHTTPSErrors: true });
				await opened.page.goto(url);
				assert.equal(await opened.page.title(), "MQTT in a page");
				for (const protocolVersion of [4, 5]) {
					const options = JSON.stringify({ protocolVersion, clientId: `page-${protocolVersion}` });
					assert.deepEqual(await evaluate(opened.page, `talk(${options})`), EXPECTED);
				}
				for (const version of [4, 5]) {
					await broker.line(new RegExp(`New client connected from 127\\.0\\.0\\.1:\\d+ as page-${version} `));
					await broker.line(new RegExp(`Client page-${version} \\[127\\.0\\.0\\.1:\\d+\\] disconnected\\.`));
				}
				noFailures(opened);
				await broker.stop();
			});
		}

		test(`websockets_origin refuses the page of another site, on ${program.name}`, async (context) => {
			const folder = temporaryFolder(context);
			writeFileSync(join(folder, "index.html"), PAGE.replace(/<script src="mqtt.*\n/, ""));
			writeFileSync(join(folder, "page.js"), SCRIPT);
			const lines = ["listener auto 127.0.0.1", "allow_anonymous true", "protocol websockets"];
			lines.push(`http_dir ${folder}`, "websockets_origin http://elsewhere.example");
			const broker = await startBroker(context, program, { config: `${lines.join("\n")}\n` });
			const { page } = await openPage(context, browser);
			await page.goto(`http://127.0.0.1:${broker.port}/`);
			assert.equal(await evaluate(page, "refused()"), 1006);
			await broker.line(
				/HTTP request from 127\.0\.0\.1:\d+ on port \d+ refused: the origin may not connect\./,
			);
			await broker.stop();
		});
	}
});
