/** The HTTP API: what it answers, to whom. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiSource, answerApi, type Login } from "../../../src/listener/http-api.ts";
import { HttpError } from "../../../src/websocket/http.ts";
import { createFakeHost } from "../../fake/host.ts";
import { text } from "./fixture.ts";

const { utf8 } = createFakeHost();
const common = { tls: true, mtls: false, allowAnonymous: false };

/** What comes of a request: status and body, or `other`. */
function ask(target: string, authorization: string | null = null, method = "GET") {
	const asked: { login: Login | null; path: string }[] = [];
	const source: ApiSource = {
		version: "1.2.3",
		listeners: () => [
			{ port: 9883, path: null, protocol: "http_api", ...common },
			{ port: null, path: "/run/mqtt", protocol: "auto", ...common },
		],
		systree: () => new Map([["$SYS/broker/uptime", 7]]),
		admits: (login, path, done) => {
			asked.push({ login, path });
			done(
				login === null
					? "accepted"
					: login.username === "busy"
						? "busy"
						: login.username === "me"
							? "accepted"
							: "refused",
			);
		},
	};
	let outcome = "nothing";
	const headers = new Map(authorization === null ? [] : [["authorization", authorization]]);
	try {
		answerApi(
			source,
			utf8,
			{ method, target, headers },
			(result) => {
				outcome =
					result instanceof HttpError ? String(result.status) : `${result.status} ${text(result.body)}`;
			},
			() => {
				outcome = "other";
			},
		);
	} catch (error) {
		outcome = String((error as HttpError).status);
	}
	return { outcome, asked };
}

const basic = (login: string) => `Basic ${Buffer.from(login).toString("base64")}`;

test("what is answered", () => {
	assert.equal(ask("/api/v1/version").outcome, "200 1.2.3");
	assert.equal(ask("/api/v1/version?x").outcome, "200 1.2.3");
	assert.equal(ask("/api/v1/systree").outcome, '200 {\n\t"$SYS/broker/uptime": 7\n}');
	const { listeners } = JSON.parse(ask("/api/v1/listeners").outcome.slice(4));
	assert.deepEqual(listeners, [
		{ port: 9883, protocol: "httpapi", tls: true, mtls: false, allow_anonymous: false },
		{ path: "/run/mqtt", protocol: "auto", tls: true, mtls: false, allow_anonymous: false },
	]);
	assert.equal(ask("/api/v2/version").outcome, "404");
	assert.equal(ask("/API/v1/version").outcome, "404");
	assert.equal(ask("/index.html").outcome, "other");
	assert.equal(ask("/api/v1/version", null, "POST").outcome, "405");
	assert.equal(ask("/api/v1/version", null, "HEAD").outcome, "200 1.2.3");
});

test("who is asked for", () => {
	assert.deepEqual(ask("/a?b", basic("me:pa:ss")), {
		outcome: "other",
		asked: [{ login: { username: "me", password: Uint8Array.from(Buffer.from("pa:ss")) }, path: "/a" }],
	});
	assert.equal(ask("/api/v1/version", basic("you:x")).outcome, "401 Not authorised\n");
	assert.equal(ask("/api/v1/version", basic("busy:x")).outcome, "503");
	for (const nothing of [
		"Bearer x",
		"Basic",
		"Basic ?",
		"Basic eA",
		basic("no colon"),
		"Basic gDp4",
		`${basic("a:b")} x`,
	]) {
		assert.equal(ask("/", nothing).asked[0]?.login, null, nothing);
	}
});
