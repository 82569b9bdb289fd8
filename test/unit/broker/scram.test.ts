// SCRAM-SHA-256 by itself: RFC 7677's example, and every message that a client must not send.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthenticationExchange } from "../../../src/broker/authenticator.ts";
import { createScramCredentials, ScramSha256 } from "../../../src/broker/scram.ts";
import { MqttError, Reason } from "../../../src/packet/packet.ts";
import { createFakeHost } from "../../fake/host.ts";

const host = createFakeHost();
const { utf8 } = host;
const SALT = new Uint8Array(Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
const pencil = createScramCredentials(host, "pencil", SALT);
const NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

function scram(): ScramSha256 {
	const names = ["user", "a,b=c"];
	return new ScramSha256(
		host,
		(name) => (names.includes(name) ? pencil : null),
		() => NONCE,
	);
}

function say(exchange: AuthenticationExchange, message: string): string {
	const { data } = exchange.step(utf8.encode(message));
	assert.ok(data !== null);
	return Buffer.from(data).toString();
}

const FIRST = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const CHALLENGE = `r=rOprNGfwEbeRWgbNEkqO${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const UNPROVEN = `c=biws,r=rOprNGfwEbeRWgbNEkqO${NONCE}`;
const FINAL = `${UNPROVEN},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;

function refuses(exchange: AuthenticationExchange, message: Uint8Array | null, name: string): void {
	assert.throws(
		() => exchange.step(message),
		(error) => error instanceof MqttError && error.code === Reason.NOT_AUTHORIZED,
		name,
	);
}

test("RFC 7677's example", () => {
	const exchange = scram().begin();
	assert.equal(say(exchange, FIRST), CHALLENGE);
	const end = exchange.step(utf8.encode(FINAL));
	assert.ok(end.done);
	assert.equal(end.username, "user");
	assert.equal(Buffer.from(end.data!).toString(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
});

test("commas and equals signs in names, an authorization identity of oneself, and extensions", () => {
	for (const first of [
		"n,,n=a=2Cb=3Dc,r=x",
		"y,,n=user,r=x",
		"n,a=user,n=user,r=x",
		"n,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=x",
		"n,,n=user,r=x,e=1",
	]) {
		assert.equal(say(scram().begin(), first), `r=x${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, first);
	}
});

test("first messages that are refused", () => {
	for (const first of [
		"",
		"n",
		"n,,",
		"n,,n=user",
		"n,,n=user,r=",
		"n,,n=,r=x",
		"n,,n=us=er,r=x",
		"n,,n=us=2cer,r=x",
		"n,,r=x,n=user",
		"n,,m=1,n=user,r=x",
		"n,a=other,n=user,r=x",
		"n,b=user,n=user,r=x",
		"p=tls-unique,,n=user,r=x",
		"x,,n=user,r=x",
		"n,,n=user,r=a b",
		"n,,n=user,r=ä",
		`n,,n=user,r=${"x".repeat(5000)}`,
	]) {
		refuses(scram().begin(), utf8.encode(first), first);
	}
	refuses(scram().begin(), null, "nothing");
	refuses(scram().begin(), Uint8Array.of(0xff), "ill-formed");
});

test("final messages that are refused", () => {
	for (const final of [
		"",
		UNPROVEN,
		`${UNPROVEN},p=`,
		`${UNPROVEN},p=dHzb`,
		FINAL.replace("p=d", "p=e"),
		FINAL.replace("c=biws", "c=eSws"),
		FINAL.replace("r=r", "r=q"),
		FINAL.replace("k0,", "k1,"),
		FINAL.replace(",p=", ",x=1,p="),
		`${FINAL}=`,
		FINAL.slice(0, -1),
	]) {
		const exchange = scram().begin();
		say(exchange, FIRST);
		refuses(exchange, utf8.encode(final), final);
	}
});

test("a user that does not exist gets a challenge like others, the same each time, and is refused at the end", () => {
	const method = scram();
	const first = FIRST.replace("user", "nobody");
	const exchange = method.begin();
	const challenge = say(exchange, first);
	assert.match(challenge, /,s=[A-Za-z0-9+/]{22}==,i=4096$/);
	assert.equal(say(method.begin(), first), challenge);
	assert.notEqual(
		say(method.begin(), FIRST.replace("user", "nobody2")).split(",")[1],
		challenge.split(",")[1],
	);
	refuses(exchange, utf8.encode(FINAL), "any proof");
});

test("every exchange has a nonce of its own", () => {
	const method = new ScramSha256(host, () => pencil);
	assert.notEqual(say(method.begin(), FIRST), say(method.begin(), FIRST));
});

test("iterations are bounded: too few are unsafe, too many stop the loop", () => {
	for (const iterations of [1, 4095, 100_001]) {
		assert.throws(() => createScramCredentials(host, "x", SALT, iterations), RangeError);
	}
});
